import type { Dim, Node } from '../graph.ts'
import { convAxes, convTransposeAxes } from './axes/conv.ts'
import { fixedShape, mulDims, subDims } from './dim.ts'
import type { Facts, OpRow, WeightSlot } from './row.ts'
import { elementsOf, expectSame } from './rules.ts'
import { slide, slideBack } from './window.ts'

/** Convolutions. Kernels: Conv `[O, I/group, k...]`, ConvTranspose `[I, O/group, k...]`. */

const kernel = (input: number): WeightSlot => ({ input, role: 'kernel', outputAxis: () => 0, inputAxis: () => 1 })
const bias = (input: number): WeightSlot => ({ input, role: 'bias', outputAxis: () => 0 })

/** Shape of a convolution whose kernel is input `at`; undefined where a rank is not known. */
function convShape(node: Node, facts: Facts, at: number): Dim[] | undefined {
  const [input, weight] = [facts.shape(0), facts.shape(at)]
  const extents = node.ints('kernel_shape') ?? weight?.slice(2)
  if (!input || !weight || !extents) return undefined
  if (input.length < 3 || input.length !== weight.length) facts.fail('input and kernel must have the same rank, at least 3')
  const group = node.int('group', 1)
  expectSame('channels of the input and of the kernel', input[1], mulDims(weight[1]!, group), facts)
  if (typeof weight[0] === 'number' && weight[0] % group !== 0) facts.fail(`${weight[0]} output channels are no multiple of group ${group}`)
  extents.forEach((extent, axis) => expectSame('kernel_shape and the kernel', extent, weight[axis + 2], facts))
  return [input[0]!, weight[0]!, ...slide(node, input.slice(2), extents, facts)]
}

/** As {@link convShape}, the channels of input and output being their last axis. */
function convShapeLast(node: Node, facts: Facts, at: number): Dim[] | undefined {
  const [input, weight] = [facts.shape(0), facts.shape(at)]
  const extents = node.ints('kernel_shape') ?? weight?.slice(2)
  if (!input || !weight || !extents) return undefined
  if (input.length < 3 || input.length !== weight.length) facts.fail('input and kernel must have the same rank, at least 3')
  expectSame('channels of the input and of the kernel', input.at(-1), mulDims(weight[1]!, node.int('group', 1)), facts)
  return [input[0]!, ...slide(node, input.slice(1, -1), extents, facts), weight[0]!]
}

function convMacs(at: number): (node: Node) => number | undefined {
  return (node) => {
    const outputs = elementsOf(node.outputs[0])
    const weight = fixedShape(node.inputs[at]?.shape)
    return outputs === undefined || !weight ? undefined : weight.slice(1).reduce((product, dim) => product * dim, outputs)
  }
}

export const convRows: readonly OpRow[] = [
  {
    type: 'Conv',
    weights: [kernel(1), bias(2)],
    integers: true,
    infer: (node, facts) => facts.set(0, facts.type(0), convShape(node, facts, 1)),
    macs: convMacs(1),
    axes: convAxes,
  },
  {
    type: 'ConvTranspose',
    weights: [
      { input: 1, role: 'kernel', outputAxis: () => 1, inputAxis: () => 0 },
      { input: 2, role: 'bias', outputAxis: () => 0 },
    ],
    infer(node, facts) {
      const [input, weight] = [facts.shape(0), facts.shape(1)]
      if (!input || !weight) return facts.set(0, facts.type(0), undefined)
      if (input.length < 3 || input.length !== weight.length) facts.fail('input and kernel must have the same rank, at least 3')
      expectSame('channels of the input and of the kernel', input[1], weight[0], facts)
      const channels = mulDims(weight[1]!, node.int('group', 1))
      const extents = node.ints('kernel_shape') ?? weight.slice(2)
      facts.set(0, facts.type(0), [input[0]!, channels, ...slideBack(node, input.slice(2), extents)])
    },
    macs(node) {
      const inputs = elementsOf(node.inputs[0])
      const weight = fixedShape(node.inputs[1]?.shape)
      return inputs === undefined || !weight ? undefined : weight.slice(1).reduce((product, dim) => product * dim, inputs)
    },
    axes: convTransposeAxes,
  },
  {
    type: 'ConvInteger',
    weights: [kernel(1)],
    infer: (node, facts) => facts.set(0, 'int32', convShape(node, facts, 1)),
    macs: convMacs(1),
  },
  {
    type: 'QLinearConv',
    weights: [kernel(3), bias(8)],
    infer: (node, facts) => facts.set(0, facts.type(7), convShape(node, facts, 3)),
    macs: convMacs(3),
  },
  {
    // The offsets (input 2) and the mask (input 4) say where the kernel reads.
    type: 'DeformConv',
    weights: [kernel(1), bias(3)],
    infer: (node, facts) => facts.set(0, facts.type(0), convShape(node, facts, 1)),
    macs: convMacs(1),
  },
  {
    // Depthwise and causal: [N, C, T] with [C, 1, k]; the state has the last k-1 positions.
    type: 'CausalConvWithState',
    weights: [kernel(1), bias(2)],
    infer(_node, facts) {
      const [input, weight] = [facts.shape(0), facts.shape(1)]
      facts.set(0, facts.type(0), input)
      facts.set(1, facts.type(0), input && weight && [input[0]!, input[1]!, subDims(weight[2]!, 1)])
    },
    macs: convMacs(1),
  },
  {
    type: 'com.microsoft.FusedConv',
    weights: [kernel(1), bias(2)],
    infer: (node, facts) => facts.set(0, facts.type(0), convShape(node, facts, 1)),
    macs: convMacs(1),
    axes: convAxes,
  },
  {
    type: 'com.microsoft.QLinearConv',
    weights: [kernel(3), bias(8)],
    infer: (node, facts) =>
      facts.set(0, facts.type(7), node.int('channels_last', 0) ? convShapeLast(node, facts, 3) : convShape(node, facts, 3)),
    macs: convMacs(3),
  },
  // Input and output [N, spatial..., C]; the kernel as Conv's.
  ...['NhwcConv', 'NhwcFusedConv'].map((op): OpRow => ({
    type: `com.microsoft.${op}`,
    weights: [kernel(1), bias(2)],
    infer: (node, facts) => facts.set(0, facts.type(0), convShapeLast(node, facts, 1)),
    macs: convMacs(1),
  })),
]
