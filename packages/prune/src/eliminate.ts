import type { Curvature } from '@whittle/statistics'
import { cholesky } from '@whittle/statistics'

/** The upper factor U of an inverse covariance, `H^-1 = U^T U`, by curvature: all rows of a layer share it. */
const factors = new WeakMap<Curvature, Float64Array>()

function factorOf(curvature: Curvature): Float64Array {
  const known = factors.get(curvature)
  if (known) return known
  const { size, inverse } = curvature
  const lower = cholesky(inverse, size)
  const upper = new Float64Array(size * size)
  if (lower) for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) upper[j * size + i] = lower[i * size + j]!
  else for (let i = 0; i < size; i++) upper[i * size + i] = 1
  factors.set(curvature, upper)
  return upper
}

/**
 * Removes the weights of `mask` one after the other, each making the weights behind it take over what it did: SparseGPT's sweep (Frantar &
 * Alistarh 2023, algorithm 1, with the mask given). A row costs `n^2 / 2` where exact least squares cost `n^3 / 3`, and is nearly as good.
 * @param mask 1 where a weight is removed.
 * @returns the new row, and what to add to the bias so that the output's mean stays.
 */
export function eliminate(row: Float32Array, mask: Uint8Array, curvature: Curvature): { row: Float32Array; bias: number } {
  const { size, mean } = curvature
  const upper = factorOf(curvature)
  const weights = Float64Array.from(row)
  for (let index = 0; index < size; index++) {
    if (!mask[index]) continue
    const base = index * size
    const error = weights[index]! / upper[base + index]!
    for (let j = index; j < size; j++) weights[j]! -= error * upper[base + j]!
    weights[index] = 0
  }
  const result = Float32Array.from(weights, (weight, index) => (mask[index] ? 0 : weight))
  let bias = 0
  for (let index = 0; index < size; index++) bias += (row[index]! - result[index]!) * mean[index]!
  return { row: result, bias }
}
