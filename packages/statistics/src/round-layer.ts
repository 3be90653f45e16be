import { type Node, Tensor, type Weight } from '@whittle/ir'
import { whyNoGram } from './gram.ts'
import { type LayerMoments, power } from './moments.ts'
import { addBias, elementsOf } from './rows.ts'

/** A row of weights as it will be stored. */
export interface ShortRow {
  readonly values: Float32Array
  /** `(w - values)' H (w - values)`: what rounding adds to the output's squared error. */
  readonly error: number
}

/** Why the rows of a weight cannot be rounded on what its layer is fed with; undefined where they can. */
export function whyNoRows({ node, input, value, outputAxis }: Weight): string | undefined {
  if (input !== 1 || outputAxis === undefined) return 'it is not the kernel of a Conv, Gemm or MatMul'
  if (value.uses.length > 1) return 'several nodes share it'
  return whyNoGram(node)
}

/**
 * Gives a kernel its rounded rows. What rounding does to the mean of an output goes into the layer's bias where it can have one, and the bias keeps
 * only the bits that the noise of rounding does not hide.
 * @returns the signal to noise ratio of the layer's output, in dB.
 */
export function replaceRows(
  weight: Weight,
  rows: readonly Float32Array[],
  rounded: readonly ShortRow[],
  { groupOf, hasBias }: LayerMoments,
): number {
  const { value, node, tensor } = weight
  const shifts = new Float32Array(rows.length)
  let [signal, noise] = [0, 0]
  rounded.forEach(({ values, error }, index) => {
    const { gram, moments } = groupOf(index)
    const row = rows[index]!
    if (hasBias) shifts[index] = values.reduce((sum, item, at) => sum + (row[at]! - item) * gram.mean[at]!, 0)
    noise += error
    signal += power(moments, row)
  })
  value.graph.setTensor(
    value,
    Tensor.float32(
      tensor.dims,
      elementsOf(
        weight,
        rounded.map(({ values }) => values),
      ),
    ),
  )
  if (hasBias) {
    addBias(node, shifts)
    shortenBias(node, rounded)
  }
  return signal > 0 ? 10 * Math.log10(signal / Math.max(noise, signal * 1e-12)) : 120
}

/**
 * Rounds the bias to steps that hide in the noise of rounding the weights: a power of two of at most half its standard deviation adds at most
 * 2 % to its power, and leaves few bits of the mantissa to download.
 */
function shortenBias(node: Node, rows: readonly ShortRow[]): void {
  const bias = node.inputs[2]
  if (bias?.tensor?.type !== 'float32' || bias.uses.length > 1 || bias.isInput || bias.isOutput || bias.tensor.size !== rows.length) return
  const data = bias.tensor.toFloat32().map((item, index) => {
    const { error } = rows[index]!
    if (!(error > 0)) return item
    const step = 2 ** Math.floor(Math.log2(Math.sqrt(error) / 2))
    return Math.round(item / step) * step
  })
  node.graph.setTensor(bias, Tensor.float32(bias.tensor.dims, data))
}
