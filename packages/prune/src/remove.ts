import { type Inputs, cholesky, solveCholesky } from '@whittle/statistics'
import { removalOrder } from './greedy.ts'
import { sweep } from './sweep.ts'

/** A row loses at most so many times its layer's share. */
const TIMES = 2

/** Rows of more inputs are swept: exact greedy removal grows with the cube of their number. */
export const LARGEST_GREEDY = 512

/**
 * Removes `count` weights of a layer, where that changes its output least, and lets the others make up for them: by exact greedy removal up to
 * {@link LARGEST_GREEDY} inputs a row, else by one sweep.
 * @param inputs of each group of rows; the groups are of one size.
 */
export function removeWeights(rows: readonly Float32Array[], inputs: readonly Inputs[], count: number): Float32Array[] {
  const [{ size }] = inputs as [Inputs]
  const perGroup = rows.length / inputs.length
  if (size > LARGEST_GREEDY)
    return inputs.flatMap((group, at) => {
      const share = Math.round((count * (at + 1)) / inputs.length) - Math.round((count * at) / inputs.length)
      return sweep(rows.slice(at * perGroup, (at + 1) * perGroup), group, share).rows
    })
  const inputsOfRow = (at: number): Inputs => inputs[Math.floor(at / perGroup)]!
  // A row that could lose more than twice the others' share is rare, and the last removals take as long as the first.
  const limit = Math.min(size, Math.ceil((TIMES * count) / rows.length))
  const removals = rows.map((row, at) => removalOrder(row, inputsOfRow(at).inverse, limit))
  const counts = cheapestPrefixes(
    removals.map(({ costs }) => costs),
    count,
  )
  return rows.map((row, at) => reconstruct(row, removals[at]!.order.subarray(0, counts[at]), inputsOfRow(at)))
}

/** How many of each row's removals go, `count` in all, so that the sum of their costs is least; each row's come in its own order. */
export function cheapestPrefixes(rows: readonly Float64Array[], count: number): number[] {
  const rising = rows.map(risingPrices)
  const sorted = Float64Array.from(rising.flatMap((row) => [...row])).sort()
  const threshold = sorted[Math.min(count, sorted.length) - 1] ?? -1
  const taken = rising
    .map((row) => row.findIndex((price) => price >= threshold))
    .map((index, row) => (index < 0 ? rising[row]!.length : index))
  let left = Math.min(count, sorted.length) - taken.reduce((a, b) => a + b, 0)
  for (const [row, prices] of rising.entries())
    while (left > 0 && taken[row]! < prices.length && prices[taken[row]!] === threshold) {
      taken[row]!++
      left--
    }
  return taken
}

/** A removal's price is what makes all up to it worthwhile: costs along a row mostly rise, and where they fall the earlier pays for both. */
export function risingPrices(costs: Float64Array): Float64Array {
  const prices = Float64Array.from(costs)
  for (let index = 1; index < prices.length; index++) prices[index] = Math.max(prices[index]!, prices[index - 1]!)
  return prices
}

/**
 * The weights that give, with some at zero, the outputs nearest to the old ones on the calibration data: least squares on what is kept,
 * `H_kk w_k = (H w)_k`, or where less goes than stays, the same by what goes: `w - H^-1_:g (H^-1_gg)^-1 w_g` (Hassibi & Stork 1993).
 * @param removed indices of the weights at zero.
 */
export function reconstruct(row: Float32Array, removed: Uint32Array, inputs: Inputs): Float32Array {
  if (removed.length === 0) return row
  const { size } = inputs
  const gone = new Uint8Array(size)
  for (const index of removed) gone[index] = 1
  const result = new Float32Array(size)
  const kept = Uint32Array.from(row.keys()).filter((index) => !gone[index])
  if (removed.length < kept.length) {
    const { inverse } = inputs
    const shares = Float64Array.from(removed, (index) => row[index]!)
    if (!solvePart(inverse, size, removed, shares)) return row.map((item, index) => (gone[index] ? 0 : item))
    for (const index of kept) {
      let sum = row[index]!
      for (let at = 0; at < removed.length; at++) sum -= inverse[removed[at]! * size + index]! * shares[at]!
      result[index] = sum
    }
    return result
  }
  const { matrix } = inputs
  const target = Float64Array.from(kept, (index) => {
    let sum = 0
    for (let j = 0; j < size; j++) sum += matrix[index * size + j]! * row[j]!
    return sum
  })
  const solved = solvePart(matrix, size, kept, target)
  kept.forEach((index, at) => (result[index] = solved ? target[at]! : row[index]!))
  return result
}

/** Solves with the rows and columns of `indices` alone, writing into `b`. @returns whether they are positive definite. */
function solvePart(matrix: Float64Array, size: number, indices: Uint32Array, b: Float64Array): boolean {
  const n = indices.length
  const part = new Float64Array(n * n)
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) part[i * n + j] = matrix[indices[i]! * size + indices[j]!]!
  const factor = cholesky(part, n)
  if (factor) solveCholesky(factor, n, b)
  return factor !== undefined
}
