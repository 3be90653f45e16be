import { expect, test } from 'vitest'
import { roundMantissa, roundUpToBfloat16 } from '../src/mantissa.ts'

test('a mantissa of so many bits: the nearest, the upper one in the middle, into the next power of two where need be', () => {
  expect(roundMantissa(1.3, 2)).toBe(1.25)
  expect(roundMantissa(1.375, 2)).toBe(1.5)
  expect(roundMantissa(1.99, 2)).toBe(2)
  expect(roundMantissa(0.1, 22)).toBeCloseTo(0.1, 7)
  for (const value of [1e-30, 0.3, 7, 1e30]) expect(Math.abs(roundMantissa(value, 4) / value - 1)).toBeLessThanOrEqual(2 ** -5)
})

test('a bfloat16 that is not below', () => {
  for (const value of [1e-30, 0.1, 0.3, 1, 7.7]) {
    const rounded = roundUpToBfloat16(value)
    expect(rounded).toBeGreaterThanOrEqual(value)
    expect(rounded / value).toBeLessThan(1 + 2 ** -7)
    expect(new Uint32Array(Float32Array.of(rounded).buffer)[0]! & 0xffff).toBe(0)
  }
})
