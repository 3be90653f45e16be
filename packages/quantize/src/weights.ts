import { type IntegerQuantization, type ScaleGrid, rangeOf } from '@whittle/ir'
import { groupsOf, membersOf } from './groups.ts'
import { refineScale, refineZero } from './hqq.ts'
import { roundUpToBfloat16 } from '@whittle/statistics'
import type { RangeMethod } from './ranges.ts'

/** How a weight is cut into groups that share a scale, and how their grids are chosen. */
export interface WeightGrid extends ScaleGrid {
  /** 2 to 16. */
  readonly bits: number
  readonly range: RangeMethod
  /** false: a grid need not have its zero in the middle. @default true */
  readonly symmetric?: boolean
  /** `'hqq'` refines the grid for what most weights lose, whatever a few lose. @default 'nearest' */
  readonly rounding?: 'nearest' | 'hqq'
}

/** Scale and zero point of one group. */
export interface Grid {
  readonly scale: number
  readonly zero: number
}

/** Shrink factors that `range: 'mse'` tries for a symmetric grid, and for each end of another: 1 is the full range. */
const SHRINKS = Array.from({ length: 61 }, (_, step) => 1 - step * 0.01)
const END_SHRINKS = Array.from({ length: 31 }, (_, step) => 1 - step * 0.02)

/** A scale below this would not survive being multiplied with another. */
const LEAST_SCALE = 2 ** -100

/**
 * Rounds a weight to a grid of integers for each output channel or block (Jacob et al. 2018; Krishnamoorthi 2018, section 3.1).
 *
 * With `range: 'mse'` each scale is the one of 61 between 0.4 and 1 of the full range that gives the least squared error. Scales are rounded
 * up to bfloat16, which costs at most 0.4 % of a step and half of their bytes. Zeros stay zeros, except on an asymmetric grid that `'hqq'`
 * refined, whose zero point has fractions.
 * @returns the representable values nearest to `data`, and the grid.
 */
export function quantizeTensor(
  data: Float32Array,
  dims: readonly number[],
  grid: WeightGrid,
): { data: Float32Array; quantization: IntegerQuantization } {
  const { bits, axis, block, symmetric = true, rounding = 'nearest' } = grid
  const { min, max } = rangeOf({ bits, signed: symmetric })
  const groups = groupsOf(dims, grid)
  const scale = new Float32Array(groups.count)
  const zeroPoint = symmetric || rounding === 'nearest' ? new Int32Array(groups.count) : new Float32Array(groups.count)
  const rounded = new Float32Array(data.length)
  for (let group = 0; group < groups.count; group++) {
    const members = membersOf(data, groups, group)
    let chosen = symmetric ? { scale: chooseScale(members, max, grid.range), zero: 0 } : chooseEnds(members, max, grid.range)
    if (rounding === 'hqq') chosen = symmetric ? refineScale(members, chosen.scale, max) : refineZero(members, chosen, max)
    scale[group] = chosen.scale
    zeroPoint[group] = chosen.zero
    const [step, zero, from] = [scale[group]!, zeroPoint[group]!, groups.starts[group]!]
    for (let at = 0; at < members.length; at++) {
      const q = Math.max(min, Math.min(max, roundHalfEven(members[at]! / step + zero)))
      // As the stored form computes it: two float32 operations.
      rounded[groups.order[from + at]!] = Math.fround(q - zero) * step
    }
  }
  return {
    data: rounded,
    quantization: {
      kind: 'integer',
      bits,
      signed: symmetric,
      scale,
      zeroPoint,
      ...(axis === undefined ? {} : { axis }),
      ...(block ? { block } : {}),
    },
  }
}

/** A bfloat16, and the best of those that are tried. */
function chooseScale(members: Float32Array, max: number, range: RangeMethod): number {
  let largest = 0
  for (const item of members) largest = Math.max(largest, Math.abs(item))
  // A channel of zeros is exact with any scale.
  if (largest === 0) return 1
  const full = Math.max(largest / max, LEAST_SCALE)
  let best = roundUpToBfloat16(full)
  if (range === 'minmax') return best
  let least = Infinity
  for (const shrink of SHRINKS) {
    const step = roundUpToBfloat16(full * shrink)
    const error = squaredError(members, step, 0, -max, max, least)
    if (error >= least) continue
    least = error
    best = step
  }
  return best
}

/** The range from the least to the greatest member, 0 included; with `'mse'` each end moves inwards by itself. */
function chooseEnds(members: Float32Array, levels: number, range: RangeMethod): Grid {
  let [low, high] = [0, 0]
  for (const item of members) {
    if (item < low) low = item
    if (item > high) high = item
  }
  if (low === high) return { scale: 1, zero: 0 }
  const gridOf = (from: number, to: number): Grid => {
    const scale = roundUpToBfloat16(Math.max((to - from) / levels, LEAST_SCALE))
    return { scale, zero: Math.max(0, Math.min(levels, Math.round(-from / scale))) }
  }
  let best = gridOf(low, high)
  if (range === 'minmax') return best
  let least = squaredError(members, best.scale, best.zero, 0, levels, Infinity)
  let [lowShrink, highShrink] = [1, 1]
  for (const end of ['high', 'low'] as const)
    for (const shrink of END_SHRINKS) {
      const [a, b] = end === 'high' ? [lowShrink, shrink] : [shrink, highShrink]
      if (low * a === high * b) continue
      const grid = gridOf(low * a, high * b)
      const error = squaredError(members, grid.scale, grid.zero, 0, levels, least)
      if (error >= least) continue
      least = error
      best = grid
      ;[lowShrink, highShrink] = [a, b]
    }
  return best
}

/** Stops at `enough`. */
function squaredError(members: Float32Array, step: number, zero: number, min: number, max: number, enough: number): number {
  let error = 0
  for (let at = 0; at < members.length && error < enough; at++) {
    const item = members[at]!
    const q = Math.round(item / step + zero)
    const difference = item - ((q < min ? min : q > max ? max : q) - zero) * step
    error += difference * difference
  }
  return error
}

/** As ONNX's QuantizeLinear rounds. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value)
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}
