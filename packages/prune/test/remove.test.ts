import { createRandom } from '@whittle/ir'
import { dot, randomSpd, sampledGram as sampled } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { Inputs, inputsOf } from '@whittle/statistics'
import { LARGEST_GREEDY, cheapestPrefixes, reconstruct, removeWeights } from '../src/remove.ts'
import { leastSquares, neighbours } from './harness.ts'

const zerosOf = (rows: readonly Float32Array[]): number => rows.reduce((sum, row) => sum + row.filter((item) => item === 0).length, 0)

describe('reconstruct', () => {
  const { samples, gram, row } = sampled(8, 400, 'reconstruct')
  const removed = Uint32Array.of(1, 3, 4, 7)
  const inputs = inputsOf(gram, true)
  const result = reconstruct(row, removed, inputs)
  const error = (after: Float32Array): number =>
    samples.reduce((sum, sample) => sum + (dot(row, sample) - dot(after, sample) - inputs.shift(row, after)) ** 2, 0) / samples.length

  test('solves the normal equations of the damped data', () => {
    const expected = leastSquares(row, inputs.matrix, new Set(removed)).row
    result.forEach((item, index) => expect(item).toBeCloseTo(expected[index]!, 5))
    for (const index of removed) expect(result[index]).toBe(0)
  })

  test('errs less than zeros alone, and no small step from it errs notably less', () => {
    expect(error(result)).toBeLessThan(0.7 * error(row.map((item, index) => (removed.includes(index) ? 0 : item))))
    for (let index = 0; index < 8; index++)
      for (const step of [-0.05, 0.05]) {
        if (removed.includes(index)) continue
        const moved = result.slice()
        moved[index]! += step
        expect(error(moved)).toBeGreaterThan(error(result) * 0.999)
      }
  })

  test('changes nothing where nothing is removed, and gives zeros where all is', () => {
    expect(reconstruct(row, new Uint32Array(), inputs)).toEqual(row)
    expect([...reconstruct(row, Uint32Array.from(row.keys()), inputs)]).toEqual(Array(8).fill(0))
  })
})

describe('removeWeights', () => {
  const random = createRandom('remove')
  const rowsOf = (count: number, size: number): Float32Array[] =>
    Array.from({ length: count }, () => Float32Array.from({ length: size }, () => random.normal()))

  test('short rows of one layer lose what brute force over every row finds cheapest, one weight at a time', () => {
    const inputs = new Inputs(4, randomSpd(4, 'remove'), 1e9, undefined)
    const rows = rowsOf(3, 4)
    const [row, index] = rows
      .flatMap((weights, at) => [0, 1, 2, 3].map((k) => [at, k, leastSquares(weights, inputs.matrix, new Set([k])).cost] as const))
      .reduce((a, b) => (b[2] < a[2] ? b : a))
    const pruned = removeWeights(rows, [inputs], 1)
    expect(zerosOf(pruned)).toBe(1)
    expect(pruned[row]![index]).toBe(0)
  })

  test('exactly as many go, in groups as in one, by greedy removal as by the sweep', () => {
    for (const size of [6, LARGEST_GREEDY + 8])
      for (const groups of [1, 2]) {
        const inputs = Array.from(
          { length: groups },
          (_, at) =>
            new Inputs(
              size,
              neighbours(size).map((item) => item * (at + 1)),
              1e9,
              undefined,
            ),
        )
        const rows = rowsOf(4, size)
        const count = Math.floor(size * 4 * 0.37)
        expect(zerosOf(removeWeights(rows, inputs, count)), `${size} in ${groups}`).toBe(count)
      }
  })
})

describe('cheapestPrefixes', () => {
  test('takes the cheapest, each row from its start', () => {
    expect(cheapestPrefixes([Float64Array.of(1, 4, 9), Float64Array.of(2, 3, 20)], 4)).toEqual([2, 2])
  })

  test('a cheap removal behind a dear one costs as much as the dear one', () => {
    expect(cheapestPrefixes([Float64Array.of(5, 1, 1), Float64Array.of(2, 3, 4)], 3)).toEqual([0, 3])
  })

  test('equal costs are taken in order, as many as are asked for', () => {
    expect(cheapestPrefixes([Float64Array.of(1, 1), Float64Array.of(1, 1)], 3)).toEqual([2, 1])
    expect(cheapestPrefixes([Float64Array.of(1, 1)], 0)).toEqual([0])
  })
})
