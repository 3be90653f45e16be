import { type Graph, type IntegerQuantization, type Node, Tensor, type Value } from '@whittle/ir'
import { biasInSteps, channelScales } from './accumulators.ts'
import type { Candidate } from './candidates.ts'
import { integersOf } from './storage.ts'

/**
 * Makes nodes compute in integers in the form that onnxruntime's wasm has kernels for: QuantizeLinear and DequantizeLinear around the node,
 * uint8 activations, int8 weights with a scale for each output channel, int32 bias. The runtime fuses them into QLinearConv, QGemm and
 * QLinearMatMul when the session is made.
 */
export function computeInIntegers(graph: Graph, candidates: readonly Candidate[]): void {
  const dequantized = new Map<Value, Value>()
  // Outputs first, so that a node's input is the dequantized form of the one before it.
  for (const candidate of candidates) {
    const { node, activation, output } = candidate
    if (activation) {
      graph.setInput(activation, 0, undefined)
      const from = node.output
      from.quantization = output.quantization
      requantize(graph, from, output, dequantized)
      graph.removeNode(activation)
    } else requantize(graph, output, output, dequantized)
  }
  for (const { node, input, weight, bias } of candidates) {
    const grid = input.quantization as IntegerQuantization
    graph.setInput(node, 0, dequantized.get(input) ?? quantizeInput(graph, input, node, dequantized))
    graph.setInput(node, 1, dequantizedWeight(graph, weight, node, dequantized))
    if (bias) graph.setInput(node, 2, dequantizedBias(graph, bias, grid, weight, node))
  }
  for (const { weight, bias } of candidates)
    for (const value of [weight, bias]) if (value?.tensor && value.uses.length === 0 && !value.isOutput) graph.removeInitializer(value)
}

/** Puts Q and DQ behind `from`; all who read `named` read the dequantized value. */
function requantize(graph: Graph, from: Value, named: Value, dequantized: Map<Value, Value>): void {
  const readers = [...named.uses]
  const after = graph.nodes[graph.nodes.indexOf(from.producer!) + 1]
  const value = quantizeDequantize(graph, from, (named.quantization ?? from.quantization) as IntegerQuantization, after)
  dequantized.set(named, value)
  if (from !== named) dequantized.set(from, value)
  for (const { node, index } of readers) node.graph.setInput(node, index, value)
}

function quantizeInput(graph: Graph, input: Value, before: Node, dequantized: Map<Value, Value>): Value {
  const value = quantizeDequantize(graph, input, input.quantization as IntegerQuantization, before)
  dequantized.set(input, value)
  return value
}

function quantizeDequantize(graph: Graph, value: Value, grid: IntegerQuantization, before: Node | undefined): Value {
  const { name } = value
  const scale = graph.addInitializer(`${name}_scale`, Tensor.float32([], grid.scale))
  const zeroPoint = graph.addInitializer(`${name}_zero`, Tensor.of('uint8', [], Uint8Array.from(grid.zeroPoint)))
  const q = graph.addNode({ op: 'QuantizeLinear', inputs: [value, scale, zeroPoint], outputs: [`${name}_q`], before }).output
  const dq = graph.addNode({ op: 'DequantizeLinear', inputs: [q, scale, zeroPoint], outputs: [`${name}_dq`], before }).output
  q.elementType = 'uint8'
  dq.elementType = value.elementType
  q.shape = value.shape
  dq.shape = value.shape
  return dq
}

function dequantizedWeight(graph: Graph, weight: Value, before: Node, dequantized: Map<Value, Value>): Value {
  const known = dequantized.get(weight)
  if (known) return known
  const grid = weight.quantization as IntegerQuantization
  const tensor = weight.tensor!
  const integers = graph.addInitializer(`${weight.name}_q`, integersOf(tensor, grid))
  const dims = grid.axis === undefined ? [] : [grid.scale.length]
  const scale = graph.addInitializer(`${weight.name}_scale`, Tensor.float32(dims, channelScales(weight, grid)))
  const zero = graph.addInitializer(`${weight.name}_zero`, Tensor.of('int8', dims, new Int8Array(grid.scale.length)))
  const attributes: Record<string, number> = grid.axis === undefined ? {} : { axis: grid.axis }
  const value = graph.addNode({
    op: 'DequantizeLinear',
    inputs: [integers, scale, zero],
    attributes,
    outputs: [`${weight.name}_dq`],
    before,
  }).output
  value.elementType = 'float32'
  value.shape = [...tensor.dims]
  dequantized.set(weight, value)
  return value
}

/** The bias in int32, whose scale is that of the products: input scale times weight scale. No zero point: WebGPU refuses one. */
function dequantizedBias(graph: Graph, bias: Value, input: IntegerQuantization, weight: Value, before: Node): Value {
  const { integers, scales } = biasInSteps(bias, input, channelScales(weight, weight.quantization as IntegerQuantization))
  const q = graph.addInitializer(`${bias.name}_q`, integers)
  const scale = graph.addInitializer(`${bias.name}_scale`, scales)
  const value = graph.addNode({
    op: 'DequantizeLinear',
    inputs: [q, scale],
    attributes: { axis: 0 },
    outputs: [`${bias.name}_dq`],
    before,
  }).output
  value.elementType = 'float32'
  value.shape = [integers.size]
  return value
}
