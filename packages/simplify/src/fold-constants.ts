import { type Engine, Model, type Node, type Report, type Tensor, type Value, constantOf, messageOf, opRow } from '@whittle/ir'
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
      let waiting = 0
      // In order, so that a chain of constants folds in one pass.
      for (const node of [...graph.nodes]) {
        if (!isFoldable(node)) continue
        if (!context.engine) waiting++
        else if (await fold(node, context.engine, report)) changed = true
      }
      if (waiting > 0) report.skipped.push({ at: graph.name, why: `${waiting} nodes of constants stay: folding them needs an engine` })
    }
    return changed
  },
}

/** Folds one node, or says why not. */
async function fold(node: Node, engine: Engine, report: Report): Promise<boolean> {
  const at = node.describe()
  let tensors: Tensor[]
  try {
    tensors = await evaluate(node, engine)
  } catch (error) {
    report.skipped.push({ at, why: `the engine could not compute it: ${messageOf(error)}` })
    return false
  }
  const before = bytesOf(node.inputs.flatMap((input) => constantOf(input) ?? []))
  const after = bytesOf(tensors)
  if (after > before + MAX_GROWTH_BYTES || isUnpacking(node, before, after)) {
    report.skipped.push({ at, why: `its constant would take ${after} bytes in place of ${before}` })
    return false
  }
  let index = 0
  for (const output of node.outputs) if (output) node.graph.replaceUses(output, node.graph.addInitializer(output.name, tensors[index++]!))
  node.graph.removeNode(node)
  report.changed.push({ at, what: 'computed at build time' })
  return true
}

function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, tensor) => sum + tensor.bytes().byteLength, 0)
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

async function evaluate(node: Node, engine: Engine): Promise<Tensor[]> {
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
