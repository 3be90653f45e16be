import { createRandom } from '@whittle/ir'

interface SampledGram {
  size: number
  covariance: Float64Array
  mean: Float64Array
  positions: number
}

/** Sampled inputs with a mean that is not zero, and their statistics. */
export function sampledGram(n: number, count: number, seed: string): { samples: number[][]; gram: SampledGram; row: Float32Array } {
  const random = createRandom(seed)
  const samples = Array.from({ length: count }, () => {
    const sample = Array.from({ length: n }, (_, index) => random.normal() + index / n)
    for (let i = 1; i < n; i++) sample[i]! += 0.6 * sample[i - 1]!
    return sample
  })
  const mean = Float64Array.from({ length: n }, (_, i) => samples.reduce((sum, sample) => sum + sample[i]!, 0) / count)
  const covariance = new Float64Array(n * n)
  for (const sample of samples)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) covariance[i * n + j]! += ((sample[i]! - mean[i]!) * (sample[j]! - mean[j]!)) / count
  return { samples, gram: { size: n, covariance, mean, positions: count }, row: Float32Array.from({ length: n }, () => random.normal()) }
}

export const dot = (row: ArrayLike<number>, sample: readonly number[]): number =>
  sample.reduce((sum, item, index) => sum + item * row[index]!, 0)
