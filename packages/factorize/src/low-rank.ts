import { eigen } from './eigen.ts'
import { type Matrix, head, matrixOf, multiply, multiplyTransposed, symmetricProduct, transpose } from './matrix.ts'

/** Second moments of what a matrix is multiplied with: n x n, positive definite, and their lower Cholesky factor. */
export interface Moments {
  readonly matrix: Float64Array
  readonly lower: Float64Array
}

/** A matrix in parts that matter less and less. */
export interface Spectrum {
  /** What each part gives of the outputs' mean square, descending. */
  readonly energies: Float64Array
  /** The product of the first `rank` parts, nearest of that rank: `second` (outputs x rank) times `first` (rank x inputs). */
  factors(rank: number): { first: Matrix; second: Matrix }
}

/**
 * The parts of `weights` (outputs x inputs) with which what it gives changes least: least `E|(W - W')x|^2` of each rank for inputs of the given second
 * moments H, which is Eckart & Young's theorem in the norm of H (reduced-rank regression, Izenman 1975; SVD-LLM, Wang et al. 2024). Where there are
 * no more outputs than inputs they are the principal axes of the outputs, `W H W^T`; else those of `(W L)^T W L`, where `H = L L^T`.
 * @param moments of the inputs; without them each input counts alike, and these are the singular values.
 */
export function lowRank(weights: Matrix, moments?: Moments): Spectrum {
  const { rows: outputs, columns: inputs } = weights
  if (outputs <= inputs) {
    const responses = moments ? multiply(weights, matrixOf(inputs, inputs, moments.matrix)) : weights
    const { values, vectors } = eigen(symmetricProduct(responses, weights))
    return {
      energies: clamped(values),
      factors(rank) {
        const axes = head(vectors, rank)
        return { first: multiply(axes, weights), second: transpose(axes) }
      },
    }
  }
  const white = moments ? multiply(weights, matrixOf(inputs, inputs, moments.lower)) : weights
  const columns = transpose(white)
  const { values, vectors } = eigen(symmetricProduct(columns, columns))
  return {
    energies: clamped(values),
    factors(rank) {
      const axes = head(vectors, rank)
      const second = multiplyTransposed(white, axes)
      const first = matrixOf(rank, inputs, axes.data.slice())
      if (moments)
        for (let row = 0; row < rank; row++) solveUpper(moments.lower, inputs, first.data.subarray(row * inputs, (row + 1) * inputs))
      return { first, second }
    },
  }
}

/** What is lost with all but the first `rank` parts, as a share of the whole. */
export function tail(energies: Float64Array, rank: number): number {
  const total = energies.reduce((a, b) => a + b, 0)
  return total > 0 ? energies.subarray(rank).reduce((a, b) => a + b, 0) / total : 0
}

function clamped(values: Float64Array): Float64Array {
  return values.map((value) => Math.max(0, value))
}

/** Solves `L^T x = b` for a lower factor, writing x into `b`. */
function solveUpper(lower: Float64Array, n: number, b: Float64Array): void {
  for (let i = n - 1; i >= 0; i--) {
    const item = (b[i]! /= lower[i * n + i]!)
    for (let k = 0; k < i; k++) b[k]! -= lower[i * n + k]! * item
  }
}
