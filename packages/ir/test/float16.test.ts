import { createRandom, fromBfloat16Bits, fromFloat16Bits, toBfloat16Bits, toFloat16Bits } from '@whittle/ir'
import { describe, expect, test } from 'vitest'

/** All finite binary16 values of one sign, in order: index = bit pattern. */
const ladder = Array.from({ length: 0x7c00 }, (_, bits) => {
  const exponent = bits >> 10
  return exponent === 0 ? (bits & 1023) * 2 ** -24 : (1024 + (bits & 1023)) * 2 ** (exponent - 25)
})

/** The nearest of all values, found by search; ties go to the even pattern, and beyond half a step over the greatest is infinity. */
function nearest(value: number): number {
  const size = Math.abs(value)
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0
  let [low, high] = [0, ladder.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (ladder[middle]! <= size) low = middle + 1
    else high = middle
  }
  const below = low - 1
  const above = ladder[below + 1] ?? 65536
  const [down, up] = [size - ladder[below]!, above - size]
  return sign | (down < up || (down === up && below % 2 === 0) ? below : below + 1)
}

describe('binary16', () => {
  test('all 65536 patterns come back from their value', () => {
    const wrong: number[] = []
    for (let bits = 0; bits < 65536; bits++) {
      const value = fromFloat16Bits(bits)
      const isNaNPattern = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0
      if (isNaNPattern ? !Number.isNaN(value) || !Number.isNaN(fromFloat16Bits(toFloat16Bits(value))) : toFloat16Bits(value) !== bits)
        wrong.push(bits)
    }
    expect(wrong).toEqual([])
  })

  test('the values are those of the definition', () => {
    expect(ladder.findIndex((value, bits) => fromFloat16Bits(bits) !== value || fromFloat16Bits(bits | 0x8000) !== -value)).toBe(-1)
    expect([fromFloat16Bits(0x3c00), fromFloat16Bits(0x7bff), fromFloat16Bits(1), fromFloat16Bits(0xfc00)]).toEqual([
      1,
      65504,
      2 ** -24,
      -Infinity,
    ])
  })

  test('rounding is to nearest, ties to even: at every midpoint and just beside it', () => {
    const wrong: number[] = []
    for (let bits = 0; bits < ladder.length; bits++) {
      const middle = (ladder[bits]! + (ladder[bits + 1] ?? 65536)) / 2
      const step = 2 ** (Math.floor(Math.log2(middle)) - 23)
      for (const value of [middle, middle - step, middle + step, -middle]) if (toFloat16Bits(value) !== nearest(value)) wrong.push(value)
    }
    expect(wrong).toEqual([])
  })

  test('rounding of random float32 values of all magnitudes', () => {
    const random = createRandom('float16')
    const wrong: number[] = []
    for (let round = 0; round < 100_000; round++) {
      const value = Math.fround((random.next() - 0.5) * 2 ** (random.integer(46) - 28))
      if (toFloat16Bits(value) !== nearest(value)) wrong.push(value)
    }
    expect(wrong).toEqual([])
  })

  test('overflow, infinities, NaN and the sign of zero', () => {
    expect([65519.99, 65520, 1e30, -1e30, Infinity].map(toFloat16Bits)).toEqual([0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7c00])
    expect(Number.isNaN(fromFloat16Bits(toFloat16Bits(NaN)))).toBe(true)
    expect(Object.is(fromFloat16Bits(toFloat16Bits(-0)), -0)).toBe(true)
  })
})

describe('bfloat16', () => {
  test('all patterns that are numbers come back from their value', () => {
    const wrong: number[] = []
    for (let bits = 0; bits < 65536; bits++) {
      const value = fromBfloat16Bits(bits)
      if (!Number.isNaN(value) && toBfloat16Bits(value) !== bits) wrong.push(bits)
    }
    expect(wrong).toEqual([])
  })

  test('rounding is to nearest, ties to even', () => {
    for (let bits = 0x3f00; bits < 0x4100; bits++) {
      const [below, above] = [fromBfloat16Bits(bits), fromBfloat16Bits(bits + 1)]
      const middle = (below + above) / 2
      expect(toBfloat16Bits(middle)).toBe(bits % 2 === 0 ? bits : bits + 1)
      expect(toBfloat16Bits(below + (above - below) * 0.49)).toBe(bits)
      expect(toBfloat16Bits(below + (above - below) * 0.51)).toBe(bits + 1)
    }
    expect(Number.isNaN(fromBfloat16Bits(toBfloat16Bits(NaN)))).toBe(true)
    expect(toBfloat16Bits(3.4e38)).toBe(0x7f80)
  })
})
