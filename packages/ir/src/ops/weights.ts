import type { Node, Value } from '../graph.ts'
import type { Model } from '../model.ts'
import type { Tensor } from '../tensor.ts'
import { constantOf } from './constant.ts'
import type { WeightRole, WeightSlot } from './row.ts'
import { opRow } from './table.ts'

/** A constant tensor in one of the places that the op table marks as learned. */
export interface Weight {
  value: Value
  /** The constant's elements: `constantOf(value)`. */
  tensor: Tensor
  node: Node
  /** Index of the node's input. */
  input: number
  role: WeightRole
  /** Undefined where the tensor has no such axis. */
  outputAxis: number | undefined
  inputAxis: number | undefined
}

/** The weights of a model, subgraphs included, in the order of the nodes. A value that several nodes read is listed once per use. */
export function weightsOf(model: Model): Weight[] {
  return [...model.nodes()].flatMap(weightsOfNode)
}

/** The kernel that a layer multiplies its data with: the constant in the second input of Conv, Gemm, MatMul and their like. */
export function kernelOf(node: Node): Weight | undefined {
  return weightsOfNode(node).find(({ input, role }) => input === 1 && role === 'kernel')
}

/** The weights of one node. */
export function weightsOfNode(node: Node): Weight[] {
  const weights: Weight[] = []
  for (const slot of opRow(node)?.weights ?? []) {
    const value = node.inputs[slot.input]
    const tensor = constantOf(value)
    if (!value || !tensor || !isLearned(tensor, slot)) continue
    const { input, role } = slot
    const rank = tensor.dims.length
    weights.push({
      value,
      tensor,
      node,
      input,
      role,
      outputAxis: inside(slot.outputAxis?.(node), rank),
      inputAxis: inside(slot.inputAxis?.(node), rank),
    })
  }
  return weights.sort((a, b) => a.input - b.input)
}

/** Wide integers and truth values are indices and shapes, not weights; int32 is the bias of quantized ops. */
function isLearned(tensor: Tensor, slot: WeightSlot): boolean {
  if (tensor.type === 'int32') return slot.role === 'bias'
  return !['int64', 'uint64', 'uint32', 'bool', 'string'].includes(tensor.type)
}

function inside(axis: number | undefined, rank: number): number | undefined {
  return axis !== undefined && axis >= 0 && axis < rank ? axis : undefined
}
