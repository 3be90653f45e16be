import { launchBrowser, type Browser, type Page } from '@whittle/browser'
import type { Manifest } from '@whittle/targets'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { HALF, MODEL, manifestOf, openPage, startHost, type Host } from './host.ts'

const X = [0.5, -1, 2, 0.25]

let browser: Browser
let host: Host
let page: Page | undefined
let wanted: number[]

beforeAll(async () => {
  browser = await launchBrowser({ webgpu: true })
  host = await startHost()
  const { y } = await (await InferenceSession.create(MODEL)).run({ x: new Tensor('float32', X, [1, 4]) })
  wanted = [...(y!.data as Float32Array)]
})
afterEach(async () => {
  await page?.close()
  page = undefined
  host.requests.length = 0
})
afterAll(async () => {
  await browser?.close()
  await host?.close()
})

async function open(before?: () => void, on: { browser?: Browser; host?: Host } = {}): Promise<Page> {
  page = await openPage(on.browser ?? browser, on.host ?? host, before)
  return page
}

function load(manifest: Manifest, options: object = {}, changes: object = {}): Promise<any> {
  return page!.evaluate(([m, o, c]) => (globalThis as any).whittle.load(m, o, c), [manifest, options, changes] as const)
}

function run(x: number[] = X): Promise<any> {
  return page!.evaluate((values) => {
    const { run, tensor } = (globalThis as any).whittle
    return run({ x: tensor(new Float32Array(values), [values.length / 4, 4]) })
  }, x)
}

function near(actual: number[], expected: number[]): void {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, index) => expect(value).toBeCloseTo(expected[index]!, 3))
}

const asked = (ending: string): string[] => host.requests.filter((path) => path.endsWith(ending))
const noGpu = () => void Object.defineProperty(Navigator.prototype, 'gpu', { get: () => undefined })

describe('a device', () => {
  test('runs wasm with one thread where the page is not isolated', async () => {
    await open()
    const loaded = await load(manifestOf({ wasm: 'model.onnx' }))
    expect(loaded.decisions).toEqual([{ target: 'wasm', variant: 'int8-wasm', outcome: 'chosen', reason: 'the first in order' }])
    expect(loaded).toMatchObject({ device: 'wasm', variant: { id: 'int8-wasm' }, bytes: { downloaded: MODEL.length, total: MODEL.length } })
    const { y } = await run()
    expect(y).toMatchObject({ type: 'float32', dims: [1, 3], array: 'Float32Array' })
    near(y.data, wanted)
    expect(page!.workers()).toHaveLength(0)
    expect(asked('.wasm')).toEqual(['/ort/ort-wasm-simd-threaded.wasm'])
  })

  test('runs wasm with threads where the page is isolated', async () => {
    const isolated = await startHost({ isolated: true })
    try {
      await open(() => void Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', { get: () => 6 }), { host: isolated })
      expect(await load(manifestOf({ wasm: 'model.onnx' }))).toMatchObject({ device: 'wasm' })
      near((await run()).y.data, wanted)
      // Three threads: the page's own, and two workers.
      expect(page!.workers()).toHaveLength(2)
    } finally {
      await isolated.close()
    }
  })

  test('runs WebGPU with the smaller runtime where the browser can suspend WebAssembly', async () => {
    await open()
    const loaded = await load(manifestOf({ wasm: 'model.onnx', webgpu: 'model.onnx' }))
    expect(loaded.device).toBe('webgpu')
    expect(loaded.decisions).toEqual([
      { target: 'webgpu', variant: 'int8-webgpu', outcome: 'chosen', reason: 'the first in order' },
      { target: 'wasm', variant: 'int8-wasm', outcome: 'skipped', reason: 'int8-webgpu was started' },
    ])
    near((await run()).y.data, wanted)
    expect(asked('.wasm')).toEqual(['/ort/ort-wasm-simd-threaded.jspi.wasm'])
  })

  test('runs WebGPU with the other runtime where it cannot', async () => {
    await open(() => void delete (WebAssembly as any).Suspending)
    expect(await load(manifestOf({ webgpu: 'model.onnx' }))).toMatchObject({ device: 'webgpu' })
    near((await run()).y.data, wanted)
    expect(asked('.wasm')).toEqual(['/ort/ort-wasm-simd-threaded.asyncify.wasm'])
  })

  test('runs WebNN on the CPU', async () => {
    const webnn = await launchBrowser({ webnn: true })
    try {
      await open(undefined, { browser: webnn })
      const manifest = manifestOf({ 'webnn-cpu': 'model.onnx', wasm: 'model.onnx' })
      expect(await load(manifest)).toMatchObject({ device: 'webnn', variant: { target: 'webnn-cpu' } })
      near((await run()).y.data, wanted)
    } finally {
      await webnn.close()
    }
  })

  test('without WebGPU and WebNN leaves it to wasm, and says so', async () => {
    await open(noGpu)
    const loaded = await load(manifestOf({ webgpu: 'model.onnx', 'webnn-cpu': 'model.onnx', wasm: 'model.onnx' }))
    expect(loaded.device).toBe('wasm')
    expect(loaded.decisions).toEqual([
      { target: 'webnn-cpu', variant: 'int8-webnn-cpu', outcome: 'unavailable', reason: 'this browser has no WebNN' },
      { target: 'webgpu', variant: 'int8-webgpu', outcome: 'unavailable', reason: 'this browser has no WebGPU' },
      { target: 'wasm', variant: 'int8-wasm', outcome: 'chosen', reason: 'the first in order that could be started' },
    ])
    expect(asked('.wasm')).toEqual(['/ort/ort-wasm-simd-threaded.wasm'])
    expect(asked('.onnx')).toEqual(['/models/model.onnx'])
  })

  test('without an adapter, or with one that lacks a feature, leaves it to the next', async () => {
    await open()
    const f16 = await load(manifestOf({ 'webgpu-f16': 'model.onnx', wasm: 'model.onnx' }))
    expect(f16.decisions[0]).toMatchObject({ outcome: 'unavailable', reason: `the WebGPU adapter lacks the feature 'shader-f16'` })
    expect(f16.device).toBe('wasm')
    await page!.evaluate(() => void ((globalThis as any).GPU.prototype.requestAdapter = async () => null))
    const none = await load(manifestOf({ webgpu: 'model.onnx', wasm: 'model.onnx' }))
    expect(none.decisions[0]).toMatchObject({ outcome: 'unavailable', reason: 'this browser has WebGPU, and found no adapter for it' })
  })

  test('that gives an adapter and then no device leaves it to wasm, and the model is fetched once', async () => {
    await open(() => {
      ;(globalThis as any).GPUAdapter.prototype.requestDevice = () => Promise.reject(new Error('the driver is gone'))
    })
    const loaded = await load(manifestOf({ webgpu: 'model.onnx', wasm: 'model.onnx' }))
    expect(loaded.device).toBe('wasm')
    expect(loaded.decisions[0]).toMatchObject({
      target: 'webgpu',
      outcome: 'failed',
      reason: expect.stringContaining('the runtime made no session'),
    })
    near((await run()).y.data, wanted)
    expect(asked('.onnx')).toHaveLength(1)
    expect(loaded.bytes).toEqual({ downloaded: MODEL.length, total: MODEL.length })
  })

  test('is taken in the order that the app asks for, by target or provider', async () => {
    await open()
    const manifest = manifestOf({ 'webgpu-f16': 'model.onnx', webgpu: 'model.onnx', wasm: 'model.onnx' })
    const first = await load(manifest, { devices: ['wasm', 'webgpu'] })
    expect(first.decisions.map(({ target, outcome }: any) => [target, outcome])).toEqual([
      ['wasm', 'chosen'],
      ['webgpu-f16', 'skipped'],
      ['webgpu', 'skipped'],
    ])
    const only = await load(manifest, { devices: ['webgpu-f16', 'wasm'] })
    expect(only.decisions.at(-1)).toEqual({
      target: 'webgpu',
      variant: 'int8-webgpu',
      outcome: 'skipped',
      reason: 'not among devices [webgpu-f16, wasm]',
    })
    expect((await load(manifest, { devices: ['npu'] })).error).toMatchObject({
      name: 'LoadError',
      code: 'NO_VARIANT',
      message: `net: was built for 'webgpu-f16', 'webgpu', 'wasm', and devices asks for [npu]`,
    })
  })

  test('of a worker runs the model there', async () => {
    await open()
    const loaded: any = await page!.evaluate(
      (manifest) =>
        new Promise((resolve, reject) => {
          const worker = new Worker('/worker.js', { type: 'module' })
          worker.onmessage = ({ data }) => resolve(data)
          worker.onerror = (event) => reject(new Error(event.message))
          // Its module may still be on the way: a message waits for it.
          worker.postMessage(manifest)
        }),
      manifestOf({ wasm: 'model.onnx' }),
    )
    expect(loaded).toMatchObject({ device: 'wasm' })
  })
})

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
    await open(noGpu)
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
    near((await run()).y.data, wanted)
    expectGrowing(loaded.progress)
  })

  test('that cuts a download is asked for the rest, and progress does not count anything twice', async () => {
    await open()
    const loaded = await load(manifestOf({ wasm: 'resumed.onnx' }))
    expect(loaded).toMatchObject({ device: 'wasm', bytes: { downloaded: MODEL.length } })
    near((await run()).y.data, wanted)
    expect(asked('.onnx')).toHaveLength(3)
    expect(loaded.progress.at(-1)).toEqual([MODEL.length, MODEL.length])
    expectGrowing(loaded.progress)
  })

  test('that is not there is named', async () => {
    await open()
    await page!.route('**/models/**', (route) => route.abort('connectionrefused'))
    expect((await load(manifestOf({ wasm: 'model.onnx' }))).error.cause).toMatchObject({
      code: 'NETWORK',
      message: expect.stringMatching(/models\/model\.onnx broke off after 0 of \d+ bytes: /),
    })
  })

  test.each(['pieces.onnx', 'gzip.onnx'])('that answers %s gives progress that grows to the manifest’s total', async (file) => {
    await open()
    const { progress } = await load(manifestOf({ wasm: file }))
    expect(progress[0]).toEqual([0, MODEL.length])
    expect(progress.at(-1)).toEqual([MODEL.length, MODEL.length])
    if (file === 'pieces.onnx') expect(progress.length).toBeGreaterThan(2)
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

  test('without the runtime is named', async () => {
    await open()
    const { error } = await load(manifestOf({ wasm: 'model.onnx' }), {}, { wasm: '/nowhere/ort-wasm-simd-threaded.wasm' })
    expect(error).toMatchObject({ code: 'LOAD_FAILED', cause: { code: 'SESSION_FAILED' } })
    expect(error.message).toMatch(/int8-wasm: failed: the runtime made no session: /)
  })
})

/** Neither loaded nor what it can be compared with ever falls. */
function expectGrowing(progress: [number, number][]): void {
  progress.forEach(([loaded, total], index) => {
    expect(loaded).toBeLessThanOrEqual(total)
    expect(loaded).toBeGreaterThanOrEqual(progress[index - 1]?.[0] ?? 0)
    expect(total).toBeGreaterThanOrEqual(progress[index - 1]?.[1] ?? 0)
  })
}

describe('an aborted load rejects with the signal’s reason', () => {
  const stopped = { name: 'Error', message: 'stopped' }

  test('before it begins', async () => {
    await open()
    expect((await load(manifestOf({ wasm: 'model.onnx' }), { abort: -1, reason: 'stopped' })).error).toMatchObject(stopped)
    expect(asked('.onnx')).toEqual([])
  })

  test('while it looks at the device', async () => {
    await open()
    await page!.evaluate(() => void ((globalThis as any).GPU.prototype.requestAdapter = () => new Promise(() => {})))
    expect((await load(manifestOf({ webgpu: 'model.onnx', wasm: 'model.onnx' }), { abort: 100, reason: 'stopped' })).error).toMatchObject(
      stopped,
    )
    expect(asked('.onnx')).toEqual([])
  })

  test('while the model is fetched', async () => {
    await open()
    const { error, progress } = await load(manifestOf({ wasm: 'slow.onnx' }), { abort: 500, reason: 'stopped' })
    expect(error).toMatchObject(stopped)
    expect(progress.at(-1)[0]).toBeGreaterThan(0)
    expect(progress.at(-1)[0]).toBeLessThan(MODEL.length)
    expect(await load(manifestOf({ wasm: 'model.onnx' }))).toMatchObject({ device: 'wasm' })
  })

  test('while the runtime is fetched', async () => {
    await open()
    expect((await load(manifestOf({ wasm: 'model.onnx' }), { abort: 500, reason: 'stopped' }, { never: true })).error).toMatchObject(
      stopped,
    )
  })

  test('while the session is made', async () => {
    await open()
    expect(
      (await load(manifestOf({ wasm: 'model.onnx' }), { abort: 1000, reason: 'stopped' }, { wasm: '/models/hang.wasm' })).error,
    ).toMatchObject(stopped)
    expect(asked('hang.wasm')).toHaveLength(1)
  })
})

describe('a session', () => {
  test.each(['wasm', 'webgpu'])(
    'on %s runs overlapping calls one after another, and ends them before it is disposed of',
    async (device) => {
      await open()
      await load(manifestOf({ [device]: 'model.onnx' }))
      const results: any[] = await page!.evaluate(async (values) => {
        const { run, tensor } = (globalThis as any).whittle
        const calls = [1, 2, 3, 4, 5, 6].map((factor) =>
          run({ x: tensor(new Float32Array(values.map((value) => value * factor)), [1, 4]) }),
        )
        await (globalThis as any).session.dispose()
        return Promise.all(calls)
      }, X)
      // Without biases, a network of ReLU is linear in a positive factor.
      results.forEach(({ y }, index) =>
        y.data.forEach((value: number, i: number) => expect(value / (index + 1)).toBeCloseTo(wanted[i]!, 2)),
      )
      expect((await run()).error).toMatchObject({ name: 'RunError', code: 'DISPOSED', message: expect.stringContaining('disposed') })
      await page!.evaluate(() => (globalThis as any).session.dispose())
    },
  )

  test('and another of the same model on the same device share nothing but code', async () => {
    await open()
    await load(manifestOf({ wasm: 'model.onnx' }))
    await page!.evaluate(() => void ((globalThis as any).first = (globalThis as any).session))
    await load(manifestOf({ wasm: 'model.onnx' }))
    await page!.evaluate(() => (globalThis as any).first.dispose())
    near((await run()).y.data, wanted)
    expect(asked('.wasm')).toHaveLength(1)
  })

  test('refuses inputs that are not the model’s', async () => {
    await open()
    await load(manifestOf({ wasm: 'model.onnx' }))
    const refused = (inputs: string): Promise<any> =>
      page!.evaluate((text) => {
        const { run, tensor } = (globalThis as any).whittle
        return run(new Function('tensor', `return ${text}`)(tensor))
      }, inputs)
    const x = `tensor(new Float32Array(4), [1, 4])`
    for (const [inputs, code, message] of [
      [`{ image: ${x} }`, 'INPUT_UNKNOWN', `net: there is no input 'image'; its inputs are 'x'`],
      [`{}`, 'INPUT_MISSING', `net: the input 'x' is missing (float32[N, 4])`],
      [`undefined`, 'INPUT_MISSING', `net: expected an object with the inputs 'x', received undefined`],
      [
        `{ x: new Float32Array(4) }`,
        'INPUT_TYPE',
        `net: expected float32[N, 4] for the input 'x', received no tensor; make one with tensor(data, dims)`,
      ],
      [`{ x: null }`, 'INPUT_TYPE', `net: expected float32[N, 4] for the input 'x', received no tensor; make one with tensor(data, dims)`],
      [`{ x: tensor(new Float64Array(4), [1, 4]) }`, 'INPUT_TYPE', `net: expected float32[N, 4] for the input 'x', received float64[1, 4]`],
      [
        `{ x: { type: 'float32', data: new Int32Array(4), dims: [1, 4] } }`,
        'INPUT_TYPE',
        `net: expected float32[N, 4] for the input 'x', received float32 in Int32Array`,
      ],
      [
        `{ x: tensor(new Float32Array(4), [4]) }`,
        'INPUT_RANK',
        `net: expected float32[N, 4] for the input 'x', received [4], which has rank 1`,
      ],
      [
        `{ x: tensor(new Float32Array(5), [1, 5]) }`,
        'INPUT_DIM',
        `net: expected float32[N, 4] for the input 'x', received [1, 5], whose axis 1 is not 4`,
      ],
      [
        `{ x: { type: 'float32', data: new Float32Array(3), dims: [1, 4] } }`,
        'INPUT_SIZE',
        `net: expected float32[N, 4] for the input 'x', received 3 elements for [1, 4], which takes 4`,
      ],
    ]) {
      expect((await refused(inputs!)).error, inputs).toMatchObject({ name: 'RunError', code, message })
    }
    near((await run([...X, ...X])).y.data, [...wanted, ...wanted])
  })

  test('takes float16 as bits or as Float16Array, and gives what the browser has', async () => {
    await open()
    const io = { elementType: 'float16', dims: [2] } as const
    await load(manifestOf({ wasm: 'half.onnx' }, { inputs: [{ name: 'x', ...io }], outputs: [{ name: 'y', ...io }] }, HALF))
    const [bits, numbers, own] = await page!.evaluate(async () => {
      const { run, tensor } = (globalThis as any).whittle
      const Float16 = (globalThis as any).Float16Array
      return [
        await run({ x: tensor(new Uint16Array([0x3c00, 0x4100]), [2], 'float16') }),
        Float16 ? await run({ x: tensor(new Float16([1, 2.5]), [2]) }) : undefined,
        Float16 ? 'Float16Array' : 'Uint16Array',
      ]
    })
    expect(bits.y).toMatchObject({ type: 'float16', array: own, data: own === 'Float16Array' ? [2, 5] : [0x4000, 0x4500] })
    if (numbers) expect(numbers.y).toEqual(bits.y)
  })

  test('uses the app’s own onnxruntime, and leaves its settings alone', async () => {
    await open()
    const result = await page!.evaluate(
      async (manifest) => {
        const { model, ort, tensor } = (globalThis as any).whittle
        const own = await ort('ort.wasm.min.mjs')
        own.env.wasm.wasmPaths = new URL('/ort/own/', location.href).href
        own.env.logLevel = 'fatal'
        const session = await model(manifest).load({ ort: own })
        const { y } = await session.run({ x: tensor(new Float32Array([0.5, -1, 2, 0.25]), [1, 4]) })
        return { y: [...y.data], level: own.env.logLevel }
      },
      manifestOf({ wasm: 'model.onnx' }),
    )
    near(result.y, wanted)
    expect(result.level).toBe('fatal')
    expect(asked('.wasm')).toEqual(['/ort/own/ort-wasm-simd-threaded.wasm'])
  })
})

describe('a manifest', () => {
  test('of a newer format is refused by name', async () => {
    await open()
    const { error } = await load(manifestOf({ wasm: 'model.onnx' }, { format: 2 }))
    expect(error).toMatchObject({
      name: 'LoadError',
      code: 'MANIFEST_NEWER',
      message: 'net: its manifest has format 2, this version of @whittle/runtime reads up to 1; update it',
    })
  })

  test('that asks for a test which the loader does not have is passed over', async () => {
    await open()
    const manifest = manifestOf({ wasm: 'model.onnx' })
    const variants = [{ ...manifest.variants[0]!, id: 'new-wasm', probes: ['wasm', 'relaxed-simd'], rank: 1 }, ...manifest.variants]
    const { decisions } = await load({ ...manifest, variants })
    expect(decisions[0]).toMatchObject({ outcome: 'unavailable', reason: expect.stringContaining(`has no test for 'relaxed-simd'`) })
    expect(decisions[1]).toMatchObject({ outcome: 'chosen' })
  })
})
