import { type Moments, nearestLevel } from '@whittle/statistics'
import { type Price, cheapest } from './price.ts'

/** Rounds of coordinate descent, each over all weights; it mostly ends sooner. */
const MAX_SWEEPS = 20

/**
 * Gives the weights of a row, from the last to the first, the level nearest to the weight and what it has to make up for the errors of those behind
 * it: GPTQ (Frantar et al. 2023) in the equal form of LDLQ (Chee et al. 2023, "QuIP"), with levels in place of even steps. Weights of 0 take the level 0
 * where there is one.
 */
export function assignRow(row: Float32Array, levels: ArrayLike<number>, scale: number, { size, factor }: Moments): Uint8Array {
  const codes = new Uint8Array(size)
  const errors = new Float64Array(size)
  const zero = Array.from(levels).indexOf(0)
  for (let i = size - 1; i >= 0; i--) {
    const at = i * size
    let carried = 0
    for (let j = i + 1; j < size; j++) carried += factor[at + j]! * errors[j]!
    const weight = row[i]!
    codes[i] = weight === 0 && zero >= 0 ? zero : nearestLevel(levels, (weight + carried) / scale)
    errors[i] = weight - levels[codes[i]!]! * scale
  }
  return codes
}

/** A row on its way to better codes. */
export interface Working {
  readonly row: Float32Array
  readonly moments: Moments
  /** `H w`, of the weights as they were. */
  readonly withRow: Float64Array
  readonly codes: Uint8Array
  /** `H q`, of the weights as coded. */
  readonly withCodes: Float64Array
}

/**
 * Coordinate descent (Behdin et al. 2023, "QuantEase"): each weight in turn takes the level of least error and price while all others stand, as
 * long as any moves. Edits `codes` and `withCodes`.
 */
export function improveRow(
  { row, moments, withRow, codes, withCodes }: Working,
  levels: ArrayLike<number>,
  scale: number,
  price: Price,
): void {
  const { size, matrix } = moments
  const pinned = Array.from(levels).includes(0)
  for (let round = 0; round < MAX_SWEEPS; round++) {
    let moved = false
    for (let j = 0; j < size; j++) {
      if (pinned && row[j] === 0) continue
      const at = j * size
      const hessian = matrix[at + j]!
      const curvature = hessian * scale * scale
      const old = codes[j]!
      const wanted = levels[old]! + (withRow[j]! - withCodes[j]!) / (hessian * scale)
      const next = cheapest(levels, wanted, nearestLevel(levels, wanted), curvature, price)
      // A step that costs the same could be taken back for ever.
      const costOf = (code: number): number => curvature * (wanted - levels[code]!) ** 2 + price.rate * price.bits[code]!
      if (next === old || !(costOf(next) < costOf(old) * (1 - 1e-9))) continue
      codes[j] = next
      moved = true
      const step = (levels[next]! - levels[old]!) * scale
      for (let i = 0; i < size; i++) withCodes[i]! += matrix[at + i]! * step
    }
    if (!moved) return
  }
}

/** `(w - q)' H (w - q)`. */
export function errorOf({ row, withRow, codes, withCodes }: Working, levels: ArrayLike<number>, scale: number): number {
  let error = 0
  for (let i = 0; i < row.length; i++) error += (row[i]! - levels[codes[i]!]! * scale) * (withRow[i]! - withCodes[i]!)
  return Math.max(0, error)
}
