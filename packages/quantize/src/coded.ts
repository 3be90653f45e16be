import { type IntegerQuantization, type ScaleGrid } from '@whittle/ir'
import { groupsOf, membersOf } from './groups.ts'
import { roundUpToBfloat16 } from '@whittle/statistics'

export interface CodedGrid extends ScaleGrid {
  /** Bits that a weight takes on average once its integers are coded by how often each comes; 2 to 8, fractions too. */
  readonly bits: number
}

const MAX = 127
/** As elsewhere: a scale below this would not survive being multiplied with another. */
const LEAST_SCALE = 2 ** -100
const BISECTIONS = 16

/**
 * Rounds a weight to even steps that are a share of each channel's root mean square, the same share for the whole tensor, and cuts nothing off:
 * after entropy coding, that keeps more than a grid of as many bits that ends at the largest weights (Gish and Pierce 1968). The share is the least
 * with which the integers' entropy is not over `bits`. They need more bits than that, at most 8; who downloads brotli does not pay for them.
 * @returns the representable values nearest to `data`, and the grid.
 */
export function codeTensor(
  data: Float32Array,
  dims: readonly number[],
  grid: CodedGrid,
): { data: Float32Array; quantization: IntegerQuantization } {
  const { bits, axis, block } = grid
  const groups = groupsOf(dims, grid)
  const members = Array.from({ length: groups.count }, (_, group) => membersOf(data, groups, group))
  const spreads = members.map(spreadOf)
  const stepOf = (group: number, share: number): number => {
    const { deviation, largest } = spreads[group]!
    return largest === 0 ? 1 : roundUpToBfloat16(Math.max(deviation * share, largest / MAX, LEAST_SCALE))
  }
  // Between two shares of which one gives too many bits and the other does not.
  let [low, high] = [2 ** -8, 8]
  for (let step = 0; step < BISECTIONS; step++) {
    const middle = Math.sqrt(low * high)
    if (entropyOf(members, (group) => stepOf(group, middle)) > bits) low = middle
    else high = middle
  }
  const scale = Float32Array.from(members, (_, group) => stepOf(group, high))
  const rounded = new Float32Array(data.length)
  let most = 1
  members.forEach((items, group) => {
    const [step, from] = [scale[group]!, groups.starts[group]!]
    for (let at = 0; at < items.length; at++) {
      const q = integerOf(items[at]!, step)
      if (Math.abs(q) > most) most = Math.abs(q)
      rounded[groups.order[from + at]!] = q * step
    }
  })
  return {
    data: rounded,
    quantization: {
      kind: 'integer',
      bits: Math.ceil(Math.log2(most + 1)) + 1,
      signed: true,
      scale,
      zeroPoint: new Int32Array(groups.count),
      ...(axis === undefined ? {} : { axis }),
      ...(block ? { block } : {}),
    },
  }
}

function spreadOf(items: Float32Array): { deviation: number; largest: number } {
  let [sum, largest] = [0, 0]
  for (const item of items) {
    sum += item * item
    largest = Math.max(largest, Math.abs(item))
  }
  return { deviation: Math.sqrt(sum / items.length), largest }
}

/** Bits that an element's integer takes on average for a coder that knows how often each comes. */
export function entropyOf(members: readonly Float32Array[], stepOf: (group: number) => number): number {
  const counts = new Float64Array(2 * MAX + 1)
  let total = 0
  members.forEach((items, group) => {
    const step = stepOf(group)
    for (let at = 0; at < items.length; at++) counts[integerOf(items[at]!, step) + MAX]!++
    total += items.length
  })
  let sum = 0
  for (const count of counts) if (count > 0) sum += count * Math.log2(total / count)
  return sum / total
}

function integerOf(value: number, step: number): number {
  const q = Math.round(value / step)
  return q < -MAX ? -MAX : q > MAX ? MAX : q
}
