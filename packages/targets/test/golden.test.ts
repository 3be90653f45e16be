import { createRandom } from '@whittle/ir'
import { goldenValues, sketch, sketchSqnr } from '@whittle/targets'
import { describe, expect, test } from 'vitest'

describe('inputs of the golden check', () => {
  test('are the same everywhere: the numbers of this version', () => {
    const numbers = [...goldenValues({ dims: [1, 3], low: -1, high: 1 }, false, 0)]
    expect(numbers.map((value) => value.toFixed(6))).toEqual(['-0.364802', '-0.617530', '0.046408'])
    expect([...goldenValues({ dims: [3], low: -1, high: 1 }, false, 1)]).not.toEqual(numbers)
  })

  test('fill the range evenly, and hold both ends of whole numbers', () => {
    const numbers = goldenValues({ dims: [100, 100], low: 2, high: 6 }, false, 0)
    const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length
    expect(mean).toBeCloseTo(4, 1)
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(2)
    expect(Math.max(...numbers)).toBeLessThan(6)
    expect(new Set(goldenValues({ dims: [1000], low: -1, high: 2 }, true, 0))).toEqual(new Set([-1, 0, 1, 2]))
    expect([...goldenValues({ dims: [], low: 16000, high: 16000 }, true, 2)]).toEqual([16000])
  })
})

describe('a sketch', () => {
  const random = createRandom('sketch')
  const normal = (size: number, scale = 1): number[] => Array.from({ length: size }, () => scale * random.normal())

  test.each([1, 10, 32, 1000, 100_000])('of %d elements tells the signal to noise ratio within 4 dB', (size) => {
    for (const decibels of [10, 30, 60]) {
      const values = normal(size)
      const noise = normal(size, 10 ** (-decibels / 20))
      const noisy = values.map((value, at) => value + noise[at]!)
      const exact = 10 * Math.log10(squares(values) / squares(noise))
      expect(Math.abs(sketchSqnr(sketch(values), sketch(noisy)) - exact), `${decibels} dB`).toBeLessThan(4)
    }
  })

  test('sees one part of a large output that is wrong, and values in another order', () => {
    const values = Array.from({ length: 10_000 }, (_, at) => 0.5 + (at % 7))
    const holed = values.map((value, at) => (at < 100 ? 0 : value))
    const reversed = values.toReversed()
    for (const wrong of [holed, reversed]) expect(sketchSqnr(sketch(values), sketch(wrong))).toBeLessThan(22)
  })

  test('of equal values is equal, and of NaN is no number', () => {
    const values = normal(100)
    expect(sketchSqnr(sketch(values), sketch(Float64Array.from(values)))).toBe(Infinity)
    expect(sketchSqnr(sketch(values), sketch(values.map((value, at) => (at === 50 ? NaN : value))))).toBeNaN()
    expect(sketchSqnr(sketch(values), sketch(values.slice(0, 5)))).toBeNaN()
    expect(sketch(BigInt64Array.of(3n, 4n)).map(Math.abs)).toEqual([3, 4])
  })
})

function squares(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value ** 2, 0)
}
