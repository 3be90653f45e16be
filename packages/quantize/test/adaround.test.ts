import { cholesky } from '@whittle/statistics'
import { randomSpd } from '@whittle/testing'
import { expect, test } from 'vitest'
import { adaRound } from '../src/adaround.ts'
import { momentsOf } from '@whittle/statistics'
import { engine, normal } from './harness.ts'

const SIZE = 8
const MAX = 7

/** `(w/s - q)' H (w/s - q)` in steps of the scale. */
function errorOf(row: Float32Array, integers: ArrayLike<number>, scale: number, matrix: Float64Array): number {
  const e = Array.from(row, (item, index) => item / scale - integers[index]!)
  return e.reduce((sum, a, i) => sum + e.reduce((part, b, j) => part + a * matrix[i * row.length + j]! * b, 0), 0)
}

/** The least error of all 256 ways to round each weight down or up. */
function leastError(row: Float32Array, scale: number, matrix: Float64Array): number {
  let least = Infinity
  for (let code = 0; code < 2 ** SIZE; code++)
    least = Math.min(
      least,
      errorOf(
        row,
        row.map((item, i) => Math.floor(item / scale) + ((code >> i) & 1)),
        scale,
        matrix,
      ),
    )
  return least
}

const rows = Array.from({ length: 24 }, (_, at) => normal(SIZE, `adaround/${at}`))
const scales = Float32Array.from(rows, (row) => row.reduce((most, item) => Math.max(most, Math.abs(item)), 0) / MAX)
const matrix = randomSpd(SIZE, 'adaround')
const moments = momentsOf(SIZE, matrix, cholesky(matrix, SIZE)!)
const sumOf = (of: (row: Float32Array, index: number) => number): number => rows.reduce((sum, row, index) => sum + of(row, index), 0)

test('comes near the best of all roundings, far from the nearest, and no row is worse than the nearest', async () => {
  const learned = await adaRound(rows, scales, moments, MAX, engine)
  const nearest = (row: Float32Array, index: number): number =>
    errorOf(
      row,
      row.map((item) => Math.round(item / scales[index]!)),
      scales[index]!,
      matrix,
    )
  const own = (row: Float32Array, index: number): number => errorOf(row, learned[index]!, scales[index]!, matrix)
  rows.forEach((row, index) => expect(own(row, index)).toBeLessThanOrEqual(nearest(row, index) * (1 + 1e-5)))
  const best = sumOf((row, index) => leastError(row, scales[index]!, matrix))
  // Of what can be gained over the nearest, most is.
  expect((sumOf(nearest) - sumOf(own)) / (sumOf(nearest) - best)).toBeGreaterThan(0.8)
})

test('what the engine multiplies gives what is multiplied here: a row does not depend on those beside it', async () => {
  const many = Array.from({ length: 40 }, () => rows).flat()
  const all = await adaRound(
    many,
    Float32Array.from(many, (_, at) => scales[at % rows.length]!),
    moments,
    MAX,
    engine,
  )
  const few = await adaRound(rows, scales, moments, MAX, engine)
  const same = few.filter((integers, at) => integers.every((item, index) => item === all[at]![index]))
  // Float32 sums in another order may decide a tie otherwise.
  expect(same.length).toBeGreaterThanOrEqual(rows.length - 1)
})

test('zeros stay zeros, integers stay in range, and a second run gives the same', async () => {
  const sparse = rows.map((row) => row.map((item, at) => (at % 3 === 0 ? 0 : item * 1.5)))
  const once = await adaRound(sparse, scales, moments, MAX, engine)
  for (const integers of once) {
    integers.forEach((item, at) => expect(at % 3 === 0 ? item : 0).toBe(0))
    expect(Math.max(...integers.map(Math.abs))).toBeLessThanOrEqual(MAX)
  }
  expect(await adaRound(sparse, scales, moments, MAX, engine)).toEqual(once)
})
