import type { CodebookQuantization, ScaleGrid } from '@whittle/ir'
import { groupsOf, membersOf } from './groups.ts'
import { roundUpToBfloat16 } from './mantissa.ts'

export interface CodebookGrid extends ScaleGrid {
  /** 2 to 8: as many levels as `2 ** bits`. */
  readonly bits: number
}

/** Times that scales are fitted to levels, and levels to scales. */
const TURNS = 4
const MAX_ITERATIONS = 100

/** As for integers: a scale below this would not survive being multiplied with another. */
const LEAST_SCALE = 2 ** -100

/**
 * Gives a weight levels that need not be evenly spaced: those of k-means in one dimension (Lloyd 1982), shared by the tensor, times a scale for
 * each channel or block. One level is 0, so that zeros stay zeros. Levels and scales are improved in turn.
 * @returns the representable values nearest to `data`, and the codebook.
 */
export function clusterTensor(
  data: Float32Array,
  dims: readonly number[],
  grid: CodebookGrid,
): { data: Float32Array; quantization: CodebookQuantization } {
  const { bits, axis, block } = grid
  const groups = groupsOf(dims, grid)
  const members = Array.from({ length: groups.count }, (_, group) => membersOf(data, groups, group))
  const scale = Float32Array.from(members, rootMeanSquare)
  let levels: Float64Array | undefined
  for (let turn = 0; turn < TURNS; turn++) {
    const density = densityOf(members, scale)
    levels = lloyd(density, levels ?? firstLevels(density, 2 ** bits))
    if (turn < TURNS - 1) members.forEach((items, group) => (scale[group] = fittedScale(items, scale[group]!, levels!)))
  }
  const single = Float32Array.from(levels!)
  // Levels that are one as float32 are one.
  const distinct = single.filter((level, at) => at === 0 || level > single[at - 1]!)
  const result = new Float32Array(data.length)
  members.forEach((items, group) => {
    const [step, from] = [scale[group]!, groups.starts[group]!]
    for (let at = 0; at < items.length; at++) result[groups.order[from + at]!] = distinct[nearest(distinct, items[at]! / step)]! * step
  })
  return {
    data: result,
    quantization: {
      kind: 'codebook',
      bits,
      levels: distinct,
      scale,
      ...(axis === undefined ? {} : { axis }),
      ...(block ? { block } : {}),
    },
  }
}

/** Weights and first moments of values in units of their scale, summed up to each of many small bins. */
export interface Density {
  readonly low: number
  readonly width: number
  readonly weights: Float64Array
  readonly moments: Float64Array
}

/** Between two bins lies so little that a threshold may be rounded to one. */
const BINS = 1 << 16

/** A value weighs its scale's square: its share of the tensor's squared error. */
export function densityOf(members: readonly Float32Array[], scale: Float32Array): Density {
  let [low, high, top] = [0, 0, 0]
  members.forEach((items, group) => {
    const step = scale[group]!
    if (step > top) top = step
    for (const item of items) {
      if (item / step < low) low = item / step
      if (item / step > high) high = item / step
    }
  })
  const width = (high - low || 1) / BINS
  const weights = new Float64Array(BINS + 1)
  const moments = new Float64Array(BINS + 1)
  members.forEach((items, group) => {
    const step = scale[group]!
    const weight = (step / top) ** 2
    for (const item of items) {
      const value = item / step
      const bin = Math.min(BINS - 1, Math.floor((value - low) / width)) + 1
      weights[bin]! += weight
      moments[bin]! += weight * value
    }
  })
  for (let bin = 1; bin <= BINS; bin++) {
    weights[bin]! += weights[bin - 1]!
    moments[bin]! += moments[bin - 1]!
  }
  return { low, width, weights, moments }
}

/**
 * Lloyd's iteration: each level becomes the mean of the values nearest to it; 0 stays 0.
 * @param start ascending, 0 among them.
 */
export function lloyd({ low, width, weights, moments }: Density, start: Float64Array): Float64Array {
  const binOf = (value: number): number => Math.max(0, Math.min(BINS, Math.round((value - low) / width)))
  let levels = start
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const next = levels.slice()
    let [from, moved] = [0, 0]
    for (let level = 0; level < levels.length; level++) {
      const to = level + 1 < levels.length ? binOf((levels[level]! + levels[level + 1]!) / 2) : BINS
      const weight = weights[to]! - weights[from]!
      if (levels[level] !== 0 && weight > 0) next[level] = (moments[to]! - moments[from]!) / weight
      moved = Math.max(moved, Math.abs(next[level]! - levels[level]!))
      from = to
    }
    levels = next
    if (moved < 1e-6) break
  }
  return levels
}

/** At most 3 units from 0, and as far apart as the cube root of how many values are near says (Panter and Dite 1951); 0 is one of them. */
export function firstLevels({ low, width, weights }: Density, count: number): Float64Array {
  // In few wide cells, so that a cell that is empty by chance has its share.
  const cells = 64
  const [bottom, top] = [Math.max(-3, low), Math.min(3, low + width * BINS)]
  const cell = (top - bottom) / cells || 1
  const sums = new Float64Array(cells + 1)
  for (let at = 0; at < cells; at++) {
    const bins = [at, at + 1].map((edge) => Math.max(0, Math.min(BINS, Math.round((bottom + edge * cell - low) / width))))
    sums[at + 1] = sums[at]! + Math.cbrt(weights[bins[1]!]! - weights[bins[0]!]!)
  }
  const levels = Array.from({ length: count }, (_, at) => {
    const wanted = (sums[cells]! * (at + 0.5)) / count
    let below = 0
    while (below < cells - 1 && sums[below + 1]! < wanted) below++
    const share = sums[below + 1]! - sums[below]!
    return bottom + (below + (share > 0 ? (wanted - sums[below]!) / share : 0)) * cell
  })
  // On each side of 0 where there are values there is a level, or they would become 0.
  if (top > 0 && !(levels.at(-1)! > 0)) levels[count - 1] = top
  if (bottom < 0 && !(levels[0]! < 0)) levels[0] = bottom
  let middle = 1
  for (let at = 2; at < count - 1; at++) if (Math.abs(levels[at]!) < Math.abs(levels[middle]!)) middle = at
  levels[middle] = 0
  return Float64Array.from(new Set(levels)).sort()
}

function rootMeanSquare(items: Float32Array): number {
  let sum = 0
  for (const item of items) sum += item * item
  return sum === 0 ? 1 : roundUpToBfloat16(Math.max(Math.sqrt(sum / items.length), LEAST_SCALE))
}

/** The scale of least squares for the levels that values have now. */
function fittedScale(items: Float32Array, scale: number, levels: Float64Array): number {
  let [cross, square] = [0, 0]
  for (const item of items) {
    const level = levels[nearest(levels, item / scale)]!
    cross += level * item
    square += level * level
  }
  return cross > 0 && square > 0 ? roundUpToBfloat16(Math.max(cross / square, LEAST_SCALE)) : scale
}

/** By bisection; of two that are as near, the lower. */
export function nearest(levels: Float64Array | Float32Array, value: number): number {
  let [low, high] = [0, levels.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (value > (levels[middle]! + levels[middle + 1]!) / 2) low = middle + 1
    else high = middle
  }
  return low
}
