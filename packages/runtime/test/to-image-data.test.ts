import { describe, expect, test } from 'vitest'
import { RGBA, pictures } from './pictures.ts'

const { give } = pictures()

describe('toImageData', () => {
  test.each([
    `{ size: [2, 3] }`,
    `{ size: [2, 3], layout: 'NHWC' }`,
    `{ size: [2, 3], channels: 'bgr' }`,
    `{ size: [2, 3], type: 'uint8', layout: 'NHWC', channels: 'bgr' }`,
    `{ size: [2, 3], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }`,
    `{ size: [2, 3], channels: 'bgr', scale: 1 / 127.5, offset: -1 }`,
  ])('brings back what went in: %s', async (options) => {
    const body = `const options = ${options}; const { type, size, ...rest } = options; return toImageData(await imageTensor(picture(), options), rest)`
    expect(await give(body)).toMatchObject({ width: 3, height: 2, data: RGBA })
  })

  test('clamps, and makes black of NaN', async () => {
    const { data } = await give('return toImageData(tensor(Float32Array.of(-1, 2, NaN, Infinity, 0.5, 1), [1, 3, 1, 2]))')
    expect(data).toEqual([0, 0, 128, 255, 255, 255, 255, 255])
  })

  test.each([
    ['one channel is gray', 'toImageData(tensor(Float32Array.of(0, 0.2, 1), [1, 1, 1, 3]))', [0, 51, 255]],
    ['without a batch axis', `toImageData(tensor(Uint8Array.of(1, 2, 3), [1, 3, 1]), { layout: 'NHWC' })`, [1, 2, 3]],
    ['bool', `toImageData(tensor(Uint8Array.of(0, 1), [1, 1, 2], 'bool'))`, [0, 255]],
    ['float64', 'toImageData(tensor(Float64Array.of(1, 0), [1, 1, 1, 2]))', [255, 0]],
    ['the second of a batch', 'toImageData(tensor(Uint8Array.of(1, 2, 3, 4), [2, 1, 1, 2]), { index: 1 })', [3, 4]],
    // 0, 1, 0.2 (as near as 16 bits come), -0.5, the least number, an infinity.
    [
      'float16 as bits',
      `toImageData(tensor(Uint16Array.of(0, 0x3c00, 0x3266, 0xb800, 1, 0x7c00), [1, 1, 6], 'float16'))`,
      [0, 255, 51, 0, 0, 255],
    ],
  ])('%s', async (_, body, gray) => {
    expect((await give(`return ${body}`)).data).toEqual(gray.flatMap((value) => [value, value, value, 255]))
  })

  test.each([
    [
      'tensor(new Float32Array(84), [1, 21, 2, 2])',
      '{}',
      'IMAGE_TENSOR',
      'expected 1 or 3 channels, as in [N, C, H, W], received float32[1, 21, 2, 2]; of classes',
    ],
    ['tensor(new Float32Array(12), [1, 2, 2, 3])', '{}', 'IMAGE_TENSOR', 'or name another layout'],
    ['tensor(new Float32Array(4), [2, 2])', '{}', 'IMAGE_TENSOR', 'received float32[2, 2]'],
    ['tensor(new Float32Array(0), [1, 3, 0, 2])', '{}', 'IMAGE_TENSOR', 'received float32[1, 3, 0, 2]'],
    ['tensor(new BigInt64Array(4), [1, 1, 2, 2])', '{}', 'IMAGE_TENSOR', 'received int64; convert it first'],
    [
      'tensor(new Float32Array(4), [1, 1, 2, 2])',
      '{ index: 1 }',
      'IMAGE_OPTION',
      `expected a picture of float32[1, 1, 2, 2] for the option 'index', received 1`,
    ],
    ['tensor(new Float32Array(4), [1, 1, 2, 2])', '{ mean: [0, 0, 0] }', 'IMAGE_OPTION', `for the option 'mean'`],
  ])('refuses %s with %s', async (given, options, code, message) => {
    const { error } = await give(`return toImageData(${given}, ${options})`)
    expect(error).toMatchObject({ name: 'RunError', code, message: expect.stringContaining(message) })
    expect(error.message).toMatch(/^toImageData: /)
  })
})
