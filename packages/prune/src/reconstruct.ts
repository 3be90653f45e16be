import { type Curvature, cholesky, solveCholesky } from '@whittle/statistics'
import { eliminate } from './eliminate.ts'
import { removalOrder } from './greedy.ts'

/** Rows of more inputs are ordered by the cost of each removal alone: exact greedy removal grows with the cube of their number. */
const LARGEST_GREEDY = 256

/**
 * The order in which a row's weights are best removed, and what each adds to the squared error of its output.
 * Beyond {@link LARGEST_GREEDY} inputs by `w^2 / [H^-1]_pp` (Hassibi & Stork 1993), else exactly.
 */
export function orderOf(row: Float32Array, { inverse, size }: Curvature, limit: number): { order: Uint32Array; costs: Float64Array } {
  if (size <= LARGEST_GREEDY) return removalOrder(row, inverse, limit)
  const all = Float64Array.from(row, (weight, index) => weight ** 2 / inverse[index * size + index]!)
  const order = Uint32Array.from(row.keys())
    .sort((a, b) => all[a]! - all[b]! || a - b)
    .slice(0, limit)
  return { order, costs: Float64Array.from(order, (index) => all[index]!) }
}

/**
 * The weights that give, with those of `mask` at zero, the outputs nearest to the old ones on the calibration data: least squares on what is
 * kept, `H_kk w_k = (H w)_k`.
 * @param mask 1 where a weight is removed.
 * @returns the new row, and what to add to the bias so that the output's mean stays.
 */
export function reconstruct(row: Float32Array, mask: Uint8Array, curvature: Curvature): { row: Float32Array; bias: number } {
  const { size, covariance, mean } = curvature
  const kept: number[] = []
  for (let index = 0; index < size; index++) if (!mask[index]) kept.push(index)
  const n = kept.length
  const matrix = new Float64Array(n * n)
  const target = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    const from = kept[i]! * size
    let sum = 0
    for (let j = 0; j < size; j++) sum += covariance[from + j]! * row[j]!
    target[i] = sum
    for (let j = 0; j < n; j++) matrix[i * n + j] = covariance[from + kept[j]!]!
  }
  const result = new Float32Array(size)
  const factor = cholesky(matrix, n)
  if (factor) solveCholesky(factor, n, target)
  for (let i = 0; i < n; i++) result[kept[i]!] = factor ? target[i]! : row[kept[i]!]!
  let bias = 0
  for (let index = 0; index < size; index++) bias += (row[index]! - result[index]!) * mean[index]!
  return { row: result, bias }
}

/** {@link reconstruct} where that is affordable, else the sweep of {@link eliminate}. */
export function compensate(row: Float32Array, mask: Uint8Array, curvature: Curvature): { row: Float32Array; bias: number } {
  return curvature.size <= LARGEST_GREEDY ? reconstruct(row, mask, curvature) : eliminate(row, mask, curvature)
}
