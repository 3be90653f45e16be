import { createRandom } from '@whittle/ir'
import { Histogram, RangeCollector, chooseRange } from '@whittle/quantize'
import { describe, expect, test } from 'vitest'

const histogramOf = (values: ArrayLike<number>): Histogram => {
  const histogram = new Histogram()
  histogram.add(Float32Array.from(values))
  return histogram
}

/** What a grid makes of a value. */
const rounded = (value: number, { scale, zeroPoint }: { scale: number; zeroPoint: number }, bits: number): number =>
  (Math.max(0, Math.min(2 ** bits - 1, Math.round(value / scale) + zeroPoint)) - zeroPoint) * scale

const errorOf = (entries: [number, number][], grid: { scale: number; zeroPoint: number }, bits: number): number =>
  entries.reduce((sum, [value, count]) => sum + count * (value - rounded(value, grid, bits)) ** 2, 0)

const random = createRandom('ranges')
const normals = Array.from({ length: 2000 }, () => random.normal())
const cases: Record<string, number[]> = {
  normal: normals,
  positive: normals.map(Math.abs),
  negative: normals.map((item) => -Math.abs(item) - 1),
  'far from zero': normals.map((item) => item + 100),
  'with an outlier': [...normals, 300],
  'with an outlier below': [...normals, -300],
  'one constant': [7, 7, 7],
  'one negative constant': [-7, -7],
}

describe.each(Object.keys(cases))('for values that are %s', (key) => {
  const values = cases[key]!
  const histogram = histogramOf(values)

  test.each([4, 8])('zero is on the grid, and its zero point inside, with %i bits', (bits) => {
    for (const method of ['minmax', 'mse', 'percentile', 'entropy'] as const) {
      const grid = chooseRange(histogram, bits, method)!
      expect(Number.isInteger(grid.zeroPoint) && grid.zeroPoint >= 0 && grid.zeroPoint <= 2 ** bits - 1).toBe(true)
      expect(grid.scale).toBe(Math.fround(grid.scale))
      expect(grid.scale).toBeGreaterThan(0)
      expect(rounded(0, grid, bits)).toBe(0)
      expect(grid.min).toBeLessThanOrEqual(0)
      expect(grid.max).toBeGreaterThanOrEqual(0)
    }
  })

  test('minmax spans the least, the greatest and zero, and moves none of the values by more than a step', () => {
    const grid = chooseRange(histogram, 8, 'minmax')!
    const floats = values.map(Math.fround)
    expect([grid.min, grid.max]).toEqual([Math.min(0, ...floats), Math.max(0, ...floats)])
    expect(grid.scale).toBe(Math.fround((grid.max - grid.min) / 255))
    expect(grid.zeroPoint).toBe(Math.round(-grid.min / grid.scale) + 0)
    for (const value of floats) expect(Math.abs(value - rounded(value, grid, 8))).toBeLessThanOrEqual(grid.scale * 1.0001)
  })

  test('percentile keeps what lies between the quantiles of the sorted values', () => {
    const sorted = values.map(Math.fround).sort((a, b) => a - b)
    const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!
    for (const percentile of [100, 99.99, 99, 90]) {
      const grid = chooseRange(histogram, 8, 'percentile', percentile)!
      const cut = (100 - percentile) / 200
      const width = histogram.table.width * 1.001
      expect(Math.abs(grid.min - Math.min(0, at(cut)))).toBeLessThanOrEqual(width)
      expect(Math.abs(grid.max - Math.max(0, at(1 - cut)))).toBeLessThanOrEqual(width)
    }
  })

  test('mse errs at most as much as minmax on the histogram, at 4 and 8 bits', () => {
    for (const bits of [4, 8]) {
      const entries = [...histogram.entries()]
      const [full, best] = (['minmax', 'mse'] as const).map((method) => errorOf(entries, chooseRange(histogram, bits, method)!, bits))
      expect(best).toBeLessThanOrEqual(full!)
    }
  })
})

test('mse cuts off a lone outlier at few bits, on the side where it stands', () => {
  const above = chooseRange(histogramOf([...normals, ...normals, 30]), 4, 'mse')!
  expect(above.max).toBeLessThan(15)
  const below = chooseRange(histogramOf([...normals, ...normals, -30]), 4, 'mse')!
  expect(below.min).toBeGreaterThan(-15)
})

test('percentile cuts off a lone outlier', () => {
  expect(chooseRange(histogramOf([...normals, 300]), 8, 'percentile', 99.9)!.max).toBeLessThan(5)
  expect(chooseRange(histogramOf([...normals, 300]), 8, 'percentile', 100)!.max).toBe(300)
})

test('zeros alone give scale 1, and nothing finite gives no grid', () => {
  expect(chooseRange(histogramOf([0, 0]), 8, 'mse')).toEqual({ scale: 1, zeroPoint: 0, min: 0, max: 0 })
  expect(chooseRange(histogramOf([NaN]), 8, 'minmax')).toBeUndefined()
  expect(chooseRange(new Histogram(), 8, 'minmax')).toBeUndefined()
})

test('a collector keeps one histogram for each name', () => {
  const collector = new RangeCollector()
  collector.add('a', Float32Array.of(1, 2))
  collector.add('b', Float32Array.of(-1))
  collector.add('a', Float32Array.of(5))
  expect([...collector.histograms].map(([name, { min, max, total }]) => [name, min, max, total])).toEqual([
    ['a', 1, 5, 3],
    ['b', -1, -1, 1],
  ])
})
