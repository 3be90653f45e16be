import { type Graph, type Node, Tensor, type Value, kernelOf } from '@whittle/ir'

/** What a node's kernel is multiplied with, cut out beside it. */
export interface InputRows {
  /** [groups, size, positions], with the batch inside the positions. */
  readonly rows: Value
  /** Groups of channels; 1 where there are none. */
  readonly groups: number
  /** Inputs of one output: input channels of the group times kernel taps, in the kernel's own order. */
  readonly size: number
}

/** Adds to a node's graph what gives the inputs of its kernel. For nodes that `whyNoGram` allows. */
export function inputRows(node: Node): InputRows {
  return node.type === 'Conv' ? patches(node.graph, node) : matrixRows(node.graph, node)
}

/** Every patch that a convolution's kernel meets: a convolution with one-hot kernels cuts them out (im2col). */
function patches(graph: Graph, node: Node): InputRows {
  const [, perGroup, ...kernel] = node.inputs[1]!.tensor!.dims as [number, number, ...number[]]
  const groups = node.int('group', 1)
  const taps = kernel.reduce((a, b) => a * b, 1)
  const channels = perGroup * groups
  const size = perGroup * taps
  let cut = node.inputs[0]!
  if (taps > 1 || [...(node.ints('strides') ?? [])].some((stride) => stride > 1) || [...(node.ints('pads') ?? [])].some((pad) => pad > 0)) {
    const oneHot = new Float32Array(channels * taps * taps)
    for (let channel = 0; channel < channels; channel++)
      for (let tap = 0; tap < taps; tap++) oneHot[(channel * taps + tap) * taps + tap] = 1
    const weight = graph.addInitializer('probe_kernel', Tensor.float32([channels * taps, 1, ...kernel], oneHot))
    const attributes = new Map(node.attributes)
    attributes.set('group', { type: 'int', value: channels })
    attributes.set('kernel_shape', { type: 'ints', value: kernel })
    cut = graph.addNode({ op: 'Conv', inputs: [cut, weight], attributes }).output
  }
  // [N, channels * taps, ...] -> [N, groups, size, positions] -> [groups, size, N, positions] -> [groups, size, N * positions]
  const split = addProbe(graph, 'Reshape', [cut, addProbeConstant(graph, [0, groups, size, -1])])
  const moved = addProbe(graph, 'Transpose', [split], { perm: [1, 2, 0, 3] })
  return { rows: addProbe(graph, 'Reshape', [moved, addProbeConstant(graph, [groups, size, -1])]), groups, size }
}

function matrixRows(graph: Graph, node: Node): InputRows {
  const { tensor, inputAxis } = kernelOf(node)!
  const size = tensor.dims[inputAxis!]!
  const flat = addProbe(graph, 'Reshape', [node.inputs[0]!, addProbeConstant(graph, [1, -1, size])])
  return { rows: addProbe(graph, 'Transpose', [flat], { perm: [0, 2, 1] }), groups: 1, size }
}

/** A node for measuring, in a copy of the model. */
export function addProbe(graph: Graph, op: string, inputs: Value[], attributes: Record<string, number | number[]> = {}): Value {
  return graph.addNode({ op, inputs, attributes, outputs: [`probe_${op}`] }).output
}

export function addProbeConstant(graph: Graph, values: number[]): Value {
  return graph.addInitializer('probe_constant', Tensor.int64([values.length], values))
}
