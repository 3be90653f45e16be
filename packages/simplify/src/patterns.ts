import { type Node, type NodeSpec, Tensor, type Value, constantOf } from '@whittle/ir'

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

/** The number of a constant of one element and of any type, such as an exponent. */
export function numberOf(value: Value | undefined): number | undefined {
  const tensor = constantOf(value)
  return tensor?.size === 1 && tensor.dims.length <= 1 && tensor.type !== 'string' ? tensor.toNumbers()[0] : undefined
}

/** The node of that type that alone reads `value`, with the constant that it meets there. */
export function constantAfter(value: Value | undefined, type: string): { node: Node; constant: Value } | undefined {
  if (!value || !isOwn(value)) return undefined
  const { node, index } = value.uses[0]!
  const constant = node.inputs[1 - index]
  if (node.type !== type || !constantOf(constant) || (type === 'Div' && index !== 0)) return undefined
  return { node, constant: constant! }
}

/**
 * Puts one node in the place of `end` and of the `inner` nodes that lead to it.
 * @returns false, and changes nothing, where they are of several graphs or anyone else reads what an inner node gives.
 */
export function fuse(end: Node, inner: Iterable<Node>, spec: () => Omit<NodeSpec, 'outputs' | 'before'>): boolean {
  const { graph } = end
  const [output] = end.outputs
  const all = new Set(inner).add(end)
  if (!output) return false
  const isClosed = (value: Value | undefined): boolean => !value || (!value.isOutput && value.uses.every((use) => all.has(use.node)))
  for (const node of all) if (node.graph !== graph || (node !== end && !node.outputs.every(isClosed))) return false
  const { name, shape, elementType, distribution } = output
  const fused = graph.addNode({ ...spec(), outputs: [name], before: end }).output
  fused.shape = shape
  fused.elementType = elementType
  fused.distribution = distribution
  graph.replaceUses(output, fused)
  // From the end to the start: a node leaves once nobody reads it.
  while (all.size > 0)
    for (const node of all)
      if (node.outputs.every((value) => !value || value.uses.length === 0)) {
        graph.removeNode(node)
        all.delete(node)
      }
  graph.model.rename(fused, name)
  return true
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
