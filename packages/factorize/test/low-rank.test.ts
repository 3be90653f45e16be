import { damped } from '@whittle/statistics'
import { createRandom } from '@whittle/ir'
import { randomSpd } from '@whittle/testing'
import { SingularValueDecomposition, Matrix as MlMatrix } from 'ml-matrix'
import { describe, expect, test } from 'vitest'
import { type Moments, lowRank, tail } from '../src/low-rank.ts'
import { type Matrix, matrixOf, multiply, transpose } from '../src/matrix.ts'
import { project } from '../src/project.ts'
import { randomMatrix } from './harness.ts'

const less = (a: Matrix, b: Matrix): Matrix =>
  matrixOf(
    a.rows,
    a.columns,
    a.data.map((item, at) => item - b.data[at]!),
  )

/** The trace of `E H E^T`, by its definition. */
function energy({ rows, columns: n, data }: Matrix, moments?: Float64Array): number {
  let sum = 0
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) sum += data[row * n + i]! * data[row * n + j]! * (moments ? moments[i * n + j]! : i === j ? 1 : 0)
  return sum
}

const momentsOf = (n: number): Moments => {
  const { matrix, factor } = damped(n, randomSpd(n, `moments of ${n}`), 0)
  return { matrix, lower: factor }
}

const product = (weights: Matrix, rank: number, moments?: Moments): Matrix => {
  const { first, second } = lowRank(weights, moments).factors(rank)
  expect([first.rows, first.columns, second.rows, second.columns]).toEqual([rank, weights.columns, weights.rows, rank])
  return multiply(second, first)
}

/** Shapes with fewer, more and as many outputs as inputs: they go two ways. */
const SHAPES: [number, number][] = [
  [5, 9],
  [9, 5],
  [7, 7],
]

describe.each(SHAPES)('%i x %i', (outputs, inputs) => {
  const weights = randomMatrix(outputs, inputs, 'weights')

  test('without moments, the energies are the squares of the singular values, and the error is those that are dropped', () => {
    const values = new SingularValueDecomposition(MlMatrix.from1DArray(outputs, inputs, weights.data), { autoTranspose: true }).diagonal
    const { energies } = lowRank(weights)
    expect(energies).toHaveLength(Math.min(outputs, inputs))
    energies.forEach((item, at) => expect(item).toBeCloseTo(values[at]! ** 2, 8))
    for (let rank = 1; rank <= energies.length; rank++)
      expect(energy(less(weights, product(weights, rank)))).toBeCloseTo(
        energies.slice(rank).reduce((a, b) => a + b, 0),
        8,
      )
  })

  test('with moments, the error of the outputs is what is dropped, and that of the singular values is larger', () => {
    const moments = momentsOf(inputs)
    const { energies } = lowRank(weights, moments)
    for (let rank = 1; rank < energies.length; rank++) {
      const error = energy(less(weights, product(weights, rank, moments)), moments.matrix)
      expect(error).toBeCloseTo(
        energies.slice(rank).reduce((a, b) => a + b, 0),
        7,
      )
      expect(tail(energies, rank)).toBeCloseTo(error / energy(weights, moments.matrix), 9)
      expect(energy(less(weights, product(weights, rank)), moments.matrix)).toBeGreaterThan(error * 1.01)
    }
  })

  test('with moments, no factors that alternating least squares finds from anywhere are better', () => {
    const moments = momentsOf(inputs)
    const rank = 2
    const least = energy(less(weights, product(weights, rank, moments)), moments.matrix)
    for (let start = 0; start < 3; start++) {
      let first = randomMatrix(rank, inputs, `start ${start}`)
      let best = Infinity
      for (let round = 0; round < 200; round++) {
        const { weights: second } = project(weights, first, moments)
        best = energy(less(weights, multiply(second, first)), moments.matrix)
        first = leftInverse(second, weights)
      }
      expect(best).toBeGreaterThan(least * (1 - 1e-9))
      expect(best).toBeLessThan(least * 1.01)
    }
  })

  test('weights for projected inputs leave an error that the projected inputs tell nothing of', () => {
    const moments = momentsOf(inputs)
    const projection = randomMatrix(3, inputs, 'projection')
    const { weights: solved, moments: projected } = project(weights, projection, moments)
    const h = matrixOf(inputs, inputs, moments.matrix)
    const error = less(weights, multiply(solved, projection))
    for (const item of multiply(multiply(error, h), transpose(projection)).data) expect(item).toBeCloseTo(0, 6)
    multiply(multiply(projection, h), transpose(projection)).data.forEach((item, at) => expect(projected.matrix[at]).toBeCloseTo(item, 5))
  })
})

/** The first factor of least squares for a second one, which does not depend on the moments: `(B^T B)^-1 B^T W`. */
function leftInverse(second: Matrix, weights: Matrix): Matrix {
  return transpose(project(transpose(weights), transpose(second)).weights)
}

test('weights that are zero have nothing to lose', () => {
  const { energies, factors } = lowRank(matrixOf(4, 6), momentsOf(6))
  expect([...energies]).toEqual([0, 0, 0, 0])
  expect(tail(energies, 1)).toBe(0)
  expect(factors(2).second.data.every(Number.isFinite)).toBe(true)
})

test('the same weights give the same factors', () => {
  const random = createRandom('same')
  const weights = matrixOf(
    8,
    8,
    Float64Array.from({ length: 64 }, () => random.normal()),
  )
  expect(lowRank(weights).factors(3)).toEqual(lowRank(weights).factors(3))
})
