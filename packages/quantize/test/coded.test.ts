import { describe, expect, test } from 'vitest'
import { codeTensor } from '../src/coded.ts'
import { quantizeTensor } from '../src/weights.ts'
import { normal, squaredError } from './harness.ts'

const dims = [8, 4000]
/** Channels of very different size. */
const data = normal(32000, 'coded').map((item, at) => item * 3 ** Math.floor(at / 4000))

/** Bits an integer by how often each comes in a tensor of one scale a row. */
function entropyOf(values: Float32Array, scale: Float32Array): number {
  const counts = new Map<number, number>()
  values.forEach((item, at) => {
    const q = Math.round(item / scale[Math.floor(at / 4000)]!)
    counts.set(q, (counts.get(q) ?? 0) + 1)
  })
  return [...counts.values()].reduce((sum, count) => sum - (count / values.length) * Math.log2(count / values.length), 0)
}

/** dB, the mean over rows. */
function quality(values: Float32Array): number {
  let noise = 0
  for (let row = 0; row < 8; row++) {
    const [a, b] = [data, values].map((all) => all.subarray(row * 4000, (row + 1) * 4000))
    noise += squaredError(a!, b!) / squaredError(a!, new Float32Array(4000)) / 8
  }
  return -10 * Math.log10(noise)
}

describe.each([3, 4, 5])('at %i bits', (bits) => {
  const { data: after, quantization } = codeTensor(data, dims, { bits, axis: 0 })

  test('the integers take so many bits, and no weight moves by more than half a step', () => {
    const entropy = entropyOf(after, quantization.scale)
    expect(entropy).toBeLessThanOrEqual(bits + 1e-9)
    expect(entropy).toBeGreaterThan(bits - 0.05)
    after.forEach((item, at) => {
      const step = quantization.scale[Math.floor(at / 4000)]!
      expect(Math.abs(item - data[at]!)).toBeLessThanOrEqual(step * 0.5001)
      expect(Math.abs(item / step)).toBeLessThan(2 ** (quantization.bits - 1))
    })
  })

  test('normal weights keep 6.02 dB a bit, less 1.53 dB, as theory has it of even steps', () => {
    const theory = 6.02 * bits - 1.53
    expect(quality(after)).toBeGreaterThan(theory - 0.2)
    expect(quality(after)).toBeLessThan(theory + 0.2)
  })

  test('a grid that ends at the largest weights keeps less in as many bits', () => {
    for (const more of [bits, bits + 1]) {
      const { data: other, quantization: grid } = quantizeTensor(data, dims, { bits: more, range: 'mse', axis: 0 })
      const coded = codeTensor(data, dims, { bits: entropyOf(other, grid.scale), axis: 0 }).data
      expect(quality(coded)).toBeGreaterThan(quality(other))
    }
  })
})

test('zeros, one huge weight among many and tiny ones are right', () => {
  expect([...codeTensor(new Float32Array(8), [2, 4], { bits: 4, axis: 0 }).data]).toEqual(new Array(8).fill(0))
  const outlier = normal(100000, 'outlier')
  outlier[7] = 1e30
  const { data: after, quantization } = codeTensor(outlier, [2, 50000], { bits: 3, axis: 0 })
  expect(Math.abs(after[7]! / 1e30 - 1)).toBeLessThan(0.01)
  expect(quantization.bits).toBe(8)
  expect(after.every(Number.isFinite)).toBe(true)
  const tiny = normal(64, 'tiny', 1e-41)
  expect(codeTensor(tiny, [64], { bits: 3 }).data.every(Number.isFinite)).toBe(true)
  const sparse = normal(64, 'sparse').map((item, at) => (at % 3 === 0 ? 0 : item))
  codeTensor(sparse, [64], { bits: 3 }).data.forEach((item, at) => at % 3 === 0 && expect(Math.abs(item)).toBe(0))
})
