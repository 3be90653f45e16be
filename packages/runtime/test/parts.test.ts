import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Manifest } from '@whittle/targets'
import { describe, expect, test } from 'vitest'
import { ORT } from './answers.ts'
import { drive, expectGrowing, onlyWasm } from './drive.ts'
import { HALF, MODEL, dividedManifest, inParts, manifestOf, runtimeFiles } from './host.ts'

const driven = drive({ webgpu: true })
const { open, load, works, asked } = driven

const THREE = ['model', 'model', 'model']
const partsOf = (manifest: Manifest) => manifest.variants[0]!.files[0]!.parts!
/** What the page has kept of models and runtimes, by the end of its keys. */
const kept = (): Promise<string[]> =>
  driven.page.evaluate(async () => (await (await caches.open('whittle')).keys()).map(({ url }) => url.replace(/.*\//, '')).sort())
const hashes = (manifest: Manifest): string[] =>
  partsOf(manifest)
    .map(({ sha256 }) => sha256)
    .sort()

async function reload(): Promise<void> {
  await driven.page.reload()
  await driven.page.waitForFunction(() => 'whittle' in globalThis)
  driven.host.requests.length = 0
}

describe('files in parts', () => {
  test('of the model and of the runtime are joined, each part fetched once, and progress grows to their sum', async () => {
    await open()
    const files = runtimeFiles()
    const wasm = inParts(files.wasm, readFileSync(path.join(ORT, files.wasm.path)), ['model', 'trickle'])
    const manifest = dividedManifest({ wasm: ['trickle', 'model', 'trickle'] })
    const loaded = await load(manifest, {}, { files: { ...files, wasm } })
    expect(loaded).toMatchObject({ device: 'wasm', bytes: { downloaded: MODEL.length, total: MODEL.length } })
    await works()
    const all = MODEL.length + files.wasm.bytes
    expect(loaded.progress.at(-1)).toEqual([all, all])
    expect(new Set(loaded.progress.map(([bytes]: number[]) => bytes)).size).toBeGreaterThan(20)
    expectGrowing(loaded.progress)
    for (const { parts = [] } of [wasm, manifest.variants[0]!.files[0]!])
      expect(driven.host.requests.filter((name) => parts.some((part) => name === `/models/${part.path}`))).toEqual(
        parts.map((part) => `/models/${part.path}`),
      )
    expect(asked('.wasm')).toHaveLength(2)
    expect(asked('.onnx')).toHaveLength(3)
  })

  test('start on WebGPU', async () => {
    await open()
    expect(await load(dividedManifest({ webgpu: THREE }))).toMatchObject({ device: 'webgpu' })
    await works()
  })

  test('of which one is cut go on where it was, and nothing is counted twice', async () => {
    await open()
    const loaded = await load(dividedManifest({ wasm: ['model', 'resumed', 'model'] }))
    expect(loaded).toMatchObject({ device: 'wasm', bytes: { downloaded: MODEL.length } })
    await works()
    expect(asked('.onnx').map((name) => name.replace(/.*\/(\w+).*/, '$1'))).toEqual(['model', 'resumed', 'resumed', 'resumed', 'model'])
    expect(loaded.progress.at(-1)).toEqual([MODEL.length, MODEL.length])
    expectGrowing(loaded.progress)
  })

  test('of which one was damaged on the way are fetched for the next variant, and progress does not fall', async () => {
    await open(onlyWasm)
    const [bad] = dividedManifest({ wasm: ['model', 'other', 'model'] }).variants
    const { variants, ...manifest } = dividedManifest({ wasm: THREE })
    const loaded = await load({ ...manifest, variants: [bad!, { ...variants[0]!, id: 'fp32-wasm', rank: 31 }] })
    expect(loaded.decisions).toMatchObject([
      { outcome: 'failed', reason: expect.stringMatching(/other\.\d+-\d+\.onnx answered 200 with the SHA-256 /) },
      { outcome: 'chosen' },
    ])
    await works()
    expectGrowing(loaded.progress)
  })

  test.each([
    ['missing', 'HTTP_STATUS', /models\/(missing\S+\.onnx) answered 404; is \1 deployed there\?$/],
    ['broken', 'HTTP_STATUS', /models\/broken\S+\.onnx answered 500; /],
    ['page', 'NOT_A_MODEL', /models\/(page\S+\.onnx) answered 200 with an HTML page; is \1 deployed there\?$/],
    ['short', 'WRONG_SIZE', /models\/(short\S+\.onnx) answered 200 with 1000 bytes, \1 has \d+; /],
    ['long', 'WRONG_SIZE', /models\/long\S+\.onnx answered 200 with more than \d+ bytes, /],
    ['other', 'WRONG_HASH', /models\/(other\S+\.onnx) answered 200 with the SHA-256 [0-9a-f]{64}, \1 has [0-9a-f]{64}; a stale/],
    ['cut', 'NETWORK', /the download of http.*models\/cut\S+\.onnx broke off after \d+ of \d+ bytes: /],
  ])('of which one is %s are named by it in a %s', async (way, code, message) => {
    await open(onlyWasm)
    const { error, progress } = await load(dividedManifest({ wasm: ['model', way, 'model'] }))
    expect(error).toMatchObject({ name: 'LoadError', code: 'LOAD_FAILED', cause: { name: 'LoadError', code } })
    expect(error.cause.message).toMatch(message)
    expect(error.decisions).toEqual([{ target: 'wasm', variant: 'int8-wasm', outcome: 'failed', reason: error.cause.message }])
    expect(asked('.onnx').some((name) => name.startsWith(`/models/${way}`))).toBe(true)
    expectGrowing(progress)
  })

  test('of the runtime are named as well, and another load works when they are there', async () => {
    await open()
    const files = runtimeFiles()
    const content = readFileSync(path.join(ORT, files.wasm.path))
    const divided = (...ways: string[]) => ({ files: { ...files, wasm: inParts(files.wasm, content, ways) } })
    const { error } = await load(manifestOf({ wasm: 'model.onnx' }), {}, divided('model', 'missing'))
    expect(error.cause).toMatchObject({ code: 'HTTP_STATUS', message: expect.stringMatching(/missing\S+\.wasm answered 404; /) })
    expect(await load(manifestOf({ wasm: 'model.onnx' }), {}, divided('model', 'model'))).toMatchObject({ device: 'wasm' })
    await works()
  })

  test('of the runtime are left for the whole file where runtimeBase says that it is', async () => {
    await open()
    const files = runtimeFiles()
    const wasm = inParts(files.wasm, readFileSync(path.join(ORT, files.wasm.path)), ['missing', 'missing'])
    const loaded = await load(manifestOf({ wasm: 'model.onnx' }), { runtimeBase: '/ort/' }, { files: { ...files, wasm } })
    expect(loaded).toMatchObject({ device: 'wasm' })
    expect(asked('.wasm')).toEqual(['/ort/ort-wasm-simd-threaded.wasm'])
  })
})

describe('parts that are kept', () => {
  test('are not asked for again when the page is left before the rest is there', async () => {
    await open()
    const manifest = dividedManifest({ wasm: ['model', 'model', 'held'] })
    const loading = load(manifest).catch(() => undefined)
    await expect.poll(async () => (await kept()).length, { timeout: 10_000 }).toBe(2)
    await reload()
    await loading
    const now = dividedManifest({ wasm: THREE })
    const rest = partsOf(now)[2]!
    const { device, bytes, progress } = await load(now)
    expect({ device, bytes }).toEqual({ device: 'wasm', bytes: { downloaded: rest.bytes, total: MODEL.length } })
    expect(asked('.onnx')).toEqual([`/models/${rest.path}`])
    expect(progress.at(-1)).toEqual([MODEL.length, MODEL.length])
    await works()
  })

  test('start a second load without the host, and a damaged one alone is fetched again', async () => {
    await open()
    const manifest = dividedManifest({ wasm: THREE })
    await load(manifest)
    await expect.poll(kept, { timeout: 10_000 }).toEqual(hashes(manifest))
    await reload()
    expect(await load(manifest)).toMatchObject({ device: 'wasm', bytes: { downloaded: 0, total: MODEL.length } })
    expect(asked('.onnx')).toEqual([])
    await works()

    const damaged = partsOf(manifest)[1]!
    await driven.page.evaluate(async (hash) => {
      const cache = await caches.open('whittle')
      for (const { url } of await cache.keys()) if (url.endsWith(hash)) await cache.put(url, new Response('damaged'))
    }, damaged.sha256)
    await reload()
    expect(await load(manifest)).toMatchObject({ device: 'wasm', bytes: { downloaded: damaged.bytes } })
    expect(asked('.onnx')).toEqual([`/models/${damaged.path}`])
  })

  test('stay while another variant of the same build is loaded, and go when another build is', async () => {
    await open()
    const whole = manifestOf({ wasm: 'half.onnx' }, {}, HALF).variants[0]!
    const both = dividedManifest({ webgpu: THREE })
    const manifest = { ...both, variants: [...both.variants, whole] }
    await load(manifest)
    await expect.poll(kept, { timeout: 10_000 }).toEqual(hashes(both))
    await load(manifest, { devices: ['wasm'] })
    await expect.poll(kept, { timeout: 10_000 }).toEqual([...hashes(both), whole.files[0]!.sha256].sort())
    await load(manifestOf({ wasm: 'half.onnx' }, { query: 'int8' }, HALF))
    await load(dividedManifest({ wasm: ['half', 'half'] }, HALF))
    await expect.poll(kept, { timeout: 10_000 }).toEqual(hashes(dividedManifest({ wasm: ['half', 'half'] }, HALF)))
  })
})

test('a load of parts that is aborted rejects with the reason', async () => {
  await open()
  const loading = load(dividedManifest({ wasm: ['model', 'silent', 'model'] }))
  await expect.poll(() => asked('.onnx').length, { timeout: 10_000 }).toBe(2)
  await driven.page.evaluate(() => (globalThis as any).stop())
  expect((await loading).error).toMatchObject({ message: 'stopped' })
  expect(asked('.onnx')).toHaveLength(2)
})
