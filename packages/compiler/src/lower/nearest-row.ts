import { type CostRow, type Node, kernelOf } from '@whittle/ir'

/** What a row of a cost table measured. */
export type Measured = Pick<CostRow, 'op' | 'kernel' | 'depthwise' | 'inputChannels' | 'outputChannels' | 'positions'>

/** Doublings of sizes beyond which a row says nothing of a node. */
const FAR = 6

/**
 * The row of a cost table that is nearest to a node with weights, and how many times its multiply-accumulates the node has.
 * @param shape the output's dims at a typical run.
 * @returns undefined where nothing is near.
 */
export function nearestRow<Row extends Measured>(
  node: Node,
  shape: readonly number[] | undefined,
  rows: readonly Row[],
): { row: Row; scale: number } | undefined {
  const kernel = kernelOf(node)
  if (!shape || !kernel) return undefined
  const { dims } = kernel.tensor
  const { outputAxis, inputAxis } = kernel
  // A weight that is packed does not say its channels by its dims.
  if (outputAxis === undefined || inputAxis === undefined) return undefined
  const outputChannels = dims[outputAxis]!
  const inputChannels = dims[inputAxis]!
  const taps = product(dims.slice(2))
  const positions = product(shape) / outputChannels
  const far = (row: Row): number =>
    Math.abs(Math.log2(row.inputChannels / inputChannels)) +
    Math.abs(Math.log2(row.outputChannels / outputChannels)) +
    0.5 * Math.abs(Math.log2(row.positions / positions)) +
    2 * Math.abs(Math.log2(product(row.kernel) / taps))
  const row = rows.filter(({ op }) => op === (node.type === 'Conv' ? 'Conv' : 'MatMul')).sort((a, b) => far(a) - far(b))[0]
  if (!row || far(row) > FAR) return undefined
  const macs = inputChannels * outputChannels * positions * taps
  return { row, scale: macs / (row.inputChannels * row.outputChannels * row.positions * product(row.kernel)) }
}

function product(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a * b, 1)
}
