import { createRandom } from '@whittle/ir'
import { describe, expect, test } from 'vitest'
import { clusterTensor } from '../src/codebook.ts'
import { quantizeTensor } from '../src/weights.ts'
import { normal, squaredError } from './harness.ts'

describe('a clustered tensor', () => {
  const dims = [6, 50]
  const data = normal(300, 'clustered').map((item, at) => (at % 7 === 0 ? 0 : item * 4 ** Math.floor(at / 50)))

  test.each([2, 3, 4, 6])('of %i bits holds levels times scales, zeros among them', (bits) => {
    const { data: after, quantization } = clusterTensor(data, dims, { bits, axis: 0 })
    const { levels, scale } = quantization
    expect(levels.length).toBeLessThanOrEqual(2 ** bits)
    expect([...levels]).toEqual([...levels].sort((a, b) => a - b))
    after.forEach((item, at) => {
      const step = scale[Math.floor(at / 50)]!
      expect([...levels].some((level) => Math.fround(level * step) === item)).toBe(true)
      if (data[at] === 0) expect(item).toBe(0)
    })
  })

  test('errs less than even steps of as many bits', () => {
    for (const bits of [3, 4]) {
      const even = quantizeTensor(data, dims, { bits, range: 'mse', axis: 0 }).data
      expect(squaredError(clusterTensor(data, dims, { bits, axis: 0 }).data, data)).toBeLessThan(squaredError(even, data))
    }
  })

  test('with as many levels as values is exact but for the rounding of float32', () => {
    const few = Float32Array.from({ length: 64 }, (_, at) => [-3, -0.5, 0, 0.25, 7][at % 5]!)
    const { data: after } = clusterTensor(few, [64], { bits: 4 })
    after.forEach((item, at) => expect(item).toBeCloseTo(few[at]!, 4))
  })

  test('of zeros stays so; beside one huge value all stays finite', () => {
    expect([...clusterTensor(new Float32Array(8), [2, 4], { bits: 2, axis: 0 }).data]).toEqual(new Array(8).fill(0))
    const outlier = normal(64, 'outlier')
    outlier[5] = 1e30
    const { data: after, quantization } = clusterTensor(outlier, [2, 32], { bits: 4, axis: 0 })
    expect(after.every(Number.isFinite) && quantization.scale.every((item) => item > 0)).toBe(true)
    expect(Math.abs(after[5]! / 1e30 - 1)).toBeLessThan(0.01)
    // The other channel has levels that the outlier's has no use for.
    const random = createRandom('tiny')
    const tiny = Float32Array.from({ length: 16 }, () => random.normal() * 1e-42)
    expect(clusterTensor(tiny, [16], { bits: 3 }).data.every(Number.isFinite)).toBe(true)
  })
})
