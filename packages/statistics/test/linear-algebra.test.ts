import { createRandom } from '@whittle/ir'
import { describe, expect, test } from 'vitest'
import { cholesky, inverse, solveCholesky } from '../src/linear-algebra.ts'
import { randomSpd } from './harness.ts'

const product = (a: Float64Array, b: Float64Array, n: number): number[] =>
  Array.from({ length: n * n }, (_, at) => {
    let sum = 0
    for (let k = 0; k < n; k++) sum += a[Math.floor(at / n) * n + k]! * b[k * n + (at % n)]!
    return sum
  })

const transposed = (a: Float64Array, n: number): Float64Array => a.map((_, at) => a[(at % n) * n + Math.floor(at / n)]!)

const identity = (n: number): number[] => Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 1 : 0))

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(0, ...Array.from(a, (item, index) => Math.abs(item - b[index]!)))

describe.each([1, 2, 3, 7, 20, 64, 65, 150])('for a matrix of %i rows', (n) => {
  const matrix = randomSpd(n, `spd/${n}`)
  const factor = cholesky(matrix, n)!

  test('the factor is lower triangular and multiplies back to the matrix, which is untouched', () => {
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) expect(factor[i * n + j]).toBe(0)
    expect(largestDifference(product(factor, transposed(factor, n), n), matrix)).toBeLessThan(1e-12)
    expect(matrix).toEqual(randomSpd(n, `spd/${n}`))
  })

  test('the inverse times the matrix is the identity, and it is symmetric', () => {
    const inverted = inverse(factor, n)
    expect(largestDifference(product(matrix, inverted, n), identity(n))).toBeLessThan(1e-9)
    expect(inverted).toEqual(transposed(inverted, n))
  })

  test('a solution times the matrix is the right-hand side', () => {
    const random = createRandom('b')
    const b = Float64Array.from({ length: n }, () => random.normal())
    const x = b.slice()
    solveCholesky(factor, n, x)
    const back = Array.from({ length: n }, (_, i) => x.reduce((sum, item, j) => sum + matrix[i * n + j]! * item, 0))
    expect(largestDifference(back, b)).toBeLessThan(1e-9)
  })
})

test.each([
  ['indefinite', [1, 2, 2, 1]],
  ['negative', [-1, 0, 0, 1]],
  ['singular', [1, 1, 1, 1]],
  ['NaN', [NaN, 0, 0, 1]],
])('a matrix that is %s has no factor', (_, matrix) => {
  expect(cholesky(Float64Array.from(matrix), 2)).toBeUndefined()
})

test('a matrix of no rows has an empty factor', () => {
  expect(cholesky(new Float64Array(0), 0)).toEqual(new Float64Array(0))
})
