import { type Moments, cholesky, momentsOf, nearestLevel, product } from '@whittle/statistics'
import { randomSpd } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { type Working, assignRow, errorOf, improveRow } from '../src/feedback.ts'
import { priceOf } from '../src/price.ts'
import { refitLevels, refitScale } from '../src/refit.ts'
import { normal } from './harness.ts'

const LEVELS = Float64Array.of(-1.7, -0.8, -0.3, 0, 0.2, 0.5, 1.1, 2)
const free = { bits: new Float64Array(LEVELS.length), rate: 0 }

const momentsFor = (size: number, seed: string): Moments => {
  const matrix = randomSpd(size, seed)
  return momentsOf(size, matrix, cholesky(matrix, size)!)
}

function working(row: Float32Array, codes: Uint8Array, moments: Moments, levels = LEVELS, scale = 1): Working {
  const values = Float64Array.from(codes, (code) => levels[code]! * scale)
  return { row, moments, withRow: product(moments, row), codes, withCodes: product(moments, values) }
}

/** `e'He`, summed up as it stands. */
function exactError(row: Float32Array, codes: Uint8Array, { matrix, size }: Moments, levels: ArrayLike<number>, scale = 1): number {
  const e = Array.from(row, (item, at) => item - levels[codes[at]!]! * scale)
  return e.reduce((sum, a, i) => sum + e.reduce((part, b, j) => part + a * matrix[i * size + j]! * b, 0), 0)
}

const nearest = (row: Float32Array): Uint8Array => Uint8Array.from(row, (item) => nearestLevel(LEVELS, item))

describe('a row of weights', () => {
  test('errs less where each makes up for those behind it, and least where codes are improved', () => {
    let [plain, fed, improved] = [0, 0, 0]
    for (let round = 0; round < 10; round++) {
      const moments = momentsFor(24, `row/${round}`)
      const row = normal(24, `row/${round}`)
      const codes = assignRow(row, LEVELS, 1, moments)
      plain += exactError(row, nearest(row), moments, LEVELS)
      fed += exactError(row, codes, moments, LEVELS)
      const better = working(row, codes, moments)
      improveRow(better, LEVELS, 1, free)
      improved += exactError(row, better.codes, moments, LEVELS)
      expect(errorOf(better, LEVELS, 1)).toBeCloseTo(exactError(row, better.codes, moments, LEVELS), 4)
    }
    expect(fed).toBeLessThan(plain * 0.8)
    expect(improved).toBeLessThan(fed)
  })

  test('ends where no other level for one weight is better', () => {
    const moments = momentsFor(12, 'still')
    const row = normal(12, 'still')
    const state = working(row, assignRow(row, LEVELS, 1, moments), moments)
    improveRow(state, LEVELS, 1, free)
    const error = exactError(row, state.codes, moments, LEVELS)
    for (let at = 0; at < row.length; at++)
      for (let level = 0; level < LEVELS.length; level++) {
        const other = state.codes.slice()
        other[at] = level
        expect(exactError(row, other, moments, LEVELS)).toBeGreaterThanOrEqual(error - 1e-5)
      }
  })

  test('takes the nearest levels where inputs have nothing to do with each other, and keeps zeros', () => {
    const identity = Float64Array.from({ length: 64 }, (_, at) => (at % 9 === 0 ? 1 : 0))
    const moments = momentsOf(8, identity, identity)
    const row = normal(8, 'identity')
    row[3] = 0
    const codes = assignRow(row, LEVELS, 1, moments)
    expect([...codes]).toEqual([...nearest(row)])
    const dense = momentsFor(8, 'dense')
    const state = working(row, assignRow(row, LEVELS, 1, dense), dense)
    improveRow(state, LEVELS, 1, free)
    expect(LEVELS[state.codes[3]!]).toBe(0)
  })

  test('takes fewer bits where they have a price, for some error', () => {
    const moments = momentsFor(64, 'price')
    const rows = Array.from({ length: 20 }, (_, at) => normal(64, `price/${at}`))
    const run = (rate: number): { bits: number; error: number } => {
      const states = rows.map((row) => working(row, assignRow(row, LEVELS, 1, moments), moments))
      const price = priceOf(
        states.map(({ codes }) => codes),
        LEVELS.length,
        states.reduce((sum, state) => sum + errorOf(state, LEVELS, 1), 0),
      )
      states.forEach((state) => improveRow(state, LEVELS, 1, { ...price, rate: price.rate * rate }))
      const counts = LEVELS.map((_, level) => states.reduce((sum, { codes }) => sum + codes.filter((code) => code === level).length, 0))
      const total = rows.length * 64
      return {
        bits: counts.reduce((sum, count) => sum + (count > 0 ? count * Math.log2(total / count) : 0), 0),
        error: states.reduce((sum, state) => sum + errorOf(state, LEVELS, 1), 0),
      }
    }
    const [without, priced] = [run(0), run(1)]
    expect(priced.bits).toBeLessThan(without.bits)
    expect(priced.error).toBeGreaterThan(without.error)
  })
})

describe('levels that are fitted anew', () => {
  const moments = [momentsFor(16, 'a'), momentsFor(16, 'b')]
  const scale = Float32Array.of(1, 1.5, 0.5, 1)
  const rows = Array.from({ length: 4 }, (_, at) => normal(16, `refit/${at}`))
  const states = rows.map((row, at) => {
    const codes = Uint8Array.from(row, (item) => nearestLevel(LEVELS, item / scale[at]!))
    return working(row, codes, moments[at % 2]!, LEVELS, scale[at])
  })
  const errorWith = (levels: ArrayLike<number>): number =>
    states.reduce((sum, { row, codes }, at) => sum + exactError(row, codes, moments[at % 2]!, levels, scale[at]), 0)

  test('are those of least error: no other value of any of them is better, and 0 stays 0', () => {
    const levels = refitLevels(states, LEVELS, scale)
    const error = errorWith(levels)
    expect(error).toBeLessThan(errorWith(LEVELS))
    expect(levels[LEVELS.indexOf(0)]).toBe(0)
    levels.forEach((level, at) => {
      if (level === 0) return
      for (const step of [-0.02, 0.02])
        expect(errorWith(levels.map((item, other) => (other === at ? item + step : item)))).toBeGreaterThanOrEqual(error)
    })
  })

  test('and so is the scale of a row', () => {
    const state = states[1]!
    const fitted = refitScale(state, LEVELS, scale[1]!)
    const errorAt = (own: number): number => exactError(state.row, state.codes, moments[1]!, LEVELS, own)
    for (const other of [fitted * 0.98, fitted * 1.02, scale[1]!]) expect(errorAt(fitted)).toBeLessThanOrEqual(errorAt(other))
  })
})
