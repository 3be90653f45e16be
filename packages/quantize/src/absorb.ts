import type { Model, Node, Report } from '@whittle/ir'
import { addBias } from '@whittle/statistics'
import { type Link, type Side, linkBehind, outputSide } from './channels.ts'

/** Deviations below the mean over which what is absorbed may reach: 0.13 % of a normal number's values lie lower. */
const REACH = 3

/**
 * High-bias absorption (Nagel et al. 2019, section 4.1.3): a channel that BatchNormalization's statistics say is at least `c = mean - 3 deviations
 * > 0` before a ReLU is as good as linear there. `c` is taken out of the bias before it and added, through the kernel, to the bias behind, so that
 * the activation between them has a smaller range. Where values below `c` do occur, the function changes by what the ReLU then cuts off.
 *
 * A layer behind that has padding is left alone: its border is 0, and would be `-c`.
 */
export function absorbBiases(model: Model, report: Report): void {
  for (const node of model.nodes()) {
    const { distribution } = node.outputs[0] ?? {}
    if (!distribution) continue
    const link = linkBehind(node)
    if (typeof link === 'string' || !isReluAlone(link) || !isPlain(node) || !link.consumers.every((side) => takesBias(side.node))) continue
    const absorbed = Float64Array.from(distribution.mean, (mean, channel) => Math.max(0, mean - REACH * distribution.deviation[channel]!))
    const count = absorbed.reduce((sum, item) => sum + (item > 0 ? 1 : 0), 0)
    if (count === 0) continue
    const known = link.consumers.map(({ node: { output } }) => ({ output, distribution: output.distribution }))
    addBias(
      node,
      Float32Array.from(absorbed, (item) => -item),
    )
    for (const side of link.consumers)
      addBias(side.node, throughKernel(side.kernel.tensor!.toFloat32(), side, outputSide(side.node) as Side, absorbed))
    // What they give is the same.
    for (const { output, distribution: own } of known) output.distribution = own
    const mean = distribution.mean.map((item, channel) => item - absorbed[channel]!)
    node.output.distribution = { mean, deviation: distribution.deviation }
    report.changed.push({ at: node.describe(), what: `the high biases of ${count} channels go to the layers behind it` })
  }
}

function isPlain(node: Node): boolean {
  return node.type !== 'Gemm' || (node.float('alpha', 1) === 1 && node.float('beta', 1) === 1)
}

/** Nothing but one Relu is on the way. */
function isReluAlone({ node, values }: Link): boolean {
  const [use, ...others] = node.output.uses
  return values.length === 2 && others.length === 0 && use!.node.type === 'Relu'
}

/** Whether what is added to all of a layer's inputs can be added to its bias. */
function takesBias(node: Node): boolean {
  if (typeof outputSide(node) === 'string') return false
  if (node.type === 'Gemm') return isPlain(node)
  const automatic = node.string('auto_pad', 'NOTSET')
  return node.type === 'Conv' && (automatic === 'VALID' || (automatic === 'NOTSET' && (node.ints('pads') ?? []).every((pad) => pad === 0)))
}

/** What a kernel gives of inputs that are constant in each channel. */
export function throughKernel(kernel: Float32Array, input: Side, output: Side, means: Float64Array): Float32Array {
  const sums = new Float64Array(output.channels)
  kernel.forEach((item, index) => (sums[output.channelOf(index)]! += item * means[input.channelOf(index)]!))
  return Float32Array.from(sums)
}
