import { describe, expectTypeOf, test } from 'vitest'
import { loadGpu, readTensor, type AnyTensor } from '../src/gpu.ts'
import { imageTensor, toImageData, type ImageSource } from '../src/image.ts'
import { tensor, type Model, type Tensor } from '../src/index.ts'
import { shareModel } from '../src/share.ts'
import { thriftyDevices } from '../src/thrift.ts'
import { workerModel, type WorkerModel } from '../src/worker.ts'

declare const model: Model<
  { x: Tensor<'float32', readonly [number, 3, 48, 192]>; mask: Tensor<'bool', readonly [number]> },
  { y: Tensor<'float32', readonly [number, 2]> }
>
const x = tensor(new Float32Array(3 * 48 * 192), [1, 3, 48, 192])
const mask = tensor(new Uint8Array(1), [1], 'bool')

describe('tensor', () => {
  test('takes the element type of the array and keeps literal dimensions', () => {
    expectTypeOf(x).toEqualTypeOf<Tensor<'float32', readonly [1, 3, 48, 192]>>()
    expectTypeOf(tensor(new BigInt64Array(2), [2]).type).toEqualTypeOf<'int64'>()
    expectTypeOf(tensor(new Uint8Array(2), [2]).type).toEqualTypeOf<'uint8'>()
    expectTypeOf(tensor(['a'], [1]).type).toEqualTypeOf<'string'>()
  })

  test('takes a named element type where two share an array class, and no other', () => {
    expectTypeOf(mask).toEqualTypeOf<Tensor<'bool', readonly [1]>>()
    expectTypeOf(tensor(new Uint16Array(2), [2], 'float16').type).toEqualTypeOf<'float16'>()
    // @ts-expect-error a Float32Array holds no int64
    tensor(new Float32Array(2), [2], 'int64')
    // @ts-expect-error a picture's clamped bytes are no tensor yet
    tensor(new Uint8ClampedArray(2), [2]) satisfies Tensor
  })
})

describe('a session of a model with generated types', async () => {
  const session = await model.load()

  test('gives outputs with their names, element types and dimensions', async () => {
    const outputs = await session.run({ x, mask })
    expectTypeOf(outputs.y.data).toEqualTypeOf<Float32Array>()
    expectTypeOf(outputs.y.dims).toEqualTypeOf<readonly [number, 2]>()
    // @ts-expect-error there is no such output
    void outputs.z
  })

  test('refuses a wrong or missing name', () => {
    // @ts-expect-error there is no input named image
    void session.run({ image: x, mask })
    // @ts-expect-error there is no further input
    void session.run({ x, mask, other: x })
    // @ts-expect-error mask is missing
    void session.run({ x })
  })

  test('refuses a wrong element type', () => {
    // @ts-expect-error float64 for float32
    void session.run({ x: tensor(new Float64Array(3 * 48 * 192), [1, 3, 48, 192]), mask })
    // @ts-expect-error uint8 for bool
    void session.run({ x, mask: tensor(new Uint8Array(1), [1]) })
    // @ts-expect-error the array is not a tensor
    void session.run({ x: new Float32Array(3 * 48 * 192), mask })
  })

  test('refuses a wrong rank and a wrong fixed dimension, and takes any size of a free one', () => {
    // @ts-expect-error rank 3 for rank 4
    void session.run({ x: tensor(new Float32Array(3 * 48 * 192), [3, 48, 192]), mask })
    // @ts-expect-error 1 channel for 3
    void session.run({ x: tensor(new Float32Array(48 * 192), [1, 1, 48, 192]), mask })
    // @ts-expect-error dimensions that are not known to have rank 4
    void session.run({ x: tensor(new Float32Array(48 * 192), [1, 1, 48, 192] as number[]), mask })
    expectTypeOf(session.run).toBeCallableWith({ x: tensor(new Float32Array(8 * 3 * 48 * 192), [8, 3, 48, 192]), mask })
  })

  test('takes a tensor that is written out', () => {
    expectTypeOf(session.run).toBeCallableWith({
      x: { type: 'float32', data: new Float32Array(3 * 48 * 192), dims: [1, 3, 48, 192] },
      mask,
    })
  })
})

test('a model without types takes and gives tensors by name', async () => {
  const outputs = await (await (null as unknown as Model).load()).run({ anything: x })
  expectTypeOf(outputs).toEqualTypeOf<{ readonly [name: string]: Tensor }>()
  // @ts-expect-error no tensor
  void (await (null as unknown as Model).load()).run({ anything: 1 })
})

test('a model in a worker has the types of the model', () => {
  const remote = workerModel<typeof model>({} as Worker)
  expectTypeOf(remote.load).returns.resolves.toEqualTypeOf<Awaited<ReturnType<typeof model.load>>>()
  // @ts-expect-error an onnxruntime of the page cannot cross
  void remote.load({ ort: {} as never })
})

describe('a shared model', () => {
  test('has the types of the model', () => {
    expectTypeOf(shareModel(model)).toEqualTypeOf<typeof model>()
    expectTypeOf(shareModel({} as Model)).toEqualTypeOf<Model>()
  })

  test('in a worker has those of the model in a worker', () => {
    const shared = shareModel(workerModel<typeof model>({} as Worker))
    expectTypeOf(shared.load).returns.resolves.toEqualTypeOf<Awaited<ReturnType<typeof model.load>>>()
    expectTypeOf(shareModel({} as WorkerModel)).toEqualTypeOf<WorkerModel>()
    // @ts-expect-error an onnxruntime of the page cannot cross
    void shared.load({ ort: {} as never })
  })

  test('is made of models alone', () => {
    // @ts-expect-error a session is no model
    void shareModel({} as Awaited<ReturnType<Model['load']>>)
  })
})

describe('imageTensor', async () => {
  const bitmap = {} as ImageBitmap

  test('gives the element type and the dimensions that its options ask for', async () => {
    expectTypeOf(await imageTensor(bitmap, { size: [224, 192] })).toEqualTypeOf<Tensor<'float32', readonly [1, 3, 224, 192]>>()
    expectTypeOf(await imageTensor(bitmap, { size: [8, 9], layout: 'NHWC', channels: 'gray', type: 'uint8' })).toEqualTypeOf<
      Tensor<'uint8', readonly [1, 8, 9, 1]>
    >()
    expectTypeOf(await imageTensor(bitmap, { size: [8, 9], channels: 'bgr', mean: [0.5, 0.5, 0.5] })).toEqualTypeOf<
      Tensor<'float32', readonly [1, 3, 8, 9]>
    >()
    const side: number = 8
    expectTypeOf(await imageTensor(bitmap, { size: [side, side] })).toEqualTypeOf<Tensor<'float32', readonly [1, 3, number, number]>>()
  })

  test('gives a batch of as many as there are', async () => {
    expectTypeOf(await imageTensor([bitmap, bitmap], { size: [8, 9] })).toEqualTypeOf<Tensor<'float32', readonly [2, 3, 8, 9]>>()
    expectTypeOf(await imageTensor([] as ImageSource[], { size: [8, 9] })).toEqualTypeOf<Tensor<'float32', readonly [number, 3, 8, 9]>>()
  })

  test('is what a model takes, or is refused', async () => {
    const session = await model.load()
    expectTypeOf(session.run).toBeCallableWith({ x: await imageTensor(bitmap, { size: [48, 192] }), mask })
    // @ts-expect-error the height is not the model's
    void session.run({ x: await imageTensor(bitmap, { size: [49, 192] }), mask })
    // @ts-expect-error the layout is not the model's
    void session.run({ x: await imageTensor(bitmap, { size: [48, 192], layout: 'NHWC' }), mask })
    // @ts-expect-error bytes for float32
    void session.run({ x: await imageTensor(bitmap, { size: [48, 192], type: 'uint8' }), mask })
  })

  test('takes all that holds a picture, and nothing else', () => {
    expectTypeOf<ImageSource>().toEqualTypeOf<
      ImageData | ImageBitmap | HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas | VideoFrame | Blob
    >()
    // @ts-expect-error an array of bytes has no size
    void imageTensor(new Uint8Array(4), { size: [8, 9] })
    // @ts-expect-error there is no size
    void imageTensor(bitmap, {})
    // @ts-expect-error no such fit
    void imageTensor(bitmap, { size: [8, 9], fit: 'fill' })
  })

  test('toImageData takes an output as it is', async () => {
    expectTypeOf(toImageData((await (await model.load()).run({ x, mask })).y)).toEqualTypeOf<ImageData>()
  })
})

test('thriftyDevices gives what a load takes', async () => {
  expectTypeOf(model.load).toBeCallableWith({ devices: await thriftyDevices(model.manifest) })
  expectTypeOf(thriftyDevices).returns.resolves.toEqualTypeOf<string[] | undefined>()
})

describe('a session that leaves outputs on the GPU', async () => {
  const session = await loadGpu(model)

  test('gives tensors wherever they are, which are inputs again, and arrays where it is not asked to', async () => {
    const { y } = await session.run({ x, mask }, { outputs: 'gpu' })
    expectTypeOf(y).toEqualTypeOf<AnyTensor<'float32', readonly [number, 2]>>()
    expectTypeOf((await readTensor(y)).data).toEqualTypeOf<Float32Array>()
    expectTypeOf((await session.run({ x, mask })).y.data).toEqualTypeOf<Float32Array>()
    // @ts-expect-error y has two dimensions, x four
    void session.run({ x: y, mask })
    // @ts-expect-error mask is missing
    void session.run({ x })
  })

  test('takes the options of a load, and a model that no worker holds', () => {
    void loadGpu(model, { devices: ['webgpu'] })
    // @ts-expect-error what a worker holds cannot share a GPU with the page
    void loadGpu(workerModel<typeof model>({} as Worker))
  })
})
