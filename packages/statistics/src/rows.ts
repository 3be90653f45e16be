import { type Graph, type Node, Tensor, type Weight, constantOf } from '@whittle/ir'

/** One row of weights for each output channel. A kernel whose output channels come last is a matrix. */
export function rowsOf({ tensor, outputAxis }: Weight): Float32Array[] {
  const data = tensor.toFloat32()
  const outputs = tensor.dims[outputAxis!]!
  const size = data.length / outputs
  return Array.from({ length: outputs }, (_, row) =>
    outputAxis !== 0
      ? Float32Array.from({ length: size }, (_, index) => data[index * outputs + row]!)
      : data.slice(row * size, (row + 1) * size),
  )
}

/** The kernel's elements in their own order again. */
export function elementsOf({ outputAxis }: Weight, rows: readonly Float32Array[]): Float32Array {
  const size = rows[0]!.length
  const data = new Float32Array(rows.length * size)
  rows.forEach((row, at) => row.forEach((item, index) => (data[outputAxis !== 0 ? index * rows.length + at : at * size + index] = item)))
  return data
}

/** Whether a layer can have a bias, which takes up a shift of its outputs' mean: a Conv or a Gemm; a MatMul has none. */
export function takesBias(node: Node): boolean {
  return node.type !== 'MatMul'
}

/** Adds to the bias of a layer that {@link takesBias}; another keeps the shift of its mean. */
export function addBias(node: Node, added: Float32Array): void {
  if (!takesBias(node) || !added.some((item) => item !== 0)) return
  const graph: Graph = node.graph
  const bias = node.inputs[2]
  const old = constantOf(bias)
  if (bias && (old?.type !== 'float32' || old.size !== added.length || old.dims.at(-1) !== added.length)) return
  const factor = node.type === 'Gemm' ? node.float('alpha', 1) / node.float('beta', 1) : 1
  if (!Number.isFinite(factor)) return
  const tensor = Tensor.float32(
    old?.dims ?? [added.length],
    Float32Array.from(added, (item, index) => (old?.toFloat32()[index] ?? 0) + item * factor),
  )
  if (bias?.tensor && bias.uses.length === 1 && !bias.isOutput && bias.graph === graph) graph.setTensor(bias, tensor)
  else graph.setInput(node, 2, graph.addInitializer(bias?.name ?? `${node.inputs[1]!.name}_bias`, tensor))
}
