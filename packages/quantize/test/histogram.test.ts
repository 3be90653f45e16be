import { createRandom } from '@whittle/ir'
import { Histogram } from '@whittle/quantize'
import { describe, expect, test } from 'vitest'
import { extremesOf } from '../src/histogram.ts'

const counted = (histogram: Histogram): number => [...histogram.entries()].reduce((sum, [, count]) => sum + count, 0)

/** Every value lies in some bin whose middle is near it: at most `bins` of the range apart. */
function expectPlaces(histogram: Histogram, values: number[]): void {
  const entries = [...histogram.entries()]
  const span = histogram.max - histogram.min
  const sorted = [...values].sort((a, b) => a - b)
  let at = 0
  for (const [middle, count] of entries)
    for (let k = 0; k < count; k++) expect(Math.abs(sorted[at++]! - middle)).toBeLessThanOrEqual((4 * span) / histogram.bins + 1e-30)
}

describe('nothing is lost while the range widens', () => {
  test.each<[string, number[][]]>([
    ['upwards', [[0, 1], [5], [100], [1e6]]],
    ['downwards', [[0, 1], [-5], [-100], [-1e6]]],
    ['both ways', [[0.1, 0.2], [-3, 4], [1000, -2000], [0.15]]],
    ['from one constant', [[5, 5, 5], [5], [-7], [9]]],
    ['from zeros', [[0, 0], [1e-20], [1], [-1]]],
    ['from a tiny range to a huge one', [[1e-30, 2e-30], [3e38], [-3e38]]],
    ['below zero', [[-5, -4], [-4.5], [-100, -3]]],
  ])('%s', (_, batches) => {
    const histogram = new Histogram(256)
    for (const batch of batches) histogram.add(Float32Array.from(batch))
    const all = batches.flat().map(Math.fround)
    expect(histogram.total).toBe(all.length)
    expect(counted(histogram)).toBe(all.length)
    expect([histogram.min, histogram.max]).toEqual([Math.min(...all), Math.max(...all)])
    expectPlaces(histogram, all)
  })

  test('in random batches', () => {
    const random = createRandom('histogram')
    for (let round = 0; round < 50; round++) {
      const histogram = new Histogram(64)
      const all: number[] = []
      for (let batch = 0; batch < 8; batch++) {
        const values = Float32Array.from({ length: random.integer(20) }, () => random.normal() * 10 ** (random.integer(8) - 4))
        histogram.add(values)
        all.push(...values)
      }
      if (all.length === 0) continue
      expect(histogram.total).toBe(all.length)
      expect(counted(histogram)).toBe(all.length)
      expectPlaces(histogram, all)
    }
  })
})

test('NaN and infinities are counted apart, and do not move the range', () => {
  const histogram = new Histogram()
  histogram.add(Float32Array.of(NaN, 1, Infinity, 2, -Infinity))
  expect(histogram).toMatchObject({ invalid: 3, total: 2, min: 1, max: 2 })
  histogram.add(Float32Array.of(NaN))
  expect(histogram).toMatchObject({ invalid: 4, total: 2 })
})

test('without a finite value it is empty', () => {
  const histogram = new Histogram()
  histogram.add(Float32Array.of(NaN))
  histogram.add(new Float32Array(0))
  expect(histogram).toMatchObject({ invalid: 1, total: 0, min: Infinity, max: -Infinity })
  expect([...histogram.entries()]).toEqual([])
})

describe('quantiles are those of the sorted values within a bin', () => {
  test.each<[string, (random: ReturnType<typeof createRandom>) => number]>([
    ['normal', (random) => random.normal()],
    ['evenly spread', (random) => random.next() * 3 + 5],
    ['zero by half', (random) => Math.max(0, random.normal())],
    ['heavy-tailed', (random) => random.normal() / (0.1 + random.next())],
  ])('%s', (name, draw) => {
    const random = createRandom(name)
    const histogram = new Histogram()
    const all: number[] = []
    for (let batch = 0; batch < 7; batch++) {
      const values = Float32Array.from({ length: 3001 }, () => draw(random) * (1 + batch))
      histogram.add(values)
      all.push(...values)
    }
    all.sort((a, b) => a - b)
    for (const share of [0, 0.0001, 0.01, 0.25, 0.5, 0.75, 0.99, 0.9999, 1]) {
      const exact = all[Math.max(0, Math.ceil(share * all.length) - 1)]!
      expect(Math.abs(histogram.quantile(share) - exact)).toBeLessThanOrEqual(histogram.table.width * 1.001)
    }
  })
})

test('of any number of values all are counted, also those that no group of four takes', () => {
  for (const size of [1, 2, 3, 4, 5, 7, 4095, 4096, 4097, 9001]) {
    const histogram = new Histogram()
    histogram.add(Float32Array.from({ length: size }, (_, index) => index % 13))
    expect([counted(histogram), histogram.total]).toEqual([size, size])
  }
})

describe('extremes', () => {
  test.each<[string, number[], object]>([
    ['of both signs', [3, -2, 0.5], { min: -2, max: 3, invalid: 0 }],
    ['of negative values', [-3, -0.25, -2], { min: -3, max: -0.25, invalid: 0 }],
    ['of zeros of both signs', [0, -0], { min: 0, max: 0, invalid: 0 }],
    ['of denormals', [1e-45, -1e-45], { min: Math.fround(-1e-45), max: Math.fround(1e-45), invalid: 0 }],
    ['beside NaN and infinities', [NaN, 1, -Infinity, 2, Infinity], { min: 1, max: 2, invalid: 3 }],
    ['of nothing but NaN', [NaN, -NaN], { min: Infinity, max: -Infinity, invalid: 2 }],
    ['of nothing', [], { min: Infinity, max: -Infinity, invalid: 0 }],
  ])('%s', (_, values, expected) => {
    expect(extremesOf(Float32Array.from(values))).toEqual(expected)
  })

  test('are those of a plain loop, wherever a view starts', () => {
    const random = createRandom('extremes')
    for (let round = 0; round < 50; round++) {
      const all = Float32Array.from({ length: 40 }, () => random.normal() * 10 ** (random.integer(60) - 30))
      const values = all.subarray(random.integer(10), 11 + random.integer(29))
      expect(extremesOf(values)).toEqual({ min: Math.min(...values), max: Math.max(...values), invalid: 0 })
    }
  })
})
