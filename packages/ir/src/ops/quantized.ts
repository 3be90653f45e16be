import type { Dim, Node } from '../graph.ts'
import { axisOf, matmulMacs, matmulShape, transposed } from './matmul.ts'
import type { Facts, OpRow, WeightSlot } from './row.ts'
import { axisFromFront, broadcast, elementsOf, sameAsFirst, sumDims } from './rules.ts'
import { fixedShape } from './dim.ts'
import { slide } from './window.ts'

/** com.microsoft's ops on quantized tensors. Scales and zero points are not weights: they follow from them. */

const bias = (input: number): WeightSlot => ({ input, role: 'bias', outputAxis: () => 0 })
const kernelAt = (input: number): WeightSlot => ({ input, role: 'kernel', outputAxis: axisOf(input, -1), inputAxis: axisOf(input, -2) })

/** Channels come last where `channels_last` says so. */
function spatialOf(node: Node, shape: readonly Dim[]): { spatial: readonly Dim[]; arrange(spatial: readonly Dim[]): Dim[] } {
  const last = node.int('channels_last', 0) !== 0
  const spatial = last ? shape.slice(1, -1) : shape.slice(2)
  return { spatial, arrange: (dims) => (last ? [shape[0]!, ...dims, shape.at(-1)!] : [shape[0]!, shape[1]!, ...dims]) }
}

function inferAveragePool(node: Node, facts: Facts): void {
  const [shape, kernel] = [facts.shape(0), node.ints('kernel_shape')]
  if (!shape || !kernel) return facts.set(0, facts.type(0), undefined)
  const { spatial, arrange } = spatialOf(node, shape)
  facts.set(0, facts.type(0), arrange(slide(node, spatial, kernel, facts)))
}

function inferGlobalPool(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  if (!shape) return facts.set(0, facts.type(0), undefined)
  const { spatial, arrange } = spatialOf(node, shape)
  facts.set(0, facts.type(0), arrange(spatial.map(() => 1)))
}

/** Inputs: scale and zero point of the output, then tensor, scale, zero point of each part. */
function inferConcat(node: Node, facts: Facts): void {
  const parts = node.inputs.slice(2).flatMap((_, index) => (index % 3 === 0 ? [facts.shape(index + 2)] : []))
  const first = parts.find((shape) => shape !== undefined)
  if (!first || parts.some((shape) => !shape)) return facts.set(0, facts.type(2), undefined)
  const at = axisFromFront(node.int('axis', 0), first.length, facts)
  facts.set(
    0,
    facts.type(2),
    first.map((dim, axis) => (axis === at ? sumDims(parts.map((shape) => shape![axis]!)) : dim)),
  )
}

function inferReduce(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  const axes = shape && node.ints('axes')?.map((axis) => axisFromFront(axis, shape.length, facts))
  const reduced = (axis: number): boolean => !axes || axes.includes(axis)
  const keep = node.int('keepdims', 1) !== 0
  const type = node.op === 'ReduceSumInteger' ? (facts.type(0) === 'int8' ? 'int32' : 'uint32') : facts.type(0)
  facts.set(0, type, keep ? shape?.map((dim, axis) => (reduced(axis) ? 1 : dim)) : shape?.filter((_, axis) => !reduced(axis)))
}

const unary = (type: string): OpRow => ({ type: `com.microsoft.${type}`, infer: sameAsFirst })

const product = (type: string, output: (facts: Facts) => ReturnType<Facts['type']>, weights: readonly WeightSlot[]): OpRow => ({
  type: `com.microsoft.${type}`,
  weights,
  infer: (_node, facts) => facts.set(0, output(facts), matmulShape(facts.shape(0), facts.shape(1), facts)),
  macs: matmulMacs,
})

/** Activations times a weight whose bytes are packed: `K` inputs to `N` outputs. */
const packed = (type: string, columns: (node: Node, facts: Facts) => Dim | undefined): OpRow => ({
  type: `com.microsoft.${type}`,
  weights: [{ input: 1, role: 'kernel' }],
  infer(node, facts) {
    const [shape, last] = [facts.shape(0), columns(node, facts)]
    facts.set(0, facts.type(0), shape && last !== undefined ? [...shape.slice(0, -1), last] : undefined)
  },
  macs(node) {
    const [outputs, inner] = [elementsOf(node.outputs[0]), fixedShape(node.inputs[0]?.shape)?.at(-1)]
    return outputs === undefined || inner === undefined ? undefined : outputs * inner
  },
})

export const quantizedRows: readonly OpRow[] = [
  product('DynamicQuantizeMatMul', (facts) => facts.type(0), [kernelAt(1), bias(4)]),
  product('MatMulIntegerToFloat', (facts) => facts.type(2), [kernelAt(1), bias(6)]),
  product('MatMulInteger16', () => 'int32', [kernelAt(1)]),
  {
    type: 'com.microsoft.QGemm',
    weights: [
      {
        input: 3,
        role: 'kernel',
        outputAxis: (node) => (node.int('transB', 0) ? 0 : 1),
        inputAxis: (node) => (node.int('transB', 0) ? 1 : 0),
      },
      bias(6),
    ],
    infer(node, facts) {
      const a = transposed(facts.shape(0), node.int('transA', 0) !== 0)
      const b = transposed(facts.shape(3), node.int('transB', 0) !== 0)
      facts.set(0, node.inputs[8] ? facts.type(8) : 'float32', matmulShape(a, b, facts))
    },
    macs(node) {
      const [outputs, a] = [elementsOf(node.outputs[0]), fixedShape(node.inputs[0]?.shape)]
      return outputs === undefined || !a ? undefined : outputs * a[node.int('transA', 0) ? 0 : 1]!
    },
  },
  packed('MatMulBnb4', (node) => node.int('N')),
  packed('MatMulFpQ4', (_node, facts) => facts.content(2)?.[1]),
  {
    // Quantized with the layouts of cuBLAS; each weight has its scale behind it.
    type: 'com.microsoft.QOrderedMatMul',
    weights: [kernelAt(2), bias(5)],
    infer: (_node, facts) => facts.set(0, facts.type(0), matmulShape(facts.shape(0), facts.shape(2), facts)),
    macs: matmulMacs,
  },
  unary('QOrderedGelu'),
  {
    type: 'com.microsoft.QOrderedLayerNormalization',
    weights: [{ input: 2, role: 'scale', outputAxis: () => 0 }, bias(3)],
    infer: sameAsFirst,
  },
  {
    type: 'com.microsoft.QOrderedAttention',
    weights: [kernelAt(5), kernelAt(6), kernelAt(7), bias(11), bias(12), bias(13)],
    infer(_node, facts) {
      const [input, value] = [facts.shape(0), facts.shape(7)]
      facts.set(0, facts.type(0), input && value && [input[0]!, input[1]!, value[1]!])
    },
  },
  { type: 'com.microsoft.QuantizeWithOrder', infer: (_node, facts) => facts.set(0, 'int8', facts.shape(0)) },
  { type: 'com.microsoft.DequantizeWithOrder', infer: (_node, facts) => facts.set(0, facts.type(1), facts.shape(0)) },
  unary('QLinearLeakyRelu'),
  unary('QLinearSigmoid'),
  unary('QLinearSoftmax'),
  {
    type: 'com.microsoft.QLinearWhere',
    infer: (_node, facts) =>
      facts.set(0, facts.type(1), broadcast(facts.shape(0), broadcast(facts.shape(1), facts.shape(4), facts), facts)),
  },
  { type: 'com.microsoft.QLinearAveragePool', infer: inferAveragePool },
  { type: 'com.microsoft.QLinearGlobalAveragePool', infer: inferGlobalPool },
  { type: 'com.microsoft.QLinearReduceMean', infer: inferReduce },
  { type: 'com.microsoft.ReduceSumInteger', infer: inferReduce },
  { type: 'com.microsoft.QLinearConcat', infer: inferConcat },
  {
    type: 'com.microsoft.MulInteger',
    infer: (_node, facts) => facts.set(0, 'int32', broadcast(facts.shape(0), facts.shape(2), facts)),
  },
]
