import { type Node, Tensor, constantOf, kernelOf } from '@whittle/ir'
import { scaleAxis, setOwn } from './patterns.ts'
import type { SimplifyRule } from './rule.ts'

/** The ops that a scale and a shift of each output channel can go into. */
const PRODUCERS: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm'])

/**
 * BatchNormalization at inference is `y = (x - mean) * scale / sqrt(var + epsilon) + bias` for each channel; after a Conv, ConvTranspose or
 * Gemm it goes into their kernel and bias (Jacob et al. 2018, section 3.2).
 */
export const batchNormalization: SimplifyRule = {
  name: 'batch-normalization',
  apply(model, report) {
    let changed = false
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        if (node.type !== 'BatchNormalization') continue
        const at = node.describe()
        const why = fold(node)
        if (why) report.skipped.push({ at, why })
        else {
          report.changed.push({ at, what: 'folded into the node before it' })
          changed = true
        }
      }
    return changed
  },
}

/** Folds one node; the reason where that is impossible. */
function fold(node: Node): string | undefined {
  const [input] = node.inputs
  const producer = input?.producer
  if (node.int('training_mode', 0) === 1) return 'it is in training mode'
  if (!producer || !PRODUCERS.has(producer.type) || producer.graph !== node.graph) return 'no Conv, ConvTranspose or Gemm gives its input'
  if (input.uses.length > 1 || input.isOutput) return 'others read its input too'
  if (node.outputs.slice(1).some((output) => output && (output.uses.length > 0 || output.isOutput))) return 'its statistics are read'
  if (producer.type === 'ConvTranspose' && producer.int('group', 1) !== 1) return 'its ConvTranspose has groups'
  if (producer.type === 'Gemm' && (producer.float('alpha', 1) !== 1 || producer.float('beta', 1) !== 1)) return 'its Gemm has factors'
  const statistics = node.inputs.slice(1, 5).map((value) => value && constantOf(value))
  const { tensor: kernel, outputAxis: axis } = kernelOf(producer) ?? {}
  const biasValue = producer.inputs[2]
  const bias = biasValue && constantOf(biasValue)
  if (!kernel || statistics.some((tensor) => !tensor) || (biasValue && !bias)) return 'its parameters are not constants'
  if ([kernel, bias, ...statistics].some((tensor) => tensor && tensor.type !== 'float32')) return 'its parameters are not float32'
  const [scale, shift, mean, variance] = statistics.map((tensor) => tensor!.toFloat32())
  const channels = scale!.length
  if (axis === undefined || kernel.dims[axis] !== channels) return 'its channels differ from those of the kernel'
  if (bias && (bias.size !== channels || bias.dims.at(-1) !== channels)) return 'the bias before it has another size'

  const epsilon = node.float('epsilon', 1e-5)
  const factors = Float64Array.from(scale!, (item, channel) => item / Math.sqrt(variance![channel]! + epsilon))
  const oldBias = bias?.toFloat32()
  const newBias = Float32Array.from(factors, (factor, channel) => ((oldBias?.[channel] ?? 0) - mean![channel]!) * factor + shift![channel]!)
  const newKernel = scaleAxis(kernel, axis, factors)
  if (![newBias, newKernel.toFloat32()].every((data) => data.every(Number.isFinite))) return 'folding it would overflow'
  const graph = node.graph
  setOwn(producer, 1, newKernel, `${producer.name}_kernel`)
  const biasTensor = Tensor.float32([channels], newBias)
  setOwn(producer, 2, biasTensor, shiftName(node))
  graph.replaceUses(node.output, producer.output)
  graph.removeNode(node)
  return undefined
}

function shiftName(node: Node): string {
  return node.inputs[2]?.name ?? `${node.name}_bias`
}
