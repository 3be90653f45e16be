import { describe, expect, test } from 'vitest'
import { eliminate } from '../src/eliminate.ts'
import { curvatureOf } from '@whittle/statistics'
import { dot, sampledGram as sampled } from '@whittle/testing'
import { compensate, orderOf, reconstruct } from '../src/reconstruct.ts'
import { leastSquares } from './harness.ts'

const squaredError = (samples: number[][], row: Float32Array, after: { row: Float32Array; bias: number }): number =>
  samples.reduce((sum, sample) => sum + (dot(row, sample) - dot(after.row, sample) - after.bias) ** 2, 0) / samples.length

describe('reconstruct', () => {
  const { samples, gram, row } = sampled(8, 400, 'reconstruct')
  const mask = Uint8Array.of(0, 1, 0, 1, 1, 0, 0, 1)
  const curvature = curvatureOf(gram)
  const result = reconstruct(row, mask, curvature)

  test('solves the normal equations of the damped data', () => {
    const removed = new Set([...mask.keys()].filter((index) => mask[index] === 1))
    const expected = leastSquares(row, curvature.covariance, removed).row
    result.row.forEach((item, index) => expect(item).toBeCloseTo(expected[index]!, 5))
    for (const index of removed) expect(result.row[index]).toBe(0)
  })

  test('keeps the mean of the output by the bias', () => {
    const mean = (weights: Float32Array, bias: number): number =>
      samples.reduce((sum, sample) => sum + dot(weights, sample) + bias, 0) / samples.length
    expect(mean(result.row, result.bias)).toBeCloseTo(mean(row, 0), 5)
    expect(Math.abs(result.bias)).toBeGreaterThan(1e-3)
  })

  test('errs less than zeros alone, and no small step from it errs notably less', () => {
    const error = squaredError(samples, row, result)
    const zeros = { row: row.map((item, index) => (mask[index] ? 0 : item)), bias: 0 }
    expect(error).toBeLessThan(0.7 * squaredError(samples, row, zeros))
    for (let index = 0; index < 8; index++)
      for (const step of [-0.05, 0.05]) {
        if (mask[index]) continue
        const moved = result.row.slice()
        moved[index]! += step
        const bias = result.bias - step * gram.mean[index]!
        expect(squaredError(samples, row, { row: moved, bias })).toBeGreaterThan(error * 0.999)
      }
  })

  test('changes nothing where nothing is removed, and leaves the mean alone where all is', () => {
    const same = reconstruct(row, new Uint8Array(8), curvature)
    same.row.forEach((item, index) => expect(item).toBeCloseTo(row[index]!, 5))
    const none = reconstruct(row, new Uint8Array(8).fill(1), curvature)
    expect([...none.row]).toEqual(Array(8).fill(0))
    expect(none.bias).toBeCloseTo(dot(row, [...gram.mean]), 5)
  })
})

describe('a row of many inputs', () => {
  const size = 300
  const { samples, gram, row } = sampled(size, 900, 'long')
  const curvature = curvatureOf(gram)

  test('is ordered by the cost of each removal alone', () => {
    const { order, costs } = orderOf(row, curvature, 100)
    expect(order).toHaveLength(100)
    order.forEach((index, at) => expect(costs[at]).toBeCloseTo(row[index]! ** 2 / curvature.inverse[index * size + index]!, 9))
    for (let at = 1; at < 100; at++) expect(costs[at]!).toBeGreaterThanOrEqual(costs[at - 1]!)
  })

  test('is compensated by the sweep: nearly as well as by least squares, much better than by zeros, the mean kept', () => {
    const mask = new Uint8Array(size)
    for (const index of orderOf(row, curvature, 120).order) mask[index] = 1
    const swept = compensate(row, mask, curvature)
    expect(swept).toEqual(eliminate(row, mask, curvature))
    const error = squaredError(samples, row, swept)
    expect(error).toBeLessThan(1.6 * squaredError(samples, row, reconstruct(row, mask, curvature)))
    expect(error).toBeLessThan(0.6 * squaredError(samples, row, { row: row.map((item, index) => (mask[index] ? 0 : item)), bias: 0 }))
    const mean = samples.reduce((sum, sample) => sum + dot(row, sample) - dot(swept.row, sample) - swept.bias, 0) / samples.length
    expect(mean).toBeCloseTo(0, 4)
    mask.forEach((gone, index) => gone && expect(swept.row[index]).toBe(0))
  })
})
