import type { Gram } from './gram.ts'
import { cholesky, inverse } from './linear-algebra.ts'

/** Damping: a share of the mean variance is added to the diagonal, so that the inverse exists (Frantar & Alistarh 2023 take 0.01). */
const DAMPING = 0.01

/** The damped covariance, and its inverse. */
export interface Curvature extends Gram {
  readonly inverse: Float64Array
}

/** @returns the damped covariance and its inverse. */
export function curvatureOf({ size, covariance, mean }: Gram): Curvature {
  const { matrix, factor } = damped(size, covariance)
  return { size, covariance: matrix, mean, inverse: inverse(factor, size) }
}

/**
 * A positive definite matrix near a covariance (size x size), and its lower Cholesky factor: a share of its mean variance is added to the
 * diagonal.
 */
export function damped(size: number, covariance: Float64Array): { matrix: Float64Array; factor: Float64Array } {
  let trace = 0
  for (let i = 0; i < size; i++) trace += Math.max(0, covariance[i * size + i]!)
  let damping = Math.max((DAMPING * trace) / size, 1e-12)
  for (;;) {
    const matrix = Float64Array.from(covariance)
    for (let i = 0; i < size; i++) matrix[i * size + i] = Math.max(0, matrix[i * size + i]!) + damping
    const factor = cholesky(matrix, size)
    if (factor) return { matrix, factor }
    damping *= 10
  }
}

/** The variance of a row's output over the calibration data. */
export function outputVariance(row: Float32Array, { covariance, size }: Gram): number {
  let sum = 0
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) sum += row[i]! * covariance[i * size + j]! * row[j]!
  return sum
}
