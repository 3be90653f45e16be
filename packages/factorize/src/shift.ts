import { type Node, Tensor, type Value, constantOf } from '@whittle/ir'
import { addBias, takesBias } from '@whittle/statistics'

/**
 * What adds to the mean of a layer's outputs: to its own bias, or to the constant row that is added behind a MatMul. Undefined where there is neither, and
 * the error about zero counts.
 */
export function meanOf(node: Node, outputs: number): ((added: Float32Array) => void) | undefined {
  if (node.type === 'Gather') return undefined
  if (takesBias(node)) return !node.inputs[2] || isRow(node.inputs[2], outputs) ? (added) => addBias(node, added) : undefined
  const [output] = node.outputs
  const [use, ...others] = output?.uses ?? []
  if (!output || output.isOutput || !use || others.length > 0 || use.node.type !== 'Add' || use.node.graph !== node.graph) return undefined
  const row = use.node.inputs[1 - use.index]
  if (!row || !isRow(row, outputs) || !row.tensor || row.uses.length > 1 || row.isOutput || row.graph !== node.graph) return undefined
  return (added) => {
    const { dims } = row.tensor!
    node.graph.setTensor(
      row,
      Tensor.float32(
        dims,
        row.tensor!.toFloat32().map((item, at) => item + added[at]!),
      ),
    )
  }
}

function isRow(value: Value, outputs: number): boolean {
  const tensor = constantOf(value)
  return tensor?.type === 'float32' && tensor.size === outputs && tensor.dims.at(-1) === outputs
}
