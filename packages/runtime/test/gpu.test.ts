import { InferenceSession, Tensor } from 'onnxruntime-node'
import { sketch, goldenValues } from '@whittle/targets'
import { beforeAll, describe, expect, test } from 'vitest'
import { drive, native, near, onlyWasm, X } from './drive.ts'
import { NEXT, ONE_ROW, manifestOf, nextManifest } from './host.ts'

const driven = drive({ webgpu: true })
let wanted: { y: number[]; z: number[]; above: number[] }

beforeAll(async () => {
  const y = await native(X)
  const session = await InferenceSession.create(NEXT)
  const { z, above } = await session.run({ y: new Tensor('float32', y, [1, 3]) })
  wanted = { y, z: [...(z!.data as Float32Array)], above: [...(above!.data as Uint8Array)] }
})

/** Before the page's scripts: counts what is read back from the GPU, and loses its device when asked to. */
function watch(): void {
  const page = globalThis as any
  page.reads = 0
  const { prototype } = page.GPUBuffer
  const { mapAsync } = prototype
  prototype.mapAsync = function (mode: number, ...rest: unknown[]) {
    if (mode === page.GPUMapMode.READ) page.reads++
    return mapAsync.call(this, mode, ...rest)
  }
  const { requestDevice } = page.GPUAdapter.prototype
  page.GPUAdapter.prototype.requestDevice = async function (...given: unknown[]) {
    const device = await requestDevice.apply(this, given)
    page.lose = () => device.destroy()
    return device
  }
}

/** Loads both models with `loadGpu` into `globalThis.first` and `next`, and gives their devices. */
function loadBoth(
  targets: string[],
  manifest = manifestOf(Object.fromEntries(targets.map((target) => [target, 'model.onnx']))),
): Promise<any> {
  return driven.page.evaluate(
    async ([one, two]) => {
      const { gpu, model, tensor } = (globalThis as any).whittle
      const [first, next] = [await gpu.loadGpu(model(one)), await gpu.loadGpu(model(two))]
      Object.assign(globalThis, { first, next, x: tensor(new Float32Array([0.5, -1, 2, 0.25]), [1, 4]) })
      return [first.device, next.device]
    },
    [manifest, nextManifest(Object.fromEntries(targets.map((target) => [target, 'next.onnx'])))] as const,
  )
}

/** The second model on what the first one left on the GPU: what both gave, where it was, and what was read back on the way. */
function chain(): Promise<any> {
  return driven.page.evaluate(async () => {
    const page = globalThis as any
    const { GpuData, readTensor, releaseTensor } = page.whittle.gpu
    page.reads = 0
    const { y } = await page.first.run({ x: page.x }, { outputs: 'gpu' })
    const { z, above } = await page.next.run({ y }, { outputs: 'gpu' })
    const { reads } = page
    const where = [y, z, above].map(({ data }) => data instanceof GpuData)
    const read = async (tensor: any) => [...(await readTensor(tensor)).data]
    const values = { y: await read(y), z: await read(z), above: await read(above) }
    const again = await read(y)
    releaseTensor(y, z, above)
    return { reads, where, values, again, types: [y, z, above].map(({ type, dims }) => `${type}[${dims.join()}]`) }
  })
}

describe('outputs on the GPU', () => {
  test('are the next model’s inputs without being read back, and give what onnxruntime gives', async () => {
    await driven.open(watch)
    expect(await loadBoth(['webgpu'])).toEqual(['webgpu', 'webgpu'])
    const { reads, where, values, again, types } = await chain()
    expect(reads).toBe(0)
    expect(where).toEqual([true, true, true])
    expect(types).toEqual(['float32[1,3]', 'float32[1,2]', 'bool[1,2]'])
    near(values.y, wanted.y)
    near(values.z, wanted.z)
    expect(values.above).toEqual(wanted.above)
    expect(again).toEqual(values.y)
  })

  test('are arrays where they are not asked for, of inputs on the GPU as well, and runs may overlap', async () => {
    await driven.open(watch)
    await loadBoth(['webgpu'])
    const results: any = await driven.page.evaluate(async () => {
      const { first, next, x, whittle, reads } = globalThis as any
      const [{ y }, plain] = await Promise.all([first.run({ x }, { outputs: 'gpu' }), first.run({ x })])
      const runs = await Promise.all([next.run({ y }), next.run({ y: plain.y }), whittle.gpu.readTensor(y)])
      return {
        y: [...plain.y.data],
        read: [...runs[2].data],
        z: [[...runs[0].z.data], [...runs[1].z.data]],
        more: (globalThis as any).reads > reads,
      }
    })
    near(results.y, wanted.y)
    near(results.read, wanted.y)
    for (const z of results.z) near(z, wanted.z)
    expect(results.more).toBe(true)
  })

  test('pass the golden check, which reads them', async () => {
    await driven.open(watch)
    const input = { dims: [1, 4], low: -1, high: 1 }
    const y = await native([...goldenValues(input, false, 0)])
    const manifest = manifestOf({ webgpu: 'one-row.onnx', wasm: 'one-row.onnx' }, { golden: { x: input } }, ONE_ROW)
    const checked = (outputs: Record<string, number[]>) => ({
      ...manifest,
      variants: manifest.variants.map((variant) => ({
        ...variant,
        ...(variant.target === 'webgpu' ? { golden: { sqnr: 40, outputs } } : {}),
      })),
    })
    expect((await loadBoth(['webgpu'], checked({ y: sketch(y) })))[0]).toBe('webgpu')
    near((await chain()).values.y, wanted.y)
    await driven.open(watch)
    expect((await loadBoth(['webgpu'], checked({ y: sketch(y.map((value) => -value)) })))[0]).toBe('wasm')
  })

  test('are taken in by a model that runs on the CPU', async () => {
    await driven.open(watch)
    await loadBoth(['webgpu'])
    const z: any = await driven.page.evaluate(
      async (manifest) => {
        const { first, x, whittle } = globalThis as any
        const next = await whittle.gpu.loadGpu(whittle.model(manifest))
        const { y } = await first.run({ x }, { outputs: 'gpu' })
        return [next.device, next.gpuDevice === undefined, [...(await next.run({ y })).z.data]]
      },
      nextManifest({ wasm: 'next.onnx' }),
    )
    expect(z.slice(0, 2)).toEqual(['wasm', true])
    near(z[2], wanted.z)
  })

  test('are refused by name where the next model has no such input', async () => {
    await driven.open(watch)
    await loadBoth(['webgpu'])
    const errors: any = await driven.page.evaluate(async () => {
      const { first, next, x, whittle } = globalThis as any
      const { y } = await first.run({ x }, { outputs: 'gpu' })
      const code = (run: Promise<unknown>) =>
        run.then(
          () => 'none',
          ({ code, message }) => `${code} ${message}`,
        )
      return [
        await code(first.run({ x: y }, { outputs: 'gpu' })),
        await code(next.run({ y: { ...y, type: 'int32' } }, { outputs: 'gpu' })),
        await code(next.run({ y: { ...y, dims: [2, 3] } })),
        await code(next.run({ y: undefined }, { outputs: 'gpu' })),
        await code(next.run(undefined, { outputs: 'gpu' })),
        await code((async () => whittle.gpu.gpuTensor(y.data.buffer, [1, 3], 'float64'))()),
      ]
    })
    expect(errors.map((error: string) => error.split(' ')[0])).toEqual([
      'INPUT_DIM',
      'INPUT_TYPE',
      'INPUT_SIZE',
      'INPUT_MISSING',
      'INPUT_MISSING',
      'TENSOR_INVALID',
    ])
  })
})

test('a buffer of the app’s own is an input', async () => {
  await driven.open(watch)
  await loadBoth(['webgpu'])
  const y: any = await driven.page.evaluate(async () => {
    const { first, x, whittle, GPUBufferUsage: usage } = globalThis as any
    const device = await first.gpuDevice
    const buffer = device.createBuffer({ size: 16, usage: usage.STORAGE | usage.COPY_SRC | usage.COPY_DST })
    device.queue.writeBuffer(buffer, 0, x.data)
    const outputs = await first.run({ x: whittle.gpu.gpuTensor(buffer, [1, 4], 'float32') }, { outputs: 'gpu' })
    return [...(await whittle.gpu.readTensor(outputs.y)).data]
  })
  near(y, wanted.y)
})

test('a shared model has another session for those who want its outputs there', async () => {
  await driven.open(watch)
  const [plain, there]: any = await driven.page.evaluate(
    async (manifest) => {
      const { gpu, model, shareModel, tensor } = (globalThis as any).whittle
      const shared = shareModel(model(manifest))
      const [one, other] = await Promise.all([shared.load(), gpu.loadGpu(shared)])
      const x = tensor(new Float32Array([0.5, -1, 2, 0.25]), [1, 4])
      const [{ y: plain }, { y: there }] = await Promise.all([one.run({ x }), other.run({ x }, { outputs: 'gpu' })])
      return [[...plain.data], there.data instanceof gpu.GpuData]
    },
    manifestOf({ webgpu: 'model.onnx' }),
  )
  near(plain, wanted.y)
  expect(there).toBe(true)
})

test('the same calls give arrays in a browser without WebGPU', async () => {
  await driven.open(onlyWasm)
  expect(await loadBoth(['webgpu', 'wasm'])).toEqual(['wasm', 'wasm'])
  const { where, values } = await chain()
  expect(where).toEqual([false, false, false])
  near(values.z, wanted.z)
  expect(values.above).toEqual(wanted.above)
})

test('the same calls go on with arrays when the device is lost', async () => {
  await driven.open(watch)
  await loadBoth(['webgpu', 'wasm'])
  expect((await chain()).where).toEqual([true, true, true])
  const error: any = await driven.page.evaluate(async () => {
    const { first, x, lose, whittle } = globalThis as any
    const { y } = await first.run({ x }, { outputs: 'gpu' })
    lose()
    return whittle.gpu.readTensor(y).catch(whittle.told)
  })
  expect(error).toMatchObject({
    code: 'RUN_FAILED',
    message: expect.stringMatching(/^what is on the GPU could not be read, run the model again: /),
  })
  const { where, values } = await chain()
  expect(where).toEqual([false, false, false])
  near(values.y, wanted.y)
  near(values.z, wanted.z)
  expect(await driven.page.evaluate(() => [(globalThis as any).first.device, (globalThis as any).next.device])).toEqual(['wasm', 'wasm'])
})
