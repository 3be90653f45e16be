import { createRandom } from '@whittle/ir'

/** A random symmetric positive definite matrix, row-major. */
export function randomSpd(n: number, seed: string): Float64Array {
  const random = createRandom(seed)
  const samples = Array.from({ length: 3 * n }, () => Array.from({ length: n }, () => random.normal()))
  for (const sample of samples) for (let i = 1; i < n; i++) sample[i]! += 0.7 * sample[i - 1]!
  const matrix = new Float64Array(n * n)
  for (const sample of samples) for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) matrix[i * n + j]! += sample[i]! * sample[j]!
  return matrix.map((item) => item / samples.length)
}
