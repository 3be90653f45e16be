import { kMeans } from './kmeans.ts'

/** Levels that all members share, times a scale for each. */
export interface Codebook {
  /** Ascending. */
  readonly levels: Float32Array
  /** One for each member. */
  readonly scale: Float32Array
}

export interface CodebookOptions {
  /** How many levels there are at most. */
  readonly count: number
  /** Whether 0 is one of the levels. */
  readonly zero: boolean
  /** How much the squared error of each element of a member counts; all alike where it is not given. */
  readonly weights?: (member: number) => ArrayLike<number>
  /** Rounds a scale to one that may be stored; without it, all scales are 1. */
  readonly toScale?: (scale: number) => number
}

/** Times that levels are fitted to scales, and scales to levels. */
const TURNS = 4

/** Cells of the levels that are only on the way to others. */
const ROUGH = 512

/** A scale below this would not survive being multiplied with another. */
const LEAST_SCALE = 2 ** -100

/** Levels and scales of least squared error, improved in turn: the levels are those of {@link kMeans} for the scales that there are. */
export function fitCodebook(members: readonly Float32Array[], { count, zero, weights, toScale }: CodebookOptions): Codebook {
  const scale = Float32Array.from(members, (items) => (toScale ? toScale(rootMeanSquare(items)) : 1))
  const size = members.reduce((sum, { length }) => sum + length, 0)
  const units = new Float32Array(size)
  const shares = weights || toScale ? new Float64Array(size) : undefined
  for (let turn = 0; ; turn++) {
    const top = scale.reduce((a, b) => Math.max(a, b), 0)
    let at = 0
    members.forEach((items, member) => {
      const [step, own] = [scale[member]!, weights?.(member)]
      const share = (step / top) ** 2
      for (let index = 0; index < items.length; index++, at++) {
        units[at] = items[index]! / step
        if (shares) shares[at] = share * (own ? own[index]! : 1)
      }
    })
    const last = !toScale || turn === TURNS - 1
    const levels = kMeans(units, { count, zero, ...(shares ? { weights: shares } : {}), ...(last ? {} : { cells: ROUGH }) })
    if (last) return { levels, scale }
    members.forEach((items, member) => (scale[member] = fittedScale(items, scale[member]!, levels, weights?.(member), toScale)))
  }
}

function rootMeanSquare(items: Float32Array): number {
  let sum = 0
  for (const item of items) sum += item * item
  return sum === 0 ? 1 : Math.max(Math.sqrt(sum / items.length), LEAST_SCALE)
}

/** The scale of least squares for the levels that values have now. */
function fittedScale(
  items: Float32Array,
  scale: number,
  levels: Float32Array,
  weights: ArrayLike<number> | undefined,
  toScale: (scale: number) => number,
): number {
  let [cross, square] = [0, 0]
  for (let at = 0; at < items.length; at++) {
    const level = levels[nearestLevel(levels, items[at]! / scale)]!
    const weight = weights ? weights[at]! : 1
    cross += weight * level * items[at]!
    square += weight * level * level
  }
  return cross > 0 && square > 0 ? toScale(Math.max(cross / square, LEAST_SCALE)) : scale
}

/** By bisection; of two that are as near, the lower. */
export function nearestLevel(levels: ArrayLike<number>, value: number): number {
  let [low, high] = [0, levels.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (value > (levels[middle]! + levels[middle + 1]!) / 2) low = middle + 1
    else high = middle
  }
  return low
}
