import { type Model, type Node, type Report, Tensor, type Value, constantOf, opRow } from '@whittle/ir'

/** Ops that compute in integers, or with weights in a form of their own. */
const QUANTIZED = /^(com\.microsoft\.)?(QLinear|.*Integer|DynamicQuantize|MatMulNBits|.*BlockQuantized|QGemm|QAttention|MatMulBnb4)/

/** Names the nodes that the source has in a quantized form already: they stay as they are. */
export function reportQuantized(model: Model, report: Report): void {
  for (const node of model.nodes())
    if (isQuantized(node)) report.skipped.push({ at: node.describe(), why: 'quantized in the source: left as it is' })
}

/** Whether a node computes in integers, or reads a weight that DequantizeLinear unfolds. */
export function isQuantized(node: Node): boolean {
  if (QUANTIZED.test(node.type)) return true
  return (opRow(node)?.weights ?? []).some(({ input, role }) => {
    const producer = node.inputs[input]?.producer
    return role !== 'bias' && producer?.type === 'DequantizeLinear' && constantOf(producer.inputs[0]) !== undefined
  })
}

const HALF_TYPES = new Set(['float16', 'bfloat16', 'float64'])

/**
 * Weights that the source stores in another float type and casts to float32 become float32 constants, so that they are rounded once and stored
 * in fewer bits.
 */
export function unfoldStoredWeights(model: Model): void {
  for (const node of [...model.nodes()]) {
    for (const { input } of opRow(node)?.weights ?? []) {
      const cast = node.inputs[input]?.producer
      if (cast?.type !== 'Cast' || cast.int('to') !== 1) continue
      const stored = constantOf(cast.inputs[0])
      if (!stored || !HALF_TYPES.has(stored.type) || cast.output.isOutput) continue
      unfold(cast, Tensor.float32(stored.dims, stored.toFloat32()))
    }
  }
}

function unfold(cast: Node, tensor: Tensor): void {
  const { graph, output } = cast
  const source = cast.inputs[0]
  graph.replaceUses(output, graph.addInitializer(output.name, tensor))
  graph.removeNode(cast)
  if (source && isFree(source)) source.graph.removeInitializer(source)
}

function isFree(value: Value): boolean {
  return value.tensor !== undefined && !value.isInput && value.uses.length === 0 && !value.isOutput
}
