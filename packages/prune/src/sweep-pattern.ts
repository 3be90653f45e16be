import { type Inputs, upperOf } from '@whittle/statistics'
import { LARGEST_GREEDY, reconstruct } from './remove.ts'
import { sweepBlocks } from './sweep.ts'

/** Of every `of` neighbours along the input channels `keep` are kept. */
export interface Pattern {
  readonly keep: number
  readonly of: number
}

/**
 * Removes weights in an N:M pattern: SparseGPT's sweep (Frantar & Alistarh 2023, section 3.4), in which of every group those go that cost least as
 * the weights then are, and the others make up for them; short rows by least squares at the end. A last group shorter than `of` is left alone.
 * @param taps of the kernel: a row holds them channel by channel.
 */
export function sweepPattern(rows: readonly Float32Array[], inputs: Inputs, { keep, of }: Pattern, taps: number): Float32Array[] {
  const { size, matrix } = inputs
  const channels = size / taps
  const whole = channels - (channels % of)
  // Tap by tap, so that neighbours along the channels are neighbours; the channels that are left alone come last and take over what they can.
  const places = Array.from({ length: size }, (_, at) => ({ tap: Math.floor(at / channels), channel: at % channels }))
  const order = [...places.filter(({ channel }) => channel < whole), ...places.filter(({ channel }) => channel >= whole)].map(
    ({ tap, channel }) => channel * taps + tap,
  )
  const moved = Float64Array.from({ length: size * size }, (_, at) => matrix[order[Math.floor(at / size)]! * size + order[at % size]!]!)
  const swept = sweepBlocks(
    rows.map((row) => Float32Array.from(order, (from) => row[from]!)),
    upperOf(moved, size),
    of,
    (costs, to) => (to <= whole * taps ? cheapestOfEach(costs, of, of - keep) : []),
  )
  return swept.rows.map((row, at) => {
    const removed = Uint32Array.from(order.filter((_, index) => index < whole * taps && row[index] === 0))
    if (size <= LARGEST_GREEDY) return reconstruct(rows[at]!, removed, inputs)
    const result = new Float32Array(size)
    order.forEach((to, index) => (result[to] = row[index]!))
    return result
  })
}

/** The `count` cheapest of each `width` that follow one another. */
function* cheapestOfEach(costs: Float64Array, width: number, count: number): Generator<number> {
  for (let from = 0; from < costs.length; from += width) {
    const group = Array.from({ length: width }, (_, at) => from + at)
    yield* group.sort((a, b) => costs[a]! - costs[b]! || a - b).slice(0, count)
  }
}
