import type { Model, Report } from '@whittle/ir'
import { addBias } from '@whittle/statistics'
import { throughKernel } from './absorb.ts'
import { statisticsOf } from './batch-statistics.ts'
import { inputSide, outputSide } from './channels.ts'

/**
 * Bias correction without data (Nagel et al. 2019, section 4.2): rounding moves the mean of a layer's outputs by `(round(W) - W) E[x]`, and
 * the statistics of BatchNormalization say what E[x] is, behind a ReLU by the closed form of the clipped normal distribution. Call it before the
 * weights are rounded; what it gives, after.
 * @returns takes the shifts out of the biases.
 */
export function expectedCorrection(model: Model): (report: Report) => void {
  const statistics = statisticsOf(model)
  const layers = model.graph.nodes.flatMap((node) => {
    const mean = node.inputs[0] && statistics.get(node.inputs[0])?.mean
    if (!mean || node.type === 'MatMul') return []
    const [input, output] = [inputSide(node), outputSide(node)]
    if (typeof input === 'string' || typeof output === 'string' || input.channels !== mean.length) return []
    return [{ input, output, mean, before: input.kernel.tensor! }]
  })
  return (report) => {
    let count = 0
    for (const { input, output, mean, before } of layers) {
      const after = input.kernel.tensor!
      if (after === before) continue
      const next = after.toFloat32()
      const lost = before.toFloat32().map((item, index) => item - next[index]!)
      addBias(input.node, throughKernel(lost, input, output, mean))
      count++
    }
    if (count > 0)
      report.changed.push({ at: 'graph', what: `the shift of the mean is taken out of the bias of ${count} layers, by statistics` })
  }
}
