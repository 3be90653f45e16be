import { createRandom } from '@whittle/ir'
import { randomSpd } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { Inputs } from '@whittle/statistics'
import { patternMask } from '../src/pattern.ts'
import { sweep } from '../src/sweep.ts'
import { sweepPattern } from '../src/sweep-pattern.ts'
import { leastSquares, neighbours } from './harness.ts'

const inputsOf = (size: number, seed: string): Inputs => new Inputs(size, randomSpd(size, seed), 1e9, undefined)
const rowsOf = (count: number, size: number, seed: string): Float32Array[] => {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => Float32Array.from({ length: size }, () => random.normal()))
}
const zerosOf = (rows: readonly Float32Array[]): number => rows.reduce((sum, row) => sum + row.filter((item) => item === 0).length, 0)

test('where the first weights go, it gives exactly the least squares of those behind, and their error', () => {
  const inputs = inputsOf(8, 'first')
  const [row] = rowsOf(1, 8, 'first row')
  // So small that they are chosen.
  row!.fill(1e-3, 0, 3)
  const { rows, errors } = sweep([row!], inputs, 3)
  const expected = leastSquares(row!, inputs.matrix, new Set([0, 1, 2]))
  expected.row.forEach((item, at) => expect(rows[0]![at]).toBeCloseTo(item, 6))
  expect(errors[0]).toBeCloseTo(expected.cost, 9)
})

test('weights before a removed one keep their values', () => {
  const [row] = rowsOf(1, 8, 'before')
  row![5] = 1e-4
  const { rows } = sweep([row!], inputsOf(8, 'before'), 1)
  expect([...rows[0]!.slice(0, 5)]).toEqual([...row!.slice(0, 5)])
  expect(rows[0]![5]).toBe(0)
  expect(rows[0]![6]).not.toBe(row![6])
})

test('exactly as many go as are asked for, of all rows together and as many in every block of columns', () => {
  const size = 300
  const inputs = new Inputs(size, neighbours(size), 1e9, undefined)
  const rows = rowsOf(4, size, 'block rows')
  rows[2]!.forEach((_, at) => (rows[2]![at]! *= 0.1))
  for (const count of [0, 1, 333, 600, 1199, 1200]) expect(zerosOf(sweep(rows, inputs, count).rows), `${count}`).toBe(count)
  const half = sweep(rows, inputs, 600).rows
  expect(zerosOf([half[2]!])).toBeGreaterThan(zerosOf([half[0]!]) + 30)
  expect(zerosOf(half.map((row) => row.slice(0, 128)))).toBe(256)
})

test('it errs little more than least squares with the same zeros', () => {
  const inputs = inputsOf(24, 'near')
  const rows = rowsOf(6, 24, 'near rows')
  const { rows: swept, errors } = sweep(rows, inputs, 72)
  const best = rows.map(
    (row, at) => leastSquares(row, inputs.matrix, new Set([...swept[at]!.keys()].filter((k) => swept[at]![k] === 0))).cost,
  )
  const [given, least] = [errors.reduce((a, b) => a + b), best.reduce((a, b) => a + b)]
  expect(given).toBeGreaterThanOrEqual(least * 0.9999)
  expect(given).toBeLessThan(least * 1.6)
})

describe('in a pattern', () => {
  // 3 taps of 10 channels: two groups of four, and two channels that are left alone.
  const [taps, channels] = [3, 10]
  const size = taps * channels
  const inputs = new Inputs(size, neighbours(size), 1e9, undefined)
  const rows = rowsOf(5, size, 'pattern rows')
  const pruned = sweepPattern(rows, inputs, { keep: 2, of: 4 }, taps)
  const goneOf = (row: Float32Array): number[] => [...row.keys()].filter((at) => row[at] === 0)

  test('every group of neighbouring channels has it, at each tap', () => {
    for (const row of pruned) {
      for (const group of [0, 4])
        for (let tap = 0; tap < taps; tap++) expect([0, 1, 2, 3].filter((at) => row[(group + at) * taps + tap] === 0)).toHaveLength(2)
      expect(goneOf(row)).toHaveLength(12)
    }
  })

  test('the others are the least squares of what is kept', () => {
    pruned.forEach((row, at) => {
      const expected = leastSquares(rows[at]!, inputs.matrix, new Set(goneOf(row))).row
      row.forEach((item, index) => expect(item).toBeCloseTo(expected[index]!, 5))
    })
  })

  test('it costs less than the least of each group, made up for as well', () => {
    const cost = (row: Float32Array, gone: number[]): number => leastSquares(row, inputs.matrix, new Set(gone)).cost
    const swept = pruned.reduce((sum, row, at) => sum + cost(rows[at]!, goneOf(row)), 0)
    const least = rows.reduce((sum, row) => {
      const mask = patternMask(row, { outer: 1, axis: channels, inner: taps }, 2, 4)
      return (
        sum +
        cost(
          row,
          [...mask.keys()].filter((at) => mask[at]),
        )
      )
    }, 0)
    expect(swept).toBeLessThan(least)
  })
})
