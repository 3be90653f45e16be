import { type Node, Tensor, type Value, constantOf } from '@whittle/ir'

/** Small questions and edits that rules share. */

/** The producer of a value that nobody else reads. */
export function only(value: Value | undefined, type: string): Node | undefined {
  const producer = value?.producer
  return producer?.type === type && isOwn(value!) ? producer : undefined
}

/** Whether one node alone reads the value, in the same graph. */
export function isOwn(value: Value): boolean {
  return value.uses.length === 1 && !value.isOutput && value.uses[0]!.node.graph === value.graph
}

/** The two inputs of a commutative node, both ways round. */
export function both(node: Node): [Value, Value][] {
  const [a, b] = node.inputs
  return a && b
    ? [
        [a, b],
        [b, a],
      ]
    : []
}

/** The number of a float32 constant of one element that does not change the rank of what it meets. */
export function scalar(value: Value | undefined): number | undefined {
  const tensor = constantOf(value)
  if (!tensor || tensor.size !== 1 || tensor.dims.length > 1 || tensor.type !== 'float32') return undefined
  return tensor.toFloat32()[0]
}

/** Puts `tensor` in the place of a constant input, in a new initializer where others read the old one. */
export function setOwn(node: Node, index: number, tensor: Tensor, name: string): void {
  const value = node.inputs[index]
  const own = value && value.uses.length === 1 && value.tensor && !value.isInput && !value.isOutput && value.graph === node.graph
  if (own) node.graph.setTensor(value, tensor)
  else node.graph.setInput(node, index, node.graph.addInitializer(value ? `${value.name}_folded` : name, tensor))
}

/** Multiplies each slice of `axis` by its factor; one factor is for all. */
export function scaleAxis(tensor: Tensor, axis: number, factors: Float64Array): Tensor {
  const data = tensor.toFloat32()
  const inner = tensor.dims.slice(axis + 1).reduce((a, b) => a * b, 1)
  const size = tensor.dims[axis]!
  return Tensor.float32(
    tensor.dims,
    data.map((item, index) => item * factors[factors.length === 1 ? 0 : Math.floor(index / inner) % size]!),
  )
}

export function isFinite32(tensor: Tensor): boolean {
  return tensor.toFloat32().every(Number.isFinite)
}
