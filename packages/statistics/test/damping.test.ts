import { sampledGram as sampled } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { damped, shrinkage } from '../src/damping.ts'

describe('damped', () => {
  test('adds a hundredth of the mean variance to the diagonal', () => {
    const { matrix } = damped(2, Float64Array.of(3, 1, 1, 1))
    expect([...matrix].map((item) => +item.toFixed(9))).toEqual([3.02, 1, 1, 1.02])
  })

  test('gives a factor where inputs are copies of one another, constant, or all zero', () => {
    for (const covariance of [
      Float64Array.of(1, 1, 1, 1),
      Float64Array.of(1, 0, 0, 0),
      new Float64Array(4),
      Float64Array.of(1, 1.5, 1.5, 1),
    ]) {
      const { matrix, factor } = damped(2, covariance)
      const [a, zero, b, c] = factor
      expect(zero).toBe(0)
      ;[a! * a!, a! * b!, a! * b!, b! * b! + c! * c!].forEach((item, at) =>
        expect(item / matrix[0]!).toBeCloseTo(matrix[at]! / matrix[0]!, 9),
      )
    }
  })
})

describe('shrinkage', () => {
  test('is the closed form for uncorrelated inputs, and least where positions are many', () => {
    const size = 4
    const identity = Float64Array.from({ length: 16 }, (_, at) => (at % 5 === 0 ? 1 : 0))
    // All inputs alike: the target itself.
    expect(shrinkage(size, identity, 100)).toBeCloseTo(9, 6)
    const covariance = Float64Array.from({ length: 16 }, (_, at) => (at % 5 === 0 ? [4, 1, 1, 1][at / 5]! : 0))
    const [squares, trace] = [19, 7]
    const share = ((1 - 2 / size) * squares + trace ** 2) / ((50 + 1 - 2 / size) * (squares - trace ** 2 / size))
    expect(shrinkage(size, covariance, 50)).toBeCloseTo(share / (1 - share), 9)
    expect(shrinkage(size, covariance, 1e6)).toBe(0.01)
  })

  test('brings covariances of few samples nearer to the true one', () => {
    const size = 12
    const { gram: many } = sampled(size, 4000, 'many')
    let [shrunk, damp] = [0, 0]
    for (let draw = 0; draw < 20; draw++) {
      const { gram: few } = sampled(size, 8, `few ${draw}`)
      const error = (share: number): number =>
        damped(size, few.covariance, share).matrix.reduce((sum, item, at) => sum + (item / (1 + share) - many.covariance[at]!) ** 2, 0)
      shrunk += error(shrinkage(size, few.covariance, few.positions))
      damp += error(0.01)
    }
    expect(shrunk).toBeLessThan(0.7 * damp)
  })
})
