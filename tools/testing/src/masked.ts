import { type Model, Tensor, type Value, weightsOfNode } from '@whittle/ir'

/** Ops that give nothing where an operand is zero, or pass a zero on. */
const LINEAR = new Set([
  'Add',
  'Sub',
  'Mul',
  'Sum',
  'Concat',
  'Slice',
  'Gather',
  'Reshape',
  'Transpose',
  'Unsqueeze',
  'Squeeze',
  'MatMul',
  'Einsum',
])

/**
 * A copy in which learned constants are zero wherever `kept` leaves an index out; what divides (a variance, a divisor) stays.
 * @param kept by value and axis, the indices that stay.
 */
export function masked(model: Model, kept: ReadonlyMap<Value, ReadonlyMap<number, readonly number[]>>): Model {
  const byName = new Map([...kept].map(([value, axes]) => [value.name, axes]))
  const copy = model.clone()
  for (const value of copy.initializers()) {
    const axes = byName.get(value.name)
    if (!axes || !value.uses.every(({ node, index }) => isLinear(value, index, node))) continue
    const { dims } = value.tensor!
    const data = value.tensor!.toFloat32().slice()
    for (const [axis, indices] of axes) {
      const stays = new Set(indices)
      const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1)
      data.forEach((_, at) => {
        if (!stays.has(Math.floor(at / inner) % dims[axis]!)) data[at] = 0
      })
    }
    value.graph.setTensor(value, Tensor.float32(dims, data))
  }
  return copy
}

function isLinear(value: Value, index: number, node: Parameters<typeof weightsOfNode>[0]): boolean {
  const weight = weightsOfNode(node).find((other) => other.input === index && other.value === value)
  return weight ? weight.role !== 'statistics' : LINEAR.has(node.type)
}
