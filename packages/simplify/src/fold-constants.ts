import { Model, type Node, type Tensor, type Value, constantOf, messageOf, opRow } from '@whittle/ir'
import type { SimplifyRule } from './rule.ts'

/** Ops whose constant form must stay: they are how a compressed model stores its weights. */
const KEPT = new Set(['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear'])
/** The largest constant that folding may make out of less. */
const MAX_GROWTH_BYTES = 1 << 20

/** What depends on constants alone is computed once, by the engine. Nodes with subgraphs, random ops and (de)quantization stay. */
export const foldConstants: SimplifyRule = {
  name: 'fold-constants',
  async apply(model, report, context) {
    let changed = false
    for (const graph of model.graphs()) {
      const nodes = graph.nodes.filter(isFoldable)
      if (nodes.length === 0) continue
      if (!context.engine) {
        report.skipped.push({ at: graph.name, why: `${nodes.length} nodes of constants stay: folding them needs an engine` })
        continue
      }
      for (const node of nodes) {
        try {
          const tensors = await evaluate(node, context.engine)
          const before = node.inputs.reduce((sum, input) => sum + (input ? (constantOf(input)?.bytes().byteLength ?? 0) : 0), 0)
          const after = tensors.reduce((sum, tensor) => sum + tensor.bytes().byteLength, 0)
          if (after > before + MAX_GROWTH_BYTES || isUnpacking(node, before, after)) {
            report.skipped.push({ at: node.describe(), why: `its constant would take ${after} bytes in place of ${before}` })
            continue
          }
          const at = node.describe()
          let index = 0
          for (const output of node.outputs)
            if (output) graph.replaceUses(output, graph.addInitializer(`${output.name}`, tensors[index++]!))
          graph.removeNode(node)
          report.changed.push({ at, what: 'computed at build time' })
          changed = true
        } catch (error) {
          report.skipped.push({ at: node.describe(), why: `the engine could not compute it: ${messageOf(error)}` })
        }
      }
    }
    return changed
  },
}

function isFoldable(node: Node): boolean {
  if (node.inputs.length === 0 || node.type === 'Constant' || KEPT.has(node.op) || node.subgraphs.length > 0) return false
  if (opRow(node)?.deterministic === false || !opRow(node)) return false
  // An output of the graph keeps its node; strings stay where they are.
  if (node.outputs.some((output) => output && (output.isOutput || output.opaqueType !== undefined))) return false
  return node.inputs.every((input) => {
    if (!input) return true
    const tensor = input.tensor
    return tensor !== undefined && !input.isInput && tensor.type !== 'string'
  })
}

/** Whether a node turns weights that are stored in fewer bits into floats: folding it would undo a compression. */
function isUnpacking(node: Node, before: number, after: number): boolean {
  return node.op === 'Cast' && after > before && after > 1024
}

async function evaluate(node: Node, engine: NonNullable<Parameters<SimplifyRule['apply']>[2]['engine']>): Promise<Tensor[]> {
  const model = new Model('constants')
  model.opsets.clear()
  for (const [domain, version] of node.graph.model.opsets) model.opsets.set(domain, version)
  const inputs: Record<string, Tensor> = {}
  const values = new Map<Value, Value>()
  for (const input of node.inputs)
    if (input && !values.has(input)) {
      const copy = model.graph.addInput(`input_${values.size}`, input.tensor!.type, [...input.tensor!.dims])
      values.set(input, copy)
      inputs[copy.name] = input.tensor!
    }
  const copy = model.graph.addNode({
    op: node.op,
    domain: node.domain,
    inputs: node.inputs.map((input) => input && values.get(input)!),
    outputs: node.outputs.map((output, index) => (output ? `output_${index}` : '')),
    attributes: node.attributes,
  })
  for (const [index, output] of copy.outputs.entries())
    if (output) {
      output.elementType = node.outputs[index]!.elementType
      model.graph.addOutput(output)
    }
  const session = await engine.open(model)
  try {
    const outputs = await session.run(inputs)
    return copy.outputs.filter((output) => output !== undefined).map((output) => outputs[output.name]!)
  } finally {
    await session.dispose()
  }
}
