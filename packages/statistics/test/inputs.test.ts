import { createRandom } from '@whittle/ir'
import { dot, randomSpd, sampledGram as sampled } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { Inputs, fittedInputs, inputsOf } from '../src/inputs.ts'

const multiply = (a: ArrayLike<number>, b: ArrayLike<number>, n: number): number[] =>
  Array.from({ length: n * n }, (_, at) => {
    let sum = 0
    for (let k = 0; k < n; k++) sum += a[Math.floor(at / n) * n + k]! * b[k * n + (at % n)]!
    return sum
  })
const transposed = (a: ArrayLike<number>, n: number): number[] =>
  Array.from({ length: n * n }, (_, at) => a[(at % n) * n + Math.floor(at / n)]!)

describe('Inputs', () => {
  const n = 7
  const inputs = new Inputs(n, randomSpd(n, 'inputs'), 1e9, undefined)

  test('the upper factor times itself is the inverse', () => {
    const { upper, inverse } = inputs
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) expect(upper[i * n + j]).toBe(0)
    multiply(transposed(upper, n), upper, n).forEach((item, at) => expect(item).toBeCloseTo(inverse[at]!, 8))
    multiply(inverse, inputs.matrix, n).forEach((item, at) => expect(item).toBeCloseTo(at % (n + 1) === 0 ? 1 : 0, 8))
  })

  test('few positions are trusted less', () => {
    const of = (positions: number): number => new Inputs(n, randomSpd(n, 'inputs'), positions, undefined).damping
    expect(of(10)).toBeGreaterThan(2 * of(100))
    expect(of(1e9)).toBeCloseTo(of(1e8), 6)
  })

  test('about zero, the matrix holds the mean squares themselves', () => {
    const { samples, gram } = sampled(4, 50, 'about zero')
    const { matrix, damping } = inputsOf(gram, false)
    const expected = samples.reduce((sum, sample) => sum + sample[1]! * sample[2]!, 0) / samples.length
    expect(matrix[1 * 4 + 2]).toBeCloseTo(expected, 6)
    expect(matrix[5]).toBeCloseTo(samples.reduce((sum, sample) => sum + sample[1]! ** 2, 0) / samples.length + damping, 6)
  })
})

describe.each([true, false])('fittedInputs, centered: %s', (centered) => {
  const n = 5
  const { samples, row } = sampled(n, 4000, 'fitted')
  const random = createRandom('changed')
  // What the layer meets in the changed model: mixed, shifted and noisy.
  const changed = samples.map((sample) => sample.map((item, at) => 0.8 * item + 0.2 * sample[(at + 1) % n]! + 0.3 + 0.3 * random.normal()))
  const mean = (of: (at: number) => number): number => samples.reduce((sum, _, at) => sum + of(at), 0) / samples.length
  const moments = (left: number[][]): Float64Array =>
    Float64Array.from({ length: n * n }, (_, at) => mean((k) => left[k]![Math.floor(at / n)]! * changed[k]![at % n]!))
  const means = (of: number[][]): Float64Array => Float64Array.from({ length: n }, (_, i) => mean((k) => of[k]![i]!))
  const given = {
    size: n,
    originalSize: n,
    products: moments(changed),
    cross: moments(samples),
    mean: means(changed),
    originalMean: means(samples),
    positions: samples.length,
  }
  const { fitted, shift } = fittedInputs(given, centered)
  const error = (weights: ArrayLike<number>, bias: number): number =>
    mean((at) => (dot(row, samples[at]!) - dot(weights, changed[at]!) - bias) ** 2)

  test('the fitted row comes nearer to what the original gave, and no step from it much nearer', () => {
    const result = fitted(row)
    const bias = shift(row, result)
    const least = error(result, bias)
    expect(least).toBeLessThan(0.95 * error(row, shift(row, row)))
    for (let index = 0; index < n; index++)
      for (const step of [-0.1, 0.1]) {
        const moved = result.slice()
        moved[index]! += step
        expect(error(moved, shift(row, moved))).toBeGreaterThan(least * 0.999)
      }
  })

  test('the bias keeps the mean where there is one', () => {
    const result = fitted(row)
    const bias = shift(row, result)
    if (centered) expect(mean((at) => dot(row, samples[at]!) - dot(result, changed[at]!) - bias)).toBeCloseTo(0, 5)
    else expect(bias).toBe(0)
  })

  test('where nothing was changed, the row stays', () => {
    const same = fittedInputs({ ...given, products: moments(changed), cross: moments(changed), originalMean: given.mean }, centered)
    same.fitted(row).forEach((item, at) => expect(item).toBeCloseTo(row[at]!, 5))
  })
})

test('the row over fewer inputs is the least squares solution of what the whole row gave', () => {
  const [n, left] = [5, [0, 2, 3]]
  const { samples, row } = sampled(n, 400, 'fewer')
  const mean = (of: (sample: number[]) => number): number => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  const moments = (rows: number[]): Float64Array => Float64Array.from(rows.flatMap((i) => left.map((j) => mean((x) => x[i]! * x[j]!))))
  const means = (rows: number[]): Float64Array => Float64Array.from(rows, (i) => mean((x) => x[i]!))
  const all = [0, 1, 2, 3, 4]
  const { fitted, shift, inputs } = fittedInputs(
    { size: 3, originalSize: n, products: moments(left), cross: moments(all), mean: means(left), originalMean: means(all), positions: 400 },
    true,
  )
  const near = Float64Array.from(left, (i) => row[i]!)
  const result = fitted(row, Float32Array.from(near))
  const bias = shift(row, result)
  // The damped normal equations, in the samples themselves.
  for (const [at, j] of left.entries()) {
    const residual = mean(
      (x) => (dot(row, x) - left.reduce((sum, i, k) => sum + result[k]! * x[i]!, 0) - bias) * (x[j]! - mean((y) => y[j]!)),
    )
    expect(residual).toBeCloseTo(inputs.damping * (result[at]! - near[at]!), 4)
  }
})
