import type { Graph, Node, Value } from '@whittle/ir'
import { madeFrom } from '../origin.ts'

/** `Add(Conv(x), b)` becomes a convolution with a bias, where `b` has one number for each channel. */
export function foldBias(graph: Graph): void {
  for (const add of [...graph.nodes]) {
    if (add.type !== 'Add') continue
    for (const [at, other] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const [conv, bias] = [add.inputs[at]?.producer, add.inputs[other]]
      if (conv && bias && isPlain(conv, add.inputs[at]!) && fold(graph, conv, bias, add)) break
    }
  }
}

function isPlain(conv: Node, value: Value): boolean {
  return (conv.type === 'Conv' || conv.type === 'ConvTranspose') && conv.inputs.length === 2 && value.uses.length === 1 && !value.isOutput
}

function fold(graph: Graph, conv: Node, bias: Value, add: Node): boolean {
  const { tensor } = bias
  const shape = conv.output.shape
  const channels = shape?.[1]
  if (!tensor || bias.isInput || !shape || typeof channels !== 'number' || tensor.size !== channels || tensor.type !== 'float32')
    return false
  // From the end: [C, 1, 1], where the convolution gives [N, C, H, W].
  const axis = tensor.dims.length - shape.length + 1
  if (tensor.dims[axis] !== channels) return false
  if (!graph.replaceUses(add.output, conv.output)) return false
  const flat = tensor.dims.length === 1 ? bias : madeFrom(graph.model.graph.addInitializer(bias.name, tensor.reshape([channels])), bias)
  graph.setInput(conv, 2, flat)
  graph.removeNode(add)
  return true
}
