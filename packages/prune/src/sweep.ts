import type { Inputs } from '@whittle/statistics'

/** Columns whose weights are chosen together, before the sweep goes through them. */
const BLOCK = 128

/**
 * Removes `count` of the rows' weights in one sweep from the first column to the last, each making the weights behind it take over what it
 * did: SparseGPT (Frantar & Alistarh 2023, algorithm 1). In each block of columns those go that cost least as the weights then are, and every block
 * loses the same share. A row costs `n^2 / 2` where exact greedy removal costs `n^3 / 3`.
 * @param rows each of `inputs.size` weights.
 * @returns the new rows, and the mean squared errors of their outputs.
 */
export function sweep(
  rows: readonly Float32Array[],
  { size, upper }: Inputs,
  count: number,
): { rows: Float32Array[]; errors: Float64Array } {
  let removed = 0
  return sweepBlocks(rows, upper, BLOCK, (costs, to) => {
    const goal = Math.round((count * to) / size)
    const order = Uint32Array.from(costs.keys()).sort((a, b) => costs[a]! - costs[b]! || a - b)
    const chosen = order.subarray(0, goal - removed)
    removed = goal
    return chosen
  })
}

/**
 * The sweep, block of columns by block.
 * @param upper the upper factor of the inverse of the inputs' moments.
 * @param choose which of a block's weights go: gets what each costs, row by row, and the column behind the block.
 */
export function sweepBlocks(
  rows: readonly Float32Array[],
  upper: Float64Array,
  width: number,
  choose: (costs: Float64Array, to: number) => Iterable<number>,
): { rows: Float32Array[]; errors: Float64Array } {
  const size = rows[0]!.length
  const weights = rows.map((row) => Float64Array.from(row))
  const errors = new Float64Array(rows.length)
  for (let from = 0; from < size; from += width) {
    const to = Math.min(size, from + width)
    const columns = to - from
    const costs = new Float64Array(rows.length * columns)
    weights.forEach((row, at) => {
      for (let index = from; index < to; index++) costs[at * columns + index - from] = (row[index]! / upper[index * size + index]!) ** 2
    })
    const gone = new Uint8Array(costs.length)
    for (const at of choose(costs, to)) gone[at] = 1
    weights.forEach((row, at) => {
      for (let index = from; index < to; index++) {
        if (!gone[at * columns + index - from]) continue
        const base = index * size
        const error = row[index]! / upper[base + index]!
        errors[at]! += error * error
        for (let j = index; j < size; j++) row[j]! -= error * upper[base + j]!
        row[index] = 0
      }
    })
  }
  return { rows: weights.map((row) => Float32Array.from(row)), errors }
}
