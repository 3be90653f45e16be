import { describe, expect, test } from 'vitest'
import { drive, expectGrowing, onlyWasm } from './drive.ts'
import { MODEL, manifestOf, runtimeFiles } from './host.ts'

const driven = drive({ webgpu: true })
const { open, load, works, asked } = driven

describe('a host', () => {
  test.each([
    ['missing.onnx', 'HTTP_STATUS', /models\/missing\.onnx answered 404; is missing\.onnx deployed there\?$/],
    ['broken.onnx', 'HTTP_STATUS', /models\/broken\.onnx answered 500; /],
    ['page.onnx', 'NOT_A_MODEL', /models\/page\.onnx answered 200 with an HTML page; is page\.onnx deployed there/],
    ['short.onnx', 'WRONG_SIZE', /models\/short\.onnx answered 200 with 1000 bytes, short\.onnx has \d+/],
    ['long.onnx', 'WRONG_SIZE', /models\/long\.onnx answered 200 with more than \d+ bytes/],
    ['other.onnx', 'WRONG_HASH', /models\/other\.onnx answered 200 with the SHA-256 [0-9a-f]{64}, other\.onnx has [0-9a-f]{64}; a stale/],
    ['cut.onnx', 'NETWORK', /the download of http.*models\/cut\.onnx broke off after \d+ of \d+ bytes: /],
  ])('that answers %s is named in a %s, and the next variant is taken', async (file, code, message) => {
    await open(onlyWasm)
    const { error } = await load(manifestOf({ webgpu: file, wasm: file }))
    expect(error).toMatchObject({ name: 'LoadError', code: 'LOAD_FAILED', cause: { name: 'LoadError', code } })
    expect(error.cause.message).toMatch(message)
    expect(error.message).toContain(
      `net: no variant could be started on this device\n  int8-webgpu: unavailable: this browser has no WebGPU\n  int8-wasm: failed: `,
    )
    expect(error.decisions).toHaveLength(2)
    expect(error.decisions[1].reason).toBe(error.cause.message)

    const manifest = manifestOf({ wasm: file })
    const [bad] = manifest.variants
    const [good] = manifestOf({ wasm: 'model.onnx' }).variants
    const both = { ...manifest, variants: [bad!, { ...good!, id: 'fp32-wasm', rank: 31 }] }
    const loaded = await load(both)
    expect(loaded.decisions.map(({ outcome }: any) => outcome)).toEqual(['failed', 'chosen'])
    await works()
    expectGrowing(loaded.progress)
  })

  test('that cuts a download is asked for the rest, and progress does not count anything twice', async () => {
    await open()
    const loaded = await load(manifestOf({ wasm: 'resumed.onnx' }))
    expect(loaded).toMatchObject({ device: 'wasm', bytes: { downloaded: MODEL.length } })
    await works()
    expect(asked('.onnx')).toHaveLength(3)
    expect(loaded.progress.at(-1)).toEqual([MODEL.length, MODEL.length])
    expectGrowing(loaded.progress)
  })

  test('that is not there is named', async () => {
    await open()
    await driven.page.route('**/models/**', (route) => route.abort('connectionrefused'))
    expect((await load(manifestOf({ wasm: 'model.onnx' }))).error.cause).toMatchObject({
      code: 'NETWORK',
      message: expect.stringMatching(/models\/model\.onnx broke off after 0 of \d+ bytes: /),
    })
  })

  test('that compresses a model gives progress that grows to the manifest’s total', async () => {
    await open()
    const { progress } = await load(manifestOf({ wasm: 'gzip.onnx' }))
    expect(progress[0]).toEqual([0, MODEL.length])
    expect(progress.at(-1)).toEqual([MODEL.length, MODEL.length])
    expectGrowing(progress)
  })

  test('that is slow gives progress with every piece of the model and of the runtime, and a session in the end', async () => {
    await open()
    const files = runtimeFiles()
    const { device, progress } = await load(manifestOf({ wasm: 'trickle.onnx' }), {}, { files, wasm: '/models/trickle.wasm' })
    expect(device).toBe('wasm')
    await works()
    const all = MODEL.length + files.wasm.bytes
    expect(progress.at(-1)).toEqual([all, all])
    expect(new Set(progress.map(([loaded]: number[]) => loaded)).size).toBeGreaterThan(20)
    expectGrowing(progress)
  })

  test('that serves the runtime elsewhere is found by runtimeBase', async () => {
    await open()
    const loaded = await load(
      manifestOf({ wasm: 'model.onnx' }),
      { runtimeBase: '/ort/elsewhere' },
      { wasm: '/nowhere/ort-wasm-simd-threaded.wasm' },
    )
    expect(loaded.device).toBe('wasm')
    expect(asked('.wasm')).toEqual(['/ort/elsewhere/ort-wasm-simd-threaded.wasm'])
    expect(asked('threaded.mjs')).toEqual(['/ort/elsewhere/ort-wasm-simd-threaded.mjs'])
  })

  test.each([
    ['missing.wasm', 'HTTP_STATUS', /models\/missing\.wasm answered 404; is ort-wasm-simd-threaded\.wasm deployed there\?$/],
    ['broken.wasm', 'HTTP_STATUS', /models\/broken\.wasm answered 500; /],
    ['page.wasm', 'NOT_A_MODEL', /models\/page\.wasm answered 200 with an HTML page; /],
    ['other.wasm', 'WRONG_HASH', /models\/other\.wasm answered 200 with the SHA-256 [0-9a-f]{64}, ort-wasm/],
    ['cut.wasm', 'NETWORK', /the download of http.*models\/cut\.wasm broke off after \d+ of \d+ bytes: /],
  ])('that answers %s for the runtime is named in a %s, and another load works when it is there', async (file, code, message) => {
    await open()
    const files = runtimeFiles()
    const { error } = await load(manifestOf({ wasm: 'model.onnx' }), {}, { files, wasm: `/models/${file}` })
    expect(error).toMatchObject({ code: 'LOAD_FAILED', cause: { code, message: expect.stringMatching(message) } })
    expect(error.decisions).toEqual([{ target: 'wasm', variant: 'int8-wasm', outcome: 'failed', reason: error.cause.message }])
    expect(await load(manifestOf({ wasm: 'model.onnx' }), {}, { files })).toMatchObject({ device: 'wasm' })
    await works()
  })

  test('without the runtime is named', async () => {
    await open()
    const { error } = await load(manifestOf({ wasm: 'model.onnx' }), {}, { wasm: '/nowhere/ort-wasm-simd-threaded.wasm' })
    expect(error).toMatchObject({ code: 'LOAD_FAILED', cause: { code: 'SESSION_FAILED' } })
    expect(error.message).toMatch(/int8-wasm: failed: the runtime made no session: /)
  })
})
