import { createRandom } from '@whittle/ir'
import { describe, expect, test } from 'vitest'
import { clusterTensor, densityOf, firstLevels, lloyd, nearest } from '../src/codebook.ts'
import { quantizeTensor } from '../src/weights.ts'
import { normal, squaredError } from './harness.ts'

/** The least squared error of all ways to cut sorted values into `count` runs, one of which has the level 0: dynamic programming. */
function bestError(values: Float32Array, count: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const size = sorted.length
  const cost = (from: number, to: number, pinned: boolean): number => {
    const run = sorted.slice(from, to)
    const level = pinned ? 0 : run.reduce((a, b) => a + b, 0) / run.length
    return run.reduce((sum, item) => sum + (item - level) ** 2, 0)
  }
  // least[pinned][runs][end]
  const least = [0, 1].map(() => Array.from({ length: count + 1 }, () => new Array<number>(size + 1).fill(Infinity)))
  least[0]![0]![0] = 0
  for (let runs = 1; runs <= count; runs++)
    for (let end = 0; end <= size; end++)
      for (let from = 0; from <= end; from++) {
        const run = from === end ? 0 : cost(from, end, false)
        for (const pinned of [0, 1])
          least[pinned]![runs]![end] = Math.min(least[pinned]![runs]![end]!, least[pinned]![runs - 1]![from]! + run)
        const zero = from === end ? 0 : cost(from, end, true)
        least[1]![runs]![end] = Math.min(least[1]![runs]![end]!, least[0]![runs - 1]![from]! + zero)
      }
  return least[1]![count]![size]!
}

const errorOf = (values: Float32Array, levels: Float64Array): number =>
  values.reduce((sum, item) => sum + (item - levels[nearest(levels, item)]!) ** 2, 0)

test.each([3, 4, 5])('%i levels err little more than the best that dynamic programming finds', (count) => {
  for (let round = 0; round < 10; round++) {
    const values = normal(40, `lloyd/${count}/${round}`)
    const density = densityOf([values], Float32Array.of(1))
    const found = errorOf(values, lloyd(density, firstLevels(density, count)))
    const best = bestError(values, count)
    expect(found).toBeGreaterThanOrEqual(best * (1 - 1e-3))
    expect(found).toBeLessThanOrEqual(best * 1.6)
  }
})

test('each level is the mean of the values nearest to it', () => {
  const values = normal(5000, 'means')
  const density = densityOf([values], Float32Array.of(1))
  const levels = lloyd(density, firstLevels(density, 16))
  const sums = [...levels].map(() => ({ sum: 0, count: 0 }))
  for (const item of values) {
    const at = sums[nearest(levels, item)]!
    at.sum += item
    at.count++
  }
  expect(levels).toContain(0)
  sums.forEach(({ sum, count }, at) => {
    if (levels[at] !== 0 && count > 0) expect(levels[at]).toBeCloseTo(sum / count, 2)
  })
})

describe('a clustered tensor', () => {
  const dims = [6, 50]
  const data = normal(300, 'clustered').map((item, at) => (at % 7 === 0 ? 0 : item * 4 ** Math.floor(at / 50)))

  test.each([2, 3, 4, 6])('of %i bits holds levels times scales, zeros among them', (bits) => {
    const { data: after, quantization } = clusterTensor(data, dims, { bits, axis: 0 })
    const { levels, scale } = quantization
    expect(levels.length).toBeLessThanOrEqual(2 ** bits)
    expect([...levels]).toEqual([...levels].sort((a, b) => a - b))
    after.forEach((item, at) => {
      const step = scale[Math.floor(at / 50)]!
      expect([...levels].some((level) => Math.fround(level * step) === item)).toBe(true)
      if (data[at] === 0) expect(item).toBe(0)
    })
  })

  test('errs less than even steps of as many bits', () => {
    for (const bits of [3, 4]) {
      const even = quantizeTensor(data, dims, { bits, range: 'mse', axis: 0 }).data
      expect(squaredError(clusterTensor(data, dims, { bits, axis: 0 }).data, data)).toBeLessThan(squaredError(even, data))
    }
  })

  test('with as many levels as values is exact but for the rounding of float32', () => {
    const few = Float32Array.from({ length: 64 }, (_, at) => [-3, -0.5, 0, 0.25, 7][at % 5]!)
    const { data: after } = clusterTensor(few, [64], { bits: 4 })
    after.forEach((item, at) => expect(item).toBeCloseTo(few[at]!, 4))
  })

  test('of zeros stays so; beside one huge value all stays finite', () => {
    expect([...clusterTensor(new Float32Array(8), [2, 4], { bits: 2, axis: 0 }).data]).toEqual(new Array(8).fill(0))
    const outlier = normal(64, 'outlier')
    outlier[5] = 1e30
    const { data: after, quantization } = clusterTensor(outlier, [2, 32], { bits: 4, axis: 0 })
    expect(after.every(Number.isFinite) && quantization.scale.every((item) => item > 0)).toBe(true)
    expect(Math.abs(after[5]! / 1e30 - 1)).toBeLessThan(0.01)
    // The other channel has levels that the outlier's has no use for.
    const random = createRandom('tiny')
    const tiny = Float32Array.from({ length: 16 }, () => random.normal() * 1e-42)
    expect(clusterTensor(tiny, [16], { bits: 3 }).data.every(Number.isFinite)).toBe(true)
  })
})
