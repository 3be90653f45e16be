import { dot, sampledGram as sampled } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { curvatureOf, outputVariance } from '../src/curvature.ts'

describe('curvatureOf', () => {
  test('adds a hundredth of the mean variance to the diagonal', () => {
    const { covariance } = curvatureOf({ size: 2, covariance: Float64Array.of(3, 1, 1, 1), mean: new Float64Array(2) })
    expect([...covariance].map((item) => +item.toFixed(9))).toEqual([3.02, 1, 1, 1.02])
  })

  test('gives an inverse where inputs are copies of one another, constant, or all zero', () => {
    for (const covariance of [
      Float64Array.of(1, 1, 1, 1),
      Float64Array.of(1, 0, 0, 0),
      new Float64Array(4),
      Float64Array.of(1, 1.5, 1.5, 1),
    ]) {
      const curvature = curvatureOf({ size: 2, covariance, mean: new Float64Array(2) })
      expect(curvature.inverse.every(Number.isFinite)).toBe(true)
      const [a, b] = curvature.covariance
      expect(a! * curvature.inverse[0]! + b! * curvature.inverse[2]!).toBeCloseTo(1, 6)
    }
  })
})

test('the variance of an output is that of the sampled outputs', () => {
  const { samples, gram, row } = sampled(5, 200, 'variance')
  const outputs = samples.map((sample) => dot(row, sample))
  const mean = outputs.reduce((a, b) => a + b) / outputs.length
  expect(outputVariance(row, gram)).toBeCloseTo(outputs.reduce((sum, item) => sum + (item - mean) ** 2, 0) / outputs.length, 6)
})
