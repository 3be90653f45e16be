import { type Moments, cholesky, inverse, momentsOf } from '@whittle/statistics'
import { randomSpd } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { bitsOf, improveRow, roundRow } from '../src/gptq.ts'
import { normal } from './harness.ts'

const exact = (scale: number): number => scale
const free = (max: number) => ({ bits: new Float64Array(2 * max + 1), rate: 0 })

function prepared(size: number, seed: string): { matrix: Float64Array; moments: Moments } {
  const matrix = randomSpd(size, seed)
  return { matrix, moments: momentsOf(size, matrix, cholesky(matrix, size)!) }
}

/** `e'He` of `row - scale * integers`. */
function errorOf(row: Float32Array, integers: ArrayLike<number>, scale: number, matrix: Float64Array): number {
  const n = row.length
  const e = Array.from(row, (item, index) => item - integers[index]! * scale)
  return e.reduce((sum, a, i) => sum + e.reduce((part, b, j) => part + a * matrix[i * n + j]! * b, 0), 0)
}

const nearest = (row: Float32Array, scale: number, max: number): number[] =>
  Array.from(row, (item) => Math.max(-max, Math.min(max, Math.round(item / scale))))

/** GPTQ as its paper has it, by the Cholesky factor of the inverse, on weights in reverse. */
function textbook(row: Float32Array, matrix: Float64Array, scale: number, max: number): number[] {
  const n = row.length
  const reversed = new Float64Array(n * n)
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) reversed[i * n + j] = matrix[(n - 1 - i) * n + (n - 1 - j)]!
  const lower = cholesky(inverse(cholesky(reversed, n)!, n), n)!
  const left = Array.from(row).reverse()
  const integers: number[] = []
  for (let i = 0; i < n; i++) {
    const q = Math.max(-max, Math.min(max, Math.round(left[i]! / scale)))
    integers.push(q + 0)
    const share = (left[i]! - q * scale) / lower[i * n + i]!
    for (let j = i; j < n; j++) left[j]! -= share * lower[j * n + i]!
  }
  return integers.reverse()
}

describe('roundRow', () => {
  test('gives for one of its scales the integers of GPTQ by the inverse, and the error that they have', () => {
    for (const [size, max] of [
      [3, 1],
      [8, 3],
      [24, 7],
    ] as const) {
      const { matrix, moments } = prepared(size, `gptq/${size}`)
      const row = normal(size, `row/${size}`)
      const { integers, scale, error } = roundRow(row, moments, max, exact)
      expect([...integers]).toEqual(textbook(row, matrix, scale, max))
      expect(error).toBeCloseTo(errorOf(row, integers, scale, matrix), 4)
    }
  })

  test('errs less than the nearest integers at the same scale', () => {
    const { matrix, moments } = prepared(32, 'nearest')
    const row = normal(32, 'nearest')
    const { scale, error } = roundRow(row, moments, 3, exact)
    expect(error).toBeLessThan(0.9 * errorOf(row, nearest(row, scale, 3), scale, matrix))
  })

  test('keeps zeros, and takes a row of zeros as it is', () => {
    const { moments } = prepared(6, 'zeros')
    const row = Float32Array.of(0.5, 0, -1, 0, 0.25, 0.7)
    const { integers } = roundRow(row, moments, 7, exact)
    expect([integers[1], integers[3]]).toEqual([0, 0])
    expect(roundRow(new Float32Array(6), moments, 7, exact)).toEqual({ integers: new Int8Array(6), scale: 1, error: 0 })
  })
})

describe('improveRow', () => {
  test('ends where no other integer in one place is better, never worse than it began, and near the best of all', () => {
    for (const seed of ['a', 'b', 'c', 'd']) {
      const { matrix, moments } = prepared(5, seed)
      const row = normal(5, seed)
      const start = roundRow(row, moments, 2, exact)
      const { integers, scale, error } = improveRow(row, start, moments, 2, () => start.scale, free(2))
      expect(error).toBeLessThanOrEqual(start.error * (1 + 1e-6))
      let least = Infinity
      for (let code = 0; code < 5 ** 5; code++) {
        const candidate = Array.from({ length: 5 }, (_, at) => (Math.floor(code / 5 ** at) % 5) - 2)
        const own = errorOf(row, candidate, scale, matrix)
        least = Math.min(least, own)
        if (candidate.filter((item, at) => item !== integers[at]).length === 1) expect(own).toBeGreaterThan(error - 1e-5)
      }
      expect(error).toBeLessThan(1.5 * least + 1e-6)
    }
  })

  test('takes the scale of least squares for its integers', () => {
    const { matrix, moments } = prepared(16, 'scale')
    const row = normal(16, 'scale')
    const { integers, scale, error } = improveRow(row, roundRow(row, moments, 3, exact), moments, 3, exact, free(3))
    for (const factor of [0.98, 1.02]) expect(errorOf(row, integers, scale * factor, matrix)).toBeGreaterThan(error)
  })

  test('spends fewer bits and errs more where bits have a price', () => {
    const { moments } = prepared(64, 'price')
    const row = normal(64, 'price')
    const start = roundRow(row, moments, 7, exact)
    const bits = bitsOf([start], 7)
    const spent = (integers: Int8Array): number => integers.reduce((sum, item) => sum + bits[item + 7]!, 0)
    const dear = improveRow(row, start, moments, 7, exact, { bits, rate: start.error })
    const cheap = improveRow(row, start, moments, 7, exact, { bits, rate: 0 })
    expect(spent(dear.integers)).toBeLessThan(spent(cheap.integers))
    expect(dear.error).toBeGreaterThan(cheap.error)
  })

  test('keeps zeros', () => {
    const { moments } = prepared(6, 'zeros')
    const row = Float32Array.of(0.5, 0, -1, 0, 0.25, 0.7)
    const { integers } = improveRow(row, roundRow(row, moments, 7, exact), moments, 7, exact, free(7))
    expect([integers[1], integers[3]]).toEqual([0, 0])
  })
})

test('bitsOf gives the entropy coder what is frequent for little', () => {
  const bits = bitsOf([{ integers: Int8Array.of(0, 0, 0, 0, 0, 0, 1, -1), scale: 1, error: 0 }], 1)
  expect(bits[1]).toBeLessThan(0.6)
  expect(bits[0]).toBeGreaterThan(2)
  expect(bits[0]).toBe(bits[2])
})
