import { type LayerMoments, fitCodebook, product } from '@whittle/statistics'
import { type Coded, type Sharing, hasZeros, ordered, sortLevels } from './coded.ts'
import { type Working, assignRow, errorOf, improveRow } from './feedback.ts'
import { toScale } from './plain.ts'
import { priceOf } from './price.ts'
import { refitLevels, refitScale } from './refit.ts'

/** Times that codes, levels and scales are fitted to one another at most. */
const TURNS = 4

/**
 * Shares values among the weights of a layer so that what it gives changes least on the calibration data. The first levels are the best where each
 * weight's squared error counts as much as the output's that it causes and no weight before can make up for; then each weight makes up for
 * the errors of others (`assignRow`), and codes, levels and scales are improved in turn.
 */
export function clusterOnData(rows: readonly Float32Array[], layer: LayerMoments, { count, scaled }: Sharing): Coded {
  const momentsAt = (row: number): LayerMoments['groups'][number]['moments'] => layer.groupOf(row).moments
  const weights = (row: number): Float64Array => momentsAt(row).pivots
  const start = fitCodebook(rows, { count, zero: hasZeros(rows), weights, ...(scaled ? { toScale } : {}) })
  const { scale } = start
  let levels: Float64Array = Float64Array.from(start.levels)
  let working = rows.map((row, at): Working => {
    const moments = momentsAt(at)
    const codes = assignRow(row, levels, scale[at]!, moments)
    return { row, moments, withRow: product(moments, row), codes, withCodes: productOf(codes, levels, scale[at]!, moments) }
  })
  let error = totalOf(working, levels, scale)
  const first = error
  for (let turn = 0; turn < TURNS; turn++) {
    const price = priceOf(
      working.map((row) => row.codes),
      levels.length,
      first,
    )
    working.forEach((row, at) => improveRow(row, levels, scale[at]!, price))
    const { levels: next, codes } = sortLevels(
      refitLevels(working, levels, scale),
      working.map((row) => row.codes),
    )
    levels = next
    working = working.map((row, at) => ({ ...row, codes: codes[at]! }))
    const refreshed = (): Working[] =>
      working.map((row, at) => ({ ...row, withCodes: productOf(row.codes, levels, scale[at]!, row.moments) }))
    working = refreshed()
    if (scaled) {
      working.forEach((row, at) => (scale[at] = toScale(refitScale(row, levels, scale[at]!))))
      working = refreshed()
    }
    const after = totalOf(working, levels, scale)
    const settled = Math.abs(1 - after / error) < 1e-3
    error = after
    if (settled) break
  }
  const single = Float32Array.from(levels)
  const coded = { levels: single, scale, codes: working.map(({ codes }) => codes), errors: new Float64Array(rows.length) }
  return { ...ordered(coded), errors: Float64Array.from(working, (row, at) => errorOf(row, single, scale[at]!)) }
}

function productOf(codes: Uint8Array, levels: Float64Array, scale: number, moments: Working['moments']): Float64Array {
  return product(
    moments,
    Float64Array.from(codes, (code) => levels[code]! * scale),
  )
}

function totalOf(working: readonly Working[], levels: Float64Array, scale: Float32Array): number {
  return working.reduce((sum, row, at) => sum + errorOf(row, levels, scale[at]!), 0)
}
