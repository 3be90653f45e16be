import { describe, expect, test } from 'vitest'
import { createModel, LoadError, RunError, tensor, UnsupportedError } from '../src/index.ts'
import { imageTensor } from '../src/image.ts'
import { shareModel } from '../src/share.ts'
import { manifestOf } from './host.ts'

describe('on a server', () => {
  test('a model has its manifest, and load() says that it needs a browser', async () => {
    const model = createModel({ manifest: manifestOf({ wasm: 'model.onnx' }), urls: {}, runtimes: {} })
    expect(model.manifest.name).toBe('net')
    const error = await model.load().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UnsupportedError)
    expect(error).not.toBeInstanceOf(LoadError)
    expect(error).toMatchObject({
      code: 'SERVER',
      message: 'net: load() runs in a browser; on a server a model can only be imported',
    })
  })

  test('a shared model says the same', async () => {
    const model = shareModel(createModel({ manifest: manifestOf({ wasm: 'model.onnx' }), urls: {}, runtimes: {} }))
    expect(model.manifest.name).toBe('net')
    for (const load of [model.load(), model.load()]) await expect(load).rejects.toBeInstanceOf(UnsupportedError)
  })

  test('what makes tensors of pictures can be imported, and takes no bytes for a picture', async () => {
    const error = await imageTensor(new Uint8Array(4) as never, { size: [1, 1] }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RunError)
    expect(error).toMatchObject({ code: 'IMAGE_INVALID', message: expect.stringContaining('received Uint8Array') })
  })
})

describe('tensor', () => {
  test('takes its element type from the array', () => {
    const data = new Int32Array(6)
    expect(tensor(data, [2, 3])).toEqual({ type: 'int32', data, dims: [2, 3] })
    expect(tensor(data, [2, 3]).data).toBe(data)
    expect(tensor(new Uint8Array(2), [2], 'bool').type).toBe('bool')
    expect(tensor(['a', 'b'], [2]).type).toBe('string')
    expect(tensor(new Float32Array(1), []).dims).toEqual([])
    expect(tensor(new Float32Array(0), [0, 3]).dims).toEqual([0, 3])
  })

  test.each([
    [() => tensor(new Float32Array(5), [2, 3]), 'tensor: [2, 3] takes 6 elements, the array has 5'],
    [() => tensor(new Float32Array(2), [-2]), 'tensor: expected whole numbers for dims, received [-2]'],
    [() => tensor(new Float32Array(1), [0.5]), 'tensor: expected whole numbers for dims, received [0.5]'],
    [() => tensor(new Float32Array(1) as never, [1], 'int8'), 'tensor: expected a typed array for int8, received Float32Array'],
    [() => tensor(new Uint8ClampedArray(1) as never, [1]), 'tensor: expected a typed array, received Uint8ClampedArray'],
    [() => tensor(new DataView(new ArrayBuffer(1)) as never, [1]), 'tensor: expected a typed array, received DataView'],
    [() => tensor(undefined as never, [1]), 'tensor: expected a typed array, received undefined'],
  ])('refuses what is no tensor: %#', (make, message) => {
    expect(make).toThrow(RunError)
    expect(make).toThrow(message)
  })
})
