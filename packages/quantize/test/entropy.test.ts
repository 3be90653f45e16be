import { createRandom } from '@whittle/ir'
import { Histogram, chooseRange } from '@whittle/quantize'
import { describe, expect, test } from 'vitest'
import { clippedDivergence, entropyRange } from '../src/entropy.ts'

const random = createRandom('entropy')
const normals = Float32Array.from({ length: 20_000 }, () => random.normal())

const histogramOf = (values: Float32Array, bins?: number): Histogram => {
  const histogram = new Histogram(bins)
  histogram.add(values)
  return histogram
}

/** As the definition says, with no regard to time: lists of shares, and a sum over those where the reference is not 0. */
function bruteForce(counts: number[], first: number, end: number, levels: number): number {
  const inside = counts.slice(first, end)
  const reference = [...inside]
  reference[0]! += counts.slice(0, first).reduce((a, b) => a + b, 0)
  reference[reference.length - 1]! += counts.slice(end).reduce((a, b) => a + b, 0)
  const levelOf = (bin: number): number =>
    Array.from({ length: levels }, (_, level) => level).findIndex((level) => bin < Math.floor(((level + 1) * inside.length) / levels))
  const candidate = inside.map((_, bin) => {
    if (reference[bin] === 0) return 0
    const mates = inside.map((_, other) => other).filter((other) => levelOf(other) === levelOf(bin))
    return mates.reduce((sum, other) => sum + inside[other]!, 0) / mates.filter((other) => reference[other]! > 0).length
  })
  const shares = (list: number[]): number[] => {
    const empty = list.filter((item) => item === 0).length
    const smoothed = list.map((item) => (item === 0 ? 1e-4 : Math.max(1e-4, item - (1e-4 * empty) / (list.length - empty))))
    const total = list.reduce((a, b) => a + b, 0)
    return smoothed.map((item) => item / total)
  }
  const [p, q] = [shares(reference), shares(candidate)]
  return p.reduce((sum, item, bin) => sum + item * Math.log(item / q[bin]!), 0)
}

test('the divergence of a clipped histogram is that of the definition', () => {
  for (let round = 0; round < 20; round++) {
    const counts = Array.from({ length: 24 }, () => (random.next() < 0.3 ? 0 : random.integer(50)))
    counts[12] = 3
    for (const [first, end, levels] of [
      [0, 24, 4],
      [5, 19, 4],
      [8, 21, 5],
    ] as const)
      expect(clippedDivergence(counts, first, end, levels)).toBeCloseTo(bruteForce(counts, first, end, levels), 10)
  }
})

test('of all thresholds the range has the least divergence, by brute force', () => {
  const histogram = histogramOf(normals, 128)
  const { low, width, counts } = histogram.table
  const bin = (value: number): number => Math.max(0, Math.min(127, Math.floor((value - low) / width)))
  const list = [...counts]
  const zero = bin(0)
  list[zero] = Math.min(list[zero]!, Math.max(list[zero - 1]!, list[zero + 1]!))
  const greatest = Math.max(-histogram.min, histogram.max)
  const ranges = Array.from({ length: 128 }, (_, step) => (greatest * (step + 1)) / 128)
    .map((t) => ({ min: Math.max(histogram.min, -t), max: Math.min(histogram.max, t) }))
    .filter(({ min, max }) => bin(max) + 1 - bin(min) >= 8)
  const best = ranges.map(({ min, max }) => bruteForce(list, bin(min), bin(max) + 1, 8)).reduce((a, b) => Math.min(a, b))
  const { min, max } = entropyRange(histogram, 8)
  expect(bruteForce(list, bin(min), bin(max) + 1, 8)).toBeCloseTo(best, 10)
  expect(max).toBeLessThan(greatest)
})

// What onnxruntime 1.32's HistogramCollector.get_entropy_threshold gives for 128 levels and these counts of 2048 bins over [-1, 1], taken upwards.
// It leaves up to 127 bins at the upper end without a level, which moves its thresholds to where few are left.
test.each([
  ['Laplace', (x: number) => Math.exp(-Math.abs(x) * 20), 0.5048828],
  ['normal', (x: number) => Math.exp(-x * x * 40), 0.50097656],
])('the threshold for a %s distribution is that of onnxruntime within 3 %% of the range', (_, density, expected) => {
  const counts = Array.from({ length: 2048 }, (_, bin) => Math.floor(1e5 * density(((bin + 0.5) / 2048) * 2 - 1)))
  const divergences = Array.from({ length: 1024 - 64 + 1 }, (_, at) => clippedDivergence(counts, 1024 - 64 - at, 1024 + 64 + at, 128))
  const best = (64 + divergences.indexOf(Math.min(...divergences))) / 1024
  expect(Math.abs(best - expected)).toBeLessThan(0.03)
})

describe('as a range of activations', () => {
  test('cuts off what few values need, and keeps the full range of values that are evenly spread', () => {
    const outlier = chooseRange(histogramOf(Float32Array.of(...normals, 40)), 8, 'entropy')!
    expect(outlier.max).toBeLessThan(20)
    const even = chooseRange(histogramOf(normals.map((_, index) => index)), 8, 'entropy')!
    expect(even.max).toBe(normals.length - 1)
  })

  test('is not moved by how many zeros a Relu gives', () => {
    const positive = normals.filter((item) => item > 0)
    const few = entropyRange(histogramOf(Float32Array.of(0, ...positive)), 256)
    const many = entropyRange(histogramOf(Float32Array.of(0, ...positive, ...new Float32Array(50_000))), 256)
    expect(many.max).toBeCloseTo(few.max, 6)
  })
})
