import { damped, shrinkage } from './damping.ts'
import { type Gram, aboutZero } from './gram.ts'
import { cholesky, inverse, lowerInverse, solveCholesky } from './linear-algebra.ts'
import type { PrefixMoments } from './prefix.ts'

/**
 * What a layer's rows are multiplied with: second moments `H`, damped so that they speak for unseen data, and what is derived from them when
 * it is first asked for. Centered where a bias keeps the mean of the output, else about zero.
 */
export class Inputs {
  /** Inputs of one output. */
  readonly size: number
  /** size x size, positive definite. */
  readonly matrix: Float64Array
  /** Added to the diagonal. */
  readonly damping: number
  /** The lower Cholesky factor of the matrix. */
  readonly lower: Float64Array
  #inverse: Float64Array | undefined
  #upper: Float64Array | undefined

  /** Of what the bias takes over; zeros where there is none. */
  readonly #mean: Float64Array

  /** @param mean of the inputs about which `moments` are centered; undefined where they are about zero. */
  constructor(size: number, moments: Float64Array, positions: number, mean: Float64Array | undefined) {
    const { matrix, factor } = damped(size, moments, shrinkage(size, moments, positions))
    this.size = size
    this.matrix = matrix
    this.damping = matrix[0]! - Math.max(0, moments[0]!)
    this.lower = factor
    this.#mean = mean ?? new Float64Array(size)
  }

  /** What to add to the bias when one row takes the place of another, so that the output's mean stays. */
  shift(before: Float32Array, after: Float32Array): number {
    return this.#mean.reduce((sum, mean, at) => sum + (before[at]! - after[at]!) * mean, 0)
  }

  /** `H^-1`, size x size. */
  get inverse(): Float64Array {
    return (this.#inverse ??= inverse(this.lower, this.size))
  }

  /** The upper factor of the inverse, `H^-1 = U^T U`: that of the reversed matrix, inverted and reversed. */
  get upper(): Float64Array {
    return (this.#upper ??= upperOf(this.matrix, this.size))
  }

  /** Solves `H x = b`, writing x into `b`. */
  solve(b: Float64Array): void {
    solveCholesky(this.lower, this.size, b)
  }
}

/** The upper factor of the inverse of a positive definite matrix, n x n. */
export function upperOf(matrix: Float64Array, n: number): Float64Array {
  const reversed = Float64Array.from(matrix, (_, index) => matrix[n * n - 1 - index]!)
  const lower = lowerInverse(cholesky(reversed, n)!, n)
  return lower.reverse()
}

/** @param centered whether a bias keeps the mean. */
export function inputsOf(gram: Gram, centered: boolean): Inputs {
  const { size, covariance, mean, positions } = gram
  return centered ? new Inputs(size, covariance, positions, mean) : new Inputs(size, aboutZero(gram), positions, undefined)
}

/** What a layer of a changed model is multiplied with, and what its rows have to give: that which the original's gave. */
export interface FittedInputs {
  readonly inputs: Inputs
  /**
   * The row that comes nearest to what a row of the original gave, none of its weights removed.
   * @param near the row towards which few samples draw: the original's, less the inputs that are gone.
   */
  fitted(row: Float32Array, near?: Float32Array): Float32Array
  /** What to add to the bias when `after` takes the place of the original's `before`. */
  shift(before: Float32Array, after: Float32Array): number
}

/** @param centered whether a bias keeps the mean. */
export function fittedInputs(
  { size, originalSize, products, cross, mean, originalMean, positions }: PrefixMoments,
  centered: boolean,
): FittedInputs {
  const less = (moments: Float64Array, left: Float64Array): Float64Array =>
    centered ? moments.map((item, at) => item - left[Math.floor(at / size)]! * mean[at % size]!) : moments
  const inputs = new Inputs(size, less(products, mean), positions, centered ? mean : undefined)
  const goals = less(cross, originalMean)
  return {
    inputs,
    fitted(row, near = row) {
      // The damping draws towards the original's row, which is the answer where nothing before the layer was changed.
      const goal = Float64Array.from(near, (item) => inputs.damping * item)
      for (let i = 0; i < originalSize; i++) {
        const item = row[i]!
        if (item !== 0) for (let j = 0; j < size; j++) goal[j]! += item * goals[i * size + j]!
      }
      inputs.solve(goal)
      return Float32Array.from(goal)
    },
    shift(before, after) {
      if (!centered) return 0
      let sum = 0
      for (let i = 0; i < originalSize; i++) sum += before[i]! * originalMean[i]!
      for (let i = 0; i < size; i++) sum -= after[i]! * mean[i]!
      return sum
    },
  }
}
