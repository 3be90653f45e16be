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

test('2-bit types are packed four to a byte, the first in the low bits', () => {
  // 0xe4 is 11 10 01 00.
  expect(Tensor.fromBytes('uint2', [5], Uint8Array.of(0xe4, 0x02)).toNumbers()).toEqual([0, 1, 2, 3, 2])
  expect(Tensor.fromBytes('int2', [5], Uint8Array.of(0xe4, 0x02)).toNumbers()).toEqual([0, 1, -2, -1, -2])
  expect(() => Tensor.fromBytes('int2', [5], Uint8Array.of(0xe4))).toThrow('int2[5] needs 2 bytes, and 1 are given')
})

test('6-bit types are packed four to three bytes, the first in the low bits', () => {
  // 0.125, 7.5, -7.5 and 1 in 2 and 3 bits: 000001 011111 111111 001000, from the back 001000111111011111000001.
  const bytes = Uint8Array.of(0b11000001, 0b11110111, 0b00100011)
  expect(Tensor.fromBytes('float6e2m3', [4], bytes).toNumbers()).toEqual([0.125, 7.5, -7.5, 1])
  // The same bits with 3 and 2: 000 01, 111 11 twice, 010 00.
  expect(Tensor.fromBytes('float6e3m2', [4], bytes).toNumbers()).toEqual([0.0625, 28, -28, 0.5])
  // 111101 is minus 1.25 times 2 to the 4th.
  expect(Tensor.fromBytes('float6e3m2', [2], Uint8Array.of(0b01000001, 0b1111)).toNumbers()).toEqual([0.0625, -20])
})

// Bytes, and what they mean by the formats' definitions: the smallest subnormal, the smallest normal, 1, the largest, then what has no number.
test.each([
  ['float8e4m3fn', [0x01, 0x08, 0x38, 0x7e, 0xb8, 0x7f, 0xff], [2 ** -9, 2 ** -6, 1, 448, -1, NaN, NaN]],
  ['float8e4m3fnuz', [0x01, 0x08, 0x40, 0x7f, 0xc0, 0x80], [2 ** -10, 2 ** -7, 1, 240, -1, NaN]],
  ['float8e5m2', [0x01, 0x04, 0x3c, 0x7b, 0xbc, 0x7c, 0xfc, 0x7d], [2 ** -16, 2 ** -14, 1, 57344, -1, Infinity, -Infinity, NaN]],
  ['float8e5m2fnuz', [0x01, 0x04, 0x40, 0x7f, 0xc0, 0x80], [2 ** -17, 2 ** -15, 1, 57344, -1, NaN]],
  ['float8e8m0', [0x00, 0x7e, 0x7f, 0x80, 0xfe, 0xff], [2 ** -127, 0.5, 1, 2, 2 ** 127, NaN]],
] as const)('%s is read by its bits', (type, bytes, numbers) => {
  expect(Tensor.fromBytes(type, [bytes.length], Uint8Array.from(bytes)).toNumbers()).toEqual(numbers)
})

test('float4e2m1 is packed two to a byte', () => {
  expect(Tensor.fromBytes('float4e2m1', [5], Uint8Array.of(0x10, 0xf7, 0x02)).toNumbers()).toEqual([0, 0.5, 6, -6, 1])
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
    expect(() => Tensor.fromBytes('complex64', [1], new Uint8Array(8)).toNumbers()).toThrow(UnsupportedError)
    expect(() => Tensor.of('int4', [2], [1, 2])).toThrow(UnsupportedError)
  })
})

test('scalars and empty tensors', () => {
  expect(Tensor.float32([], [3]).size).toBe(1)
  expect(Tensor.float32([0, 4], []).toNumbers()).toEqual([])
  expect(Tensor.int64([2], [1, -1]).data()).toEqual(BigInt64Array.of(1n, -1n))
  expect(Tensor.strings([2], ['a', 'b']).strings()).toEqual(['a', 'b'])
})
