import { createRandom } from '@whittle/ir'
import { expect, test } from 'vitest'
import { eliminate } from '../src/eliminate.ts'
import { curvatureOf } from '@whittle/statistics'
import { leastSquares, randomSpd } from './harness.ts'

const size = 8
const curvature = curvatureOf({ size, covariance: randomSpd(size, 'sweep'), mean: Float64Array.from({ length: size }, (_, at) => at / 4) })
const random = createRandom('sweep row')
const row = Float32Array.from({ length: size }, () => random.normal())

test('where the first weights go, it gives exactly the least squares of those behind', () => {
  const mask = Uint8Array.of(1, 1, 1, 0, 0, 0, 0, 0)
  const expected = leastSquares(row, curvature.covariance, new Set([0, 1, 2])).row
  eliminate(row, mask, curvature).row.forEach((item, index) => expect(item).toBeCloseTo(expected[index]!, 5))
})

test('weights before a removed one keep their values', () => {
  const { row: after } = eliminate(row, Uint8Array.of(0, 0, 0, 1, 0, 1, 0, 0), curvature)
  expect([...after.slice(0, 3)]).toEqual([...row.slice(0, 3)])
  expect([after[3], after[5]]).toEqual([0, 0])
  expect(after[4]).not.toBe(row[4])
})

test('what it adds to the bias keeps the mean of the output', () => {
  const { row: after, bias } = eliminate(row, Uint8Array.of(0, 1, 0, 1, 0, 1, 0, 1), curvature)
  const dot = (weights: Float32Array): number => weights.reduce((sum, item, index) => sum + item * curvature.mean[index]!, 0)
  expect(dot(after) + bias).toBeCloseTo(dot(row), 5)
})

test('an empty mask changes nothing', () => {
  expect(eliminate(row, new Uint8Array(size), curvature)).toEqual({ row, bias: 0 })
})
