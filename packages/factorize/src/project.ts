import { damped, solveCholesky } from '@whittle/statistics'
import type { Moments } from './low-rank.ts'
import { type Matrix, matrixOf, multiply, multiplyTransposed, symmetricProduct } from './matrix.ts'

/** Beside the moments' own damping: what is projected is well conditioned but for directions that carry nothing. */
const DAMPING = 1e-9

/**
 * The weights for projected inputs `z = Q x` that come nearest to what `weights` (outputs x inputs) give for x: `W H Q^T (Q H Q^T)^-1`.
 * @param projection Q: fewer x inputs; its zeros take no time.
 * @param moments H of x; without them each input counts alike.
 * @returns them, outputs x fewer, and the moments of z.
 */
export function project(weights: Matrix, projection: Matrix, moments?: Moments): { weights: Matrix; moments: Moments } {
  const { rows: fewer, columns: inputs } = projection
  const cross = moments ? multiply(projection, matrixOf(inputs, inputs, moments.matrix)) : projection
  const { matrix, factor } = damped(fewer, symmetricProduct(cross, projection).data, DAMPING)
  const solved = multiplyTransposed(weights, cross)
  for (let row = 0; row < solved.rows; row++) solveCholesky(factor, fewer, solved.data.subarray(row * fewer, (row + 1) * fewer))
  return { weights: solved, moments: { matrix, lower: factor } }
}
