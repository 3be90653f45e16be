import { createRandom } from '@whittle/ir'
import { describe, expect, test } from 'vitest'
import { removalOrder } from '../src/greedy.ts'
import { cholesky, inverse } from '@whittle/statistics'
import { leastSquares, randomSpd } from './harness.ts'

const invert = (matrix: Float64Array, n: number): Float64Array => inverse(cholesky(matrix, n)!, n)

describe.each(['a', 'b', 'c', 'd'])('with data %s', (seed) => {
  const n = 6
  const matrix = randomSpd(n, seed)
  const random = createRandom(`row/${seed}`)
  const row = Float32Array.from({ length: n }, () => random.normal())

  test('each removal is the cheapest of all that are left, and costs what least squares say', () => {
    const given = invert(matrix, n)
    const { order, costs } = removalOrder(row, given, n)
    expect(given).toEqual(invert(matrix, n))
    const removed = new Set<number>()
    let before = 0
    for (let step = 0; step < n; step++) {
      const trials = Array.from({ length: n }, (_, index) => index)
        .filter((index) => !removed.has(index))
        .map((index) => ({ index, cost: leastSquares(row, matrix, new Set([...removed, index])).cost }))
      const best = trials.reduce((a, b) => (b.cost < a.cost ? b : a))
      expect(order[step], `step ${step}`).toBe(best.index)
      expect(costs[step]!, `step ${step}`).toBeCloseTo(best.cost - before, 9)
      before = best.cost
      removed.add(best.index)
    }
  })
})

test('stops at the limit', () => {
  const { order, costs } = removalOrder(Float32Array.of(3, 1, 2), Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), 2)
  expect([...order]).toEqual([1, 2])
  expect([...costs]).toEqual([1, 4])
})

test('weights that are zero already go first and for nothing', () => {
  const { order, costs } = removalOrder(Float32Array.of(1, 0, 2, -0), invert(randomSpd(4, 'zeros'), 4), 2)
  expect([...order].sort()).toEqual([1, 3])
  expect([...costs]).toEqual([0, 0])
})
