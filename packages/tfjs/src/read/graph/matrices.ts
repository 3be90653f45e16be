import type { Value } from '@whittle/ir'
import { batchNorm } from '../blocks/normalize.ts'
import { channelsFirst } from '../blocks/window.ts'
import type { Emitter } from '../emitter.ts'
import type { NodeCall, NodeRule, NodeRules } from './call.ts'
import { fused } from './conv.ts'

/** The last two axes swapped, where asked. */
function swapped(e: Emitter, value: Value, swap: boolean): Value {
  const rank = e.rank(value)
  if (!swap) return value
  if (rank < 2) throw e.fail('a matrix has two dimensions or more')
  return e.transpose(value, [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2])
}

const product =
  (first: string, second: string): NodeRule =>
  ({ e, input, attributes }) =>
    e.node('MatMul', [swapped(e, input(0), attributes.bool(first, false)), swapped(e, input(1), attributes.bool(second, false))])

/** With a bias of one number for each column, one Gemm. */
const fusedMatMul: NodeRule = (call) => {
  const { e, input, attributes } = call
  const [a, b] = [swapped(e, input(0), attributes.bool('transpose_a', false)), swapped(e, input(1), attributes.bool('transpose_b', false))]
  const bias = attributes.words('fused_ops')[0] === 'biasadd' ? input(2) : undefined
  if (bias && e.rank(a) === 2 && e.rank(bias) === 1) return fused(call, e.node('Gemm', [a, b, bias]), true, true)
  return fused(call, e.node('MatMul', [a, b]), true)
}

const einsum: NodeRule = ({ e, inputs, attributes }) =>
  e.node('Einsum', inputs, { equation: attributes.text('equation').replaceAll(' ', '') })

export const matrixOps: NodeRules = {
  MatMul: product('transpose_a', 'transpose_b'),
  BatchMatMul: product('adj_x', 'adj_y'),
  BatchMatMulV2: product('adj_x', 'adj_y'),
  _FusedMatMul: fusedMatMul,
  Einsum: einsum,
  Transpose: ({ e, input, numbers }) => e.transpose(input(0), numbers(1, 'permutation')),
}

function fusedBatchNorm({ e, input, attributes }: NodeCall): Value {
  const moments = { scale: input(1), offset: input(2), mean: input(3), variance: input(4), epsilon: attributes.float('epsilon', 1e-3) }
  return batchNorm(e, input(0), moments, !attributes.word('data_format', 'nhwc').startsWith('nc'))
}

const lrn: NodeRule = ({ e, input, attributes }) => {
  const size = 2 * attributes.int('depth_radius', 5) + 1
  const float = (value: number): { type: 'float'; value: number } => ({ type: 'float', value })
  // ONNX divides alpha by the window's size.
  return channelsFirst(e, input(0), true, (x) =>
    e.node('LRN', [x], {
      size,
      alpha: float(attributes.float('alpha', 1) * size),
      beta: float(attributes.float('beta', 0.5)),
      bias: float(attributes.float('bias', 1)),
    }),
  )
}

export const normalizationOps: NodeRules = {
  FusedBatchNorm: fusedBatchNorm,
  FusedBatchNormV2: fusedBatchNorm,
  FusedBatchNormV3: fusedBatchNorm,
  LRN: lrn,
  Softmax: ({ e, input }) => e.node('Softmax', [input(0)], { axis: -1 }),
  LogSoftmax: ({ e, input }) => e.node('LogSoftmax', [input(0)], { axis: -1 }),
  EuclideanNorm: (call) => reduce('ReduceL2')(call),
}

/** The axes of a reduction; an empty list reduces nothing. */
export function reduce(op: string): NodeRule {
  return ({ e, input, numbers, attributes }) => {
    const x = input(0)
    const axes = numbers(1, 'axes').map((axis) => e.axis(axis, e.rank(x)))
    return axes.length === 0 ? x : e.node(op, [x, e.ints(axes)], { keepdims: keep(attributes.bool('keep_dims', false)) })
  }
}

/** A reduction of truth values, by way of whole numbers. */
function reduceBool(op: string): NodeRule {
  return (call) => {
    const { e } = call
    const x = e.cast(e.cast(call.input(0), 'bool'), 'int32')
    const result = reduce(op)({ ...call, input: (index) => (index === 0 ? x : call.input(index)) }) as Value
    return e.cast(result, 'bool')
  }
}

const argument =
  (op: string): NodeRule =>
  ({ e, input, inputs, number }) => {
    const axis = e.axis(inputs.length > 1 ? number(1, 'axis') : 0, e.rank(input(0)))
    return e.cast(e.node(op, [input(0)], { axis, keepdims: 0 }), 'int32')
  }

const cumulate: NodeRule = ({ e, input, number, attributes }) =>
  e.node('CumSum', [input(0), e.ints([e.axis(number(1, 'axis'), e.rank(input(0)))])], {
    exclusive: keep(attributes.bool('exclusive', false)),
    reverse: keep(attributes.bool('reverse', false)),
  })

const topK: NodeRule = ({ e, input, number, attributes }) => {
  const [values, indices] = e.nodes(
    'TopK',
    [input(0), e.ints([number(1, 'k')])],
    { axis: -1, sorted: keep(attributes.bool('sorted', true)) },
    2,
  )
  return [values!, e.cast(indices!, 'int32')]
}

function keep(value: boolean): number {
  return value ? 1 : 0
}

export const reductionOps: NodeRules = {
  Max: reduce('ReduceMax'),
  Mean: (call) =>
    reduce('ReduceMean')({ ...call, input: (index) => (index === 0 ? call.e.cast(call.input(0), 'float32') : call.input(index)) }),
  Min: reduce('ReduceMin'),
  Sum: reduce('ReduceSum'),
  Prod: reduce('ReduceProd'),
  All: reduceBool('ReduceMin'),
  Any: reduceBool('ReduceMax'),
  ArgMax: argument('ArgMax'),
  ArgMin: argument('ArgMin'),
  Cumsum: cumulate,
  TopKV2: topK,
}
