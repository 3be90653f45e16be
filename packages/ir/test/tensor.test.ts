import { ModelError, Tensor, UnsupportedError } from '@whittle/ir'
import { describe, expect, test } from 'vitest'

const VALUES = {
  float32: [0.5, -2, 3],
  float64: [0.1, -2, 3],
  float16: [0.5, -2, 65504],
  int8: [-128, 0, 127],
  uint8: [0, 1, 255],
  int16: [-32768, 0, 32767],
  uint16: [0, 1, 65535],
  int32: [-(2 ** 31), 0, 2 ** 31 - 1],
  uint32: [0, 1, 2 ** 32 - 1],
  int64: [-(2 ** 53), 0, 2 ** 53],
  uint64: [0, 1, 2 ** 53],
  bool: [0, 1, 1],
} as const

test.each(Object.entries(VALUES))('%s: numbers come back as they went in', (type, values) => {
  const tensor = Tensor.of(type as keyof typeof VALUES, [3], values)
  expect(tensor.toNumbers()).toEqual(values)
  expect(Array.from(tensor.toFloat32())).toEqual(values.map(Math.fround))
})

test('4-bit types are packed two to a byte, the first in the low bits', () => {
  expect(Tensor.fromBytes('int4', [3], Uint8Array.of(0xf1, 0x08)).toNumbers()).toEqual([1, -1, -8])
  expect(Tensor.fromBytes('uint4', [3], Uint8Array.of(0xf1, 0x08)).toNumbers()).toEqual([1, 15, 8])
})

test('bfloat16 is read as the upper half of float32', () => {
  expect(Tensor.of('bfloat16', [2], Uint16Array.of(0x3f80, 0xc000)).toNumbers()).toEqual([1, -2])
})

test('bytes that are not aligned are copied, others are viewed', () => {
  const buffer = new Uint8Array(13)
  new DataView(buffer.buffer).setFloat32(1, 1.5, true)
  expect(Tensor.fromBytes('float32', [2], buffer.subarray(1, 9)).toNumbers()).toEqual([1.5, 0])
  const data = Float32Array.of(1, 2)
  expect(Tensor.float32([2], data).data().buffer).toBe(data.buffer)
})

test('lazy bytes are read once, when they are first asked for', () => {
  let reads = 0
  const tensor = Tensor.lazy('uint8', [2], () => (reads++, Uint8Array.of(7, 8)))
  const other = tensor.reshape([1, 2])
  expect(reads).toBe(0)
  expect([...tensor.toNumbers(), ...tensor.toNumbers(), ...other.toNumbers()]).toEqual([7, 8, 7, 8, 7, 8])
  expect(reads).toBe(1)
  expect(other.dims).toEqual([1, 2])
})

describe('errors', () => {
  test('sizes that disagree', () => {
    expect(() => Tensor.float32([3], [1, 2])).toThrow(ModelError)
    expect(() => Tensor.float32([3], [1, 2])).toThrow('float32[3] needs 12 bytes, and 8 are given')
    expect(() => Tensor.lazy('int8', [3], () => new Uint8Array(2)).bytes()).toThrow(ModelError)
    expect(() => Tensor.float32([2], [1, 2]).reshape([3])).toThrow(ModelError)
    expect(() => Tensor.strings([2], ['a'])).toThrow(ModelError)
  })

  test('types that have no such view', () => {
    expect(() => Tensor.strings([1], ['a']).bytes()).toThrow(UnsupportedError)
    expect(() => Tensor.float32([1], [1]).strings()).toThrow(UnsupportedError)
    expect(() => Tensor.fromBytes('float8e5m2', [1], Uint8Array.of(1)).toNumbers()).toThrow(UnsupportedError)
    expect(() => Tensor.of('int4', [2], [1, 2])).toThrow(UnsupportedError)
  })
})

test('scalars and empty tensors', () => {
  expect(Tensor.float32([], [3]).size).toBe(1)
  expect(Tensor.float32([0, 4], []).toNumbers()).toEqual([])
  expect(Tensor.int64([2], [1, -1]).data()).toEqual(BigInt64Array.of(1n, -1n))
  expect(Tensor.strings([2], ['a', 'b']).strings()).toEqual(['a', 'b'])
})
