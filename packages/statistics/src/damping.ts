import { cholesky } from './linear-algebra.ts'

/** Damping: a share of the mean variance is added to the diagonal, so that the inverse exists (Frantar & Alistarh 2023 take 0.01). */
const DAMPING = 0.01

/**
 * The damping that lets a covariance (size x size) over few positions speak for unseen ones: the oracle approximating shrinkage of Chen, Wiesel, Eldar &
 * Hero 2010 ("Shrinkage algorithms for MMSE covariance estimation", equation 23) as a share of the mean variance to be added to the diagonal; at
 * least what {@link damped} adds by itself.
 */
export function shrinkage(size: number, covariance: Float64Array, positions: number): number {
  let [trace, squares] = [0, 0]
  for (let i = 0; i < size; i++) trace += covariance[i * size + i]!
  for (const item of covariance) squares += item * item
  const above = (1 - 2 / size) * squares + trace ** 2
  const below = (positions + 1 - 2 / size) * (squares - trace ** 2 / size)
  const share = below > 0 ? Math.min(0.9, above / below) : 0.9
  return Math.max(DAMPING, share / (1 - share))
}

/**
 * A positive definite matrix near a covariance (size x size), and its lower Cholesky factor: a share of its mean variance is added to the
 * diagonal.
 * @param share of the mean variance; more where the matrix is not positive definite with it.
 */
export function damped(size: number, covariance: Float64Array, share = DAMPING): { matrix: Float64Array; factor: Float64Array } {
  let trace = 0
  for (let i = 0; i < size; i++) trace += Math.max(0, covariance[i * size + i]!)
  let damping = Math.max((share * trace) / size, 1e-12)
  for (;;) {
    const matrix = Float64Array.from(covariance)
    for (let i = 0; i < size; i++) matrix[i * size + i] = Math.max(0, matrix[i * size + i]!) + damping
    const factor = cholesky(matrix, size)
    if (factor) return { matrix, factor }
    damping *= 10
  }
}
