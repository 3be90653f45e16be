import type { Histogram } from './histogram.ts'

/** Thresholds that are tried: so many parts of the greatest magnitude. */
const STEPS = 128

/** What a bin without values counts for where the other distribution has some (as onnxruntime's calibrater smooths). */
const EPSILON = 1e-4

/**
 * The range that loses least information: of all values clipped to [-t, t], the t for which their distribution is nearest to itself on
 * `levels` levels, by Kullback-Leibler divergence (Migacz 2017, "8-bit inference with TensorRT"; onnxruntime's EntropyCalibrater).
 *
 * The grid spans only the part of [-t, t] where values are, as onnxruntime clamps it, so that what a Relu gives has all levels on its side.
 */
export function entropyRange(histogram: Histogram, levels: number): { min: number; max: number } {
  const { low, width } = histogram.table
  const counts = withoutZeros(histogram)
  const { min, max } = histogram
  const greatest = Math.max(Math.abs(min), Math.abs(max))
  let best = { min, max }
  let least = Infinity
  // From the full range down: of equals the widest stands.
  for (let step = STEPS; step > 0; step--) {
    const threshold = (greatest * step) / STEPS
    const range = { min: Math.max(min, -threshold), max: Math.min(max, threshold) }
    const first = binOf(range.min, low, width, counts.length)
    const end = binOf(range.max, low, width, counts.length) + 1
    if (end - first < levels) break
    const divergence = clippedDivergence(counts, first, end, levels)
    if (divergence < least) {
      least = divergence
      best = range
    }
  }
  return best
}

/** Zeros are exact on every grid, and a Relu gives many: their bin counts for no more than its neighbours (as in TensorRT's own toolkit). */
function withoutZeros({ table: { low, width, counts }, min, max }: Histogram): Float64Array {
  const own = Float64Array.from(counts)
  if (min > 0 || max < 0) return own
  const zero = binOf(0, low, width, counts.length)
  own[zero] = Math.min(own[zero]!, Math.max(own[zero - 1] ?? 0, own[zero + 1] ?? 0))
  return own
}

function binOf(value: number, low: number, width: number, bins: number): number {
  return Math.max(0, Math.min(bins - 1, Math.floor((value - low) / width)))
}

/**
 * The divergence of the counts, with all that is outside [first, end) put into the outer bins, from what is left of those inside when they share
 * `levels` levels: each level's count is spread evenly over its bins that are not empty.
 */
export function clippedDivergence(counts: ArrayLike<number>, first: number, end: number, levels: number): number {
  const size = end - first
  const reference = new Float64Array(size)
  for (let bin = 0; bin < counts.length; bin++) reference[Math.max(0, Math.min(size - 1, bin - first))]! += counts[bin]!
  const candidate = new Float64Array(size)
  for (let level = 0; level < levels; level++) {
    const [from, to] = [Math.floor((level * size) / levels), Math.floor(((level + 1) * size) / levels)]
    let [sum, filled] = [0, 0]
    for (let bin = from; bin < to; bin++) {
      sum += counts[first + bin]!
      if (reference[bin]! > 0) filled++
    }
    for (let bin = from; bin < to; bin++) if (reference[bin]! > 0) candidate[bin] = sum / filled
  }
  return divergence(smoothed(reference), smoothed(candidate))
}

/** Takes from the bins that have values what the empty ones get, and makes it a distribution. */
function smoothed(counts: Float64Array): Float64Array {
  const empty = counts.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0)
  const taken = empty === counts.length ? 0 : (EPSILON * empty) / (counts.length - empty)
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.map((count) => (count === 0 ? EPSILON : Math.max(EPSILON, count - taken)) / total)
}

function divergence(p: Float64Array, q: Float64Array): number {
  let sum = 0
  for (let index = 0; index < p.length; index++) sum += p[index]! * Math.log(p[index]! / q[index]!)
  return sum
}
