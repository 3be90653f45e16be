import { type ScaleGrid, scaleDims, scaleIndices } from '@whittle/ir'

/** The elements of a tensor, sorted by the scale that they share. */
export interface Groups {
  readonly count: number
  /** The elements' places in the tensor, those of a group together and ascending. */
  readonly order: Uint32Array
  /** Where each group starts in `order`, and where the last one ends. */
  readonly starts: Uint32Array
}

/** Sorts by counting: linear time, and the same order each time. */
export function groupsOf(dims: readonly number[], grid: ScaleGrid): Groups {
  const count = scaleDims(dims, grid).reduce((a, b) => a * b, 1)
  const indices = scaleIndices(dims, grid)
  const starts = new Uint32Array(count + 1)
  for (const index of indices) starts[index + 1]!++
  for (let group = 0; group < count; group++) starts[group + 1]! += starts[group]!
  const next = starts.slice(0, count)
  const order = new Uint32Array(indices.length)
  for (let element = 0; element < indices.length; element++) order[next[indices[element]!]!++] = element
  return { count, order, starts }
}

/** The members of a group, one after another. */
export function membersOf(data: Float32Array, { order, starts }: Groups, group: number): Float32Array {
  const from = starts[group]!
  const members = new Float32Array(starts[group + 1]! - from)
  for (let at = 0; at < members.length; at++) members[at] = data[order[from + at]!]!
  return members
}
