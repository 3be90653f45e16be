import type { Weight } from '@whittle/ir'
import { damped } from './damping.ts'
import { type Gram, aboutZero } from './gram.ts'
import { takesBias } from './rows.ts'

/** The second moment of what a row of weights is multiplied with, prepared for rounding one weight after another. */
export interface Moments {
  readonly size: number
  /** size x size, positive definite, row-major. */
  readonly matrix: Float32Array
  /** `L'` of `matrix = L L'`, each row divided by its diagonal: row i holds what the errors behind i do to it. */
  readonly factor: Float32Array
  /** The squares of the diagonal of `L`. */
  readonly pivots: Float64Array
}

/** @param lower the Cholesky factor of `matrix`. */
export function momentsOf(size: number, matrix: Float64Array, lower: Float64Array): Moments {
  const factor = new Float32Array(size * size)
  const pivots = new Float64Array(size)
  for (let i = 0; i < size; i++) {
    const diagonal = lower[i * size + i]!
    pivots[i] = diagonal * diagonal
    for (let j = i; j < size; j++) factor[i * size + j] = lower[j * size + i]! / diagonal
  }
  return { size, matrix: Float32Array.from(matrix), factor, pivots }
}

/** `H w`. */
export function product({ size, matrix }: Moments, row: ArrayLike<number>): Float64Array {
  const result = new Float64Array(size)
  for (let j = 0; j < size; j++) {
    const factor = row[j]!
    if (factor !== 0) for (let i = 0, at = j * size; i < size; i++) result[i]! += matrix[at + i]! * factor
  }
  return result
}

/** `w' H w`. */
export function power({ size, matrix }: Moments, row: Float32Array): number {
  let sum = 0
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) sum += row[i]! * matrix[i * size + j]! * row[j]!
  return sum
}

/** What the rows of a kernel are multiplied with: those of one group of channels have the same. */
export interface LayerMoments {
  readonly groups: readonly { readonly gram: Gram; readonly moments: Moments }[]
  groupOf(row: number): { readonly gram: Gram; readonly moments: Moments }
  /** Whether a bias can take up a shift of the outputs' mean. */
  readonly hasBias: boolean
}

/**
 * The moments of a layer's inputs, damped: about the mean where a bias can take it up, about zero where none can.
 * @param rows how many there are.
 */
export function layerMoments({ node }: Weight, grams: readonly Gram[], rows: number): LayerMoments {
  const hasBias = takesBias(node)
  const groups = grams.map((gram) => ({ gram, moments: preparedMoments(gram, hasBias) }))
  return { groups, groupOf: (row) => groups[Math.floor((row * groups.length) / rows)]!, hasBias }
}

function preparedMoments(gram: Gram, hasBias: boolean): Moments {
  const { matrix, factor } = damped(gram.size, hasBias ? gram.covariance : aboutZero(gram))
  return momentsOf(gram.size, matrix, factor)
}
