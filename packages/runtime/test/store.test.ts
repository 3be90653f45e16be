import { launchBrowser, type Browser, type Page } from '@whittle/browser'
import type { Manifest } from '@whittle/targets'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { HALF, MODEL, manifestOf, openPage, runtimeFiles, startHost, type Host } from './host.ts'

let browser: Browser
let host: Host
let context: Awaited<ReturnType<Browser['newContext']>>
let page: Page
const files = runtimeFiles()

beforeAll(async () => {
  browser = await launchBrowser({ webgpu: true })
  host = await startHost({ lasting: true })
})
beforeEach(async () => {
  context = await browser.newContext()
  page = await openPage(context, host)
  host.requests.length = 0
})
afterEach(async () => {
  host.down = false
  host.deployed = {}
  await context.close()
})
afterAll(async () => {
  await browser?.close()
  await host?.close()
})

const manifest = manifestOf({ wasm: 'model.onnx' })

function load(of: Manifest = manifest, options: object = {}): Promise<any> {
  return page.evaluate(([m, o, c]) => (globalThis as any).whittle.load(m, o, c), [of, options, { files }] as const)
}

async function reload(): Promise<void> {
  await page.reload()
  await page.waitForFunction(() => 'whittle' in globalThis)
  host.requests.length = 0
}

/** Waits until the files of the last load are kept: that goes on after it. */
async function kept(count: number): Promise<string[]> {
  await expect.poll(() => keys().then(({ length }) => length), { timeout: 5000 }).toBe(count)
  return keys()
}

const keys = (): Promise<string[]> =>
  page.evaluate(async () => (await (await caches.open('whittle')).keys()).map(({ url }) => decodeURI(url)))

/** Another page loads a newer build, whose file takes the place of what is kept. */
async function loadNewer(): Promise<void> {
  const newer = await openPage(context, host)
  await newer.evaluate(([m, c]) => (globalThis as any).whittle.load(m, {}, c), [
    manifestOf({ wasm: 'half.onnx' }, {}, HALF),
    { files },
  ] as const)
  await expect.poll(async () => (await keys()).join(' ')).not.toContain(sha(MODEL))
}

async function works(): Promise<void> {
  const result: any = await page.evaluate(() => {
    const { run, tensor } = (globalThis as any).whittle
    return run({ x: tensor(new Float32Array(4), [1, 4]) })
  })
  expect(result.y).toMatchObject({ dims: [1, 3], data: [0, 0, 0] })
}

describe('a second load', () => {
  test.each(['wasm', 'webgpu'])('on %s asks for no model and no runtime file, though the host is down for them', async (target) => {
    const first = await load(manifestOf({ [target]: 'model.onnx' }))
    expect(first).toMatchObject({ device: target, bytes: { downloaded: MODEL.length } })
    await kept(2)
    await reload()
    host.down = true
    const second = await load(manifestOf({ [target]: 'model.onnx' }))
    expect(second).toMatchObject({ device: target, bytes: { downloaded: 0, total: MODEL.length } })
    expect(second.progress.at(-1)).toEqual(first.progress.at(-1))
    expect(host.requests.filter((path) => /^\/(ort|models)\//.test(path))).toEqual([])
    await works()
  })

  test('in the same page starts no second runtime', async () => {
    await load()
    await load(manifestOf({ wasm: 'half.onnx' }, {}, HALF))
    expect(host.requests.filter((path) => path.endsWith('.wasm'))).toEqual(['/ort/ort-wasm-simd-threaded.wasm'])
  })

  test('fetches again what was damaged', async () => {
    await load()
    await kept(2)
    await page.evaluate(async () => {
      const cache = await caches.open('whittle')
      for (const { url } of await cache.keys()) await cache.put(url, new Response('damaged'))
    })
    await reload()
    expect(await load()).toMatchObject({ device: 'wasm', bytes: { downloaded: MODEL.length } })
    await works()
  })
})

describe('progress', () => {
  test('counts the model and the runtime, and grows to their sum', async () => {
    const { progress } = await load()
    const all = MODEL.length + files.wasm.bytes
    expect(progress.at(-1)).toEqual([all, all])
    progress.forEach(([loaded]: number[], at: number) => expect(loaded).toBeGreaterThanOrEqual(progress[at - 1]?.[0] ?? 0))
    expect(progress.length).toBeGreaterThan(10)
  })
})

describe('a new build', () => {
  test('takes the place of the files of the old one, and leaves those of other models', async () => {
    await load(manifestOf({ wasm: 'model.onnx' }, { query: 'fp16' }))
    await load()
    await kept(3)
    await load(manifestOf({ wasm: 'half.onnx' }, {}, HALF))
    await expect.poll(async () => (await keys()).join(' ')).toContain(sha(HALF))
    const models = (await kept(3)).filter((key) => key.includes('/model/'))
    expect(models.map((key) => key.split('/').slice(4, 6).join(' '))).toEqual([`net?fp16 ${sha(MODEL)}`, `net?int8 ${sha(HALF)}`])
  })
})

describe('two tabs', () => {
  test('that load at once both run, and keep one copy', async () => {
    const other = await openPage(context, host)
    const loads = [page, other].map((tab) =>
      tab.evaluate(([m, c]) => (globalThis as any).whittle.load(m, {}, c).then(({ device, error }: any) => device ?? error.message), [
        manifest,
        { files },
      ] as const),
    )
    expect(await Promise.all(loads)).toEqual(['wasm', 'wasm'])
    await kept(2)
    await works()
  })

  test('of which one has an older build run on, and load again what it had', async () => {
    await load()
    await kept(2)
    await loadNewer()
    await works()
    expect(await load()).toMatchObject({ device: 'wasm', bytes: { downloaded: MODEL.length } })
  })
})

describe('a page of an old deployment, whose model is gone from the host', () => {
  beforeEach(async () => {
    expect(await load()).toMatchObject({ device: 'wasm' })
    await kept(2)
  })

  test('runs on, and loads again what it has kept', async () => {
    host.deployed = { 'model.onnx': 'missing.onnx' }
    await works()
    expect(await load()).toMatchObject({ device: 'wasm', bytes: { downloaded: 0 } })
    await works()
  })

  test.each([
    ['nothing is there in its place', 'missing.onnx', 'HTTP_STATUS', /model\.onnx answered 404; is model\.onnx deployed there\?$/],
    ['another is there in its place', 'two-rows.onnx', 'WRONG_SIZE', /model\.onnx answered 200 with \d+ bytes, model\.onnx has \d+; /],
    ['the app is there in its place', 'page.onnx', 'NOT_A_MODEL', /model\.onnx answered 200 with an HTML page; /],
  ])('runs on, and names the file when a new build has taken the place of what was kept and %s', async (_, file, code, message) => {
    host.deployed = { 'model.onnx': file }
    await loadNewer()
    await works()
    const { error } = await load()
    expect(error).toMatchObject({ code: 'LOAD_FAILED', cause: { code, message: expect.stringMatching(message) } })
    expect(error.decisions).toHaveLength(1)
    await page.evaluate(() => (globalThis as any).session.dispose())
  })
})

describe('without storage', () => {
  test.each([
    ['is denied', () => void ((globalThis as any).caches.open = () => Promise.reject(new DOMException('denied', 'SecurityError')))],
    ['is not there', () => void Object.defineProperty(globalThis, 'caches', { value: undefined })],
  ])('that %s every load fetches', async (_, before) => {
    await page.evaluate(before)
    expect(await load()).toMatchObject({ device: 'wasm', bytes: { downloaded: MODEL.length } })
    await works()
    expect(await load()).toMatchObject({ bytes: { downloaded: MODEL.length } })
  })

  test('that is full every load fetches', async () => {
    const client = await context.newCDPSession(page)
    await client.send('Storage.overrideQuotaForOrigin', { origin: new URL(host.url).origin, quotaSize: 1000 })
    expect(await load()).toMatchObject({ device: 'wasm', bytes: { downloaded: MODEL.length } })
    await works()
    expect(await keys()).toEqual([])
    await reload()
    expect(await load()).toMatchObject({ bytes: { downloaded: MODEL.length } })
  })
})

function sha(model: Uint8Array): string {
  return manifestOf({ wasm: 'x' }, {}, model).variants[0]!.files[0]!.sha256
}
