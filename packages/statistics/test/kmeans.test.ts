import { createRandom } from '@whittle/ir'
import { describe, expect, test } from 'vitest'
import { kMeans, nearestLevel } from '../src/index.ts'

const normal = (size: number, seed: string): Float32Array => {
  const random = createRandom(seed)
  return Float32Array.from({ length: size }, () => random.normal())
}

const errorOf = (values: Float32Array, levels: ArrayLike<number>, weights?: ArrayLike<number>): number =>
  values.reduce((sum, item, at) => sum + (weights?.[at] ?? 1) * (item - levels[nearestLevel(levels, item)]!) ** 2, 0)

/** Every way to cut sorted values into at most `count` runs, with every choice of the run whose level is 0 where `zero` asks for it. */
function bestError(values: Float32Array, weights: ArrayLike<number>, count: number, zero: boolean): number {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!)
  const cost = (run: number[], pinned: boolean): number => {
    const total = run.reduce((sum, at) => sum + weights[at]!, 0)
    const level = pinned || total === 0 ? 0 : run.reduce((sum, at) => sum + weights[at]! * values[at]!, 0) / total
    return run.reduce((sum, at) => sum + weights[at]! * (values[at]! - level) ** 2, 0)
  }
  const search = (from: number, left: number, mayPin: boolean): number => {
    if (from === order.length) return 0
    if (left === 0) return Infinity
    let best = Infinity
    for (let to = from + 1; to <= order.length; to++) {
      const run = order.slice(from, to)
      if (left > 1 || !mayPin) best = Math.min(best, cost(run, false) + search(to, left - 1, mayPin))
      if (mayPin) best = Math.min(best, cost(run, true) + search(to, left - 1, false))
    }
    return best
  }
  return search(0, count, zero)
}

describe('levels of k-means', () => {
  test.each([
    [1, false],
    [2, false],
    [3, false],
    [5, false],
    [1, true],
    [2, true],
    [3, true],
    [5, true],
  ])('%i of them, with 0 among them: %s, are the best of all ways to cut the values', (count, zero) => {
    for (let round = 0; round < 8; round++) {
      const random = createRandom(`weights/${round}`)
      // To one side of 0, to both, and with values that come twice.
      const values = normal(9, `brute/${count}/${round}`).map((item, at) => (at === 8 ? 0.5 : at === 7 ? 0.5 : item + (round % 3)))
      const weights = Float64Array.from(values, () => (round % 2 ? 1 : random.next()))
      const levels = kMeans(values, { count, zero, weights })
      const best = bestError(values, weights, count, zero)
      expect(levels.length).toBeLessThanOrEqual(count)
      expect([...levels]).toEqual([...new Set(levels)].sort((a, b) => a - b))
      if (zero) expect(levels).toContain(0)
      expect(errorOf(values, levels, weights)).toBeCloseTo(best, 6)
    }
  })

  test('of more values than it takes one by one are as good as those that Lloyd can still improve, within a thousandth', () => {
    const values = normal(60000, 'many')
    const levels = kMeans(values, { count: 16 })
    const error = errorOf(values, levels)
    // Each level as the mean of the values nearest to it, until nothing moves.
    let better = Float64Array.from(levels)
    for (let turn = 0; turn < 30; turn++) {
      const sums = [...better].map(() => [0, 0] as [number, number])
      for (const item of values) {
        const sum = sums[nearestLevel(better, item)]!
        sum[0] += item
        sum[1]++
      }
      better = better.map((level, at) => (sums[at]![1] > 0 ? sums[at]![0] / sums[at]![1] : level))
    }
    expect(error).toBeLessThan(errorOf(values, better) * 1.001)
    // Max 1960: the best 16 levels for normal numbers leave 0.009497 of their variance.
    expect(error / values.length).toBeGreaterThan(0.009)
    expect(error / values.length).toBeLessThan(0.0098)
  })

  test('of few values are those values; of none but zeros, 0', () => {
    expect([...kMeans(Float32Array.of(3, 1, 3, 2), { count: 8 })]).toEqual([1, 2, 3])
    expect([...kMeans(Float32Array.of(3, 1, 3, 2), { count: 8, zero: true })]).toEqual([0, 1, 2, 3])
    expect([...kMeans(new Float32Array(4), { count: 2, zero: true })]).toEqual([0])
    expect([...kMeans(Float32Array.of(-0, 0), { count: 2 })]).toEqual([0])
  })

  test('do not follow values that weigh nothing', () => {
    expect([...kMeans(Float32Array.of(1, 100, 3), { count: 2, weights: [1, 0, 1] })]).toEqual([1, 3])
  })
})
