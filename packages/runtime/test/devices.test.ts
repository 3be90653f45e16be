import { describe, expect, test } from 'vitest'
import { drive, onlyWasm } from './drive.ts'
import { MODEL, ONE_ROW, manifestOf, startHost } from './host.ts'

const driven = drive({ webgpu: true, webnn: true })
const { open, load, works, asked } = driven

describe('a device', () => {
  test('runs wasm with one thread where the page is not isolated', async () => {
    await open()
    const loaded = await load(manifestOf({ wasm: 'model.onnx' }))
    expect(loaded.decisions).toEqual([{ target: 'wasm', variant: 'int8-wasm', outcome: 'chosen', reason: 'the first in order' }])
    expect(loaded).toMatchObject({ device: 'wasm', variant: { id: 'int8-wasm' }, bytes: { downloaded: MODEL.length, total: MODEL.length } })
    expect(await works()).toMatchObject({ type: 'float32', dims: [1, 3], array: 'Float32Array' })
    expect(driven.page.workers()).toHaveLength(0)
    expect(asked('.wasm')).toEqual(['/ort/ort-wasm-simd-threaded.wasm'])
  })

  test('runs wasm with threads where the page is isolated', async () => {
    const isolated = await startHost({ isolated: true })
    try {
      await open(() => void Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', { get: () => 6 }), isolated)
      expect(await load(manifestOf({ wasm: 'model.onnx' }))).toMatchObject({ device: 'wasm' })
      await works()
      // Three threads: the page's own, and two workers.
      expect(driven.page.workers()).toHaveLength(2)
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
    await works()
    expect(asked('.wasm')).toEqual(['/ort/ort-wasm-simd-threaded.jspi.wasm'])
  })

  test('runs WebGPU with the other runtime where it cannot', async () => {
    await open(() => void delete (WebAssembly as any).Suspending)
    expect(await load(manifestOf({ webgpu: 'model.onnx' }))).toMatchObject({ device: 'webgpu' })
    await works()
    expect(asked('.wasm')).toEqual(['/ort/ort-wasm-simd-threaded.asyncify.wasm'])
  })

  test('runs WebNN on the CPU', async () => {
    await open(() => {
      const { prototype } = (globalThis as any).MLContext
      const { dispatch } = prototype
      prototype.dispatch = function (...given: unknown[]) {
        ;(globalThis as any).dispatched = true
        return dispatch.apply(this, given)
      }
    })
    const manifest = manifestOf({ 'webnn-cpu': 'one-row.onnx', wasm: 'one-row.onnx' }, {}, ONE_ROW)
    expect(await load(manifest)).toMatchObject({ device: 'webnn', variant: { target: 'webnn-cpu' } })
    await works()
    expect(await driven.page.evaluate(() => (globalThis as any).dispatched)).toBe(true)
  })

  test('without WebGPU and WebNN leaves it to wasm, and says so', async () => {
    await open(onlyWasm)
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
    await driven.page.evaluate(() => void ((globalThis as any).GPU.prototype.requestAdapter = async () => null))
    const none = await load(manifestOf({ webgpu: 'model.onnx', wasm: 'model.onnx' }))
    expect(none.decisions[0]).toMatchObject({ outcome: 'unavailable', reason: 'this browser has WebGPU, and found no adapter for it' })
  })

  test('whose WebNN refuses its context leaves it to the next, and says so', async () => {
    await open(() => {
      ;(globalThis as any).ML.prototype.createContext = () => Promise.reject(new DOMException('no context here', 'NotSupportedError'))
    })
    const loaded = await load(manifestOf({ 'webnn-cpu': 'model.onnx', wasm: 'model.onnx' }))
    expect(loaded.device).toBe('wasm')
    expect(loaded.decisions).toEqual([
      {
        target: 'webnn-cpu',
        variant: 'int8-webnn-cpu',
        outcome: 'unavailable',
        reason: 'WebNN made no context for cpu: no context here',
      },
      { target: 'wasm', variant: 'int8-wasm', outcome: 'chosen', reason: 'the first in order that could be started' },
    ])
    expect(asked('.wasm')).toEqual(['/ort/ort-wasm-simd-threaded.wasm'])
    await works()
  })

  test('whose WebNN gives one context and then no other leaves it to the next, and the model is fetched once', async () => {
    await open(() => {
      const { prototype } = (globalThis as any).ML
      const { createContext } = prototype
      let given = false
      prototype.createContext = function (...options: unknown[]) {
        if (given) return Promise.reject(new DOMException('the NPU is taken', 'OperationError'))
        given = true
        return createContext.apply(this, options)
      }
    })
    const loaded = await load(manifestOf({ 'webnn-cpu': 'model.onnx', wasm: 'model.onnx' }))
    expect(loaded.device).toBe('wasm')
    expect(loaded.decisions[0]).toMatchObject({
      target: 'webnn-cpu',
      outcome: 'failed',
      reason: expect.stringMatching(/^the runtime made no session: [^]*the NPU is taken/),
    })
    expect(asked('.onnx')).toHaveLength(1)
    await works()
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
    await works()
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
    const loaded: any = await driven.page.evaluate(
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

describe('where nothing can be started, one error lists what was tried', () => {
  test('on a browser whose GPU, WebNN and WebAssembly all fail', async () => {
    await open(() => {
      ;(globalThis as any).GPU.prototype.requestAdapter = () => Promise.resolve(null)
      ;(globalThis as any).ML.prototype.createContext = () => Promise.reject(new DOMException('no context here', 'NotSupportedError'))
    })
    const targets = ['webgpu-f16', 'webnn-cpu', 'webgpu']
    const { error } = await load(manifestOf(Object.fromEntries([...targets, 'wasm'].map((target) => [target, 'missing.onnx']))))
    expect(error).toMatchObject({ name: 'LoadError', code: 'LOAD_FAILED', cause: { code: 'HTTP_STATUS' } })
    expect(error.message.split('\n')).toEqual([
      'net: no variant could be started on this device',
      '  int8-webgpu-f16: unavailable: this browser has WebGPU, and found no adapter for it',
      '  int8-webnn-cpu: unavailable: WebNN made no context for cpu: no context here',
      '  int8-webgpu: unavailable: this browser has WebGPU, and found no adapter for it',
      expect.stringMatching(/^  int8-wasm: failed: http.*missing\.onnx answered 404; is missing\.onnx deployed there\?$/),
    ])
    expect(error.decisions.map(({ outcome }: any) => outcome)).toEqual(['unavailable', 'unavailable', 'unavailable', 'failed'])
    expect(asked('.onnx')).toHaveLength(1)
  })

  test.each([
    ['without WebAssembly', () => void delete (globalThis as any).WebAssembly, 'this browser has no WebAssembly'],
    ['whose WebAssembly has no SIMD', () => void (WebAssembly.validate = () => false), 'this browser has no WebAssembly SIMD'],
  ])('on a browser %s', async (_, before, reason) => {
    await open(before)
    const { error } = await load(manifestOf({ wasm: 'model.onnx' }))
    expect(error).toMatchObject({ code: 'LOAD_FAILED', message: expect.stringContaining(`\n  int8-wasm: unavailable: ${reason}`) })
    expect(asked('.onnx')).toEqual([])
  })

  test('for a model in float16 alone, on an adapter that lacks it', async () => {
    await open()
    const { error } = await load(manifestOf({ 'webgpu-f16': 'model.onnx' }))
    expect(error).toMatchObject({
      code: 'LOAD_FAILED',
      message: `net: no variant could be started on this device\n  int8-webgpu-f16: unavailable: the WebGPU adapter lacks the feature 'shader-f16'`,
    })
    expect(asked('.onnx')).toEqual([])
  })
})

describe('a manifest', () => {
  test('of a newer format is refused by name', async () => {
    await open()
    const { error } = await load(manifestOf({ wasm: 'model.onnx' }, { format: 3 }))
    expect(error).toMatchObject({
      name: 'LoadError',
      code: 'MANIFEST_NEWER',
      message: 'net: its manifest has format 3, this version of @whittle/runtime reads up to 2; update it',
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
