import type { Value } from '@whittle/ir'
import type { Lowering } from '../lowering.ts'
import { FULLY_CONNECTED_OPTIONS_WEIGHTS_FORMAT } from '../schema/tables.ts'
import { activate } from './activation.ts'
import type { Row } from './row.ts'

/** `x W^T + b`, where `W` is `[out, in]` and `x` is taken as a matrix of rows of `in` numbers. */
function fullyConnected(l: Lowering): void {
  const { op } = l
  if (FULLY_CONNECTED_OPTIONS_WEIGHTS_FORMAT[op.number('weightsFormat')] !== 'DEFAULT')
    throw op.refuse('its weights are shuffled for one kind of processor; convert the model again')
  const [input, weights, bias, output] = [op.input(0), op.input(1), op.optional(2), op.output()]
  if (l.rank(weights) !== 2) throw op.fail(`its weights have ${l.rank(weights)} dimensions`)
  const [units, depth] = [l.fixed(weights, 0), l.fixed(weights, 1)]
  const x = l.last(input)
  if (l.rank(input) > 2 && op.flag('keepNumDims')) {
    const product = l.node('MatMul', [x, transposedKernel(l, weights)])
    return l.give(output, activate(l, bias === undefined ? product : l.node('Add', [product, l.last(bias)])))
  }
  const rows = l.rank(input) === 2 && l.dims(input)[1] === depth ? x : l.reshape(x, [-1, depth])
  const value = activate(l, l.node('Gemm', [rows, l.last(weights), ...(bias === undefined ? [] : [l.last(bias)])], { transB: 1 }))
  l.give(output, l.rank(output) === 2 ? value : l.reshape(value, [...freeOnce(l, output, units)]))
}

/** The output's dims with one -1 for what is free. */
function freeOnce(l: Lowering, ref: number, last: number): number[] {
  const dims = [...l.dims(ref).slice(0, -1), last]
  if (dims.filter((dim) => dim < 0).length > 1)
    throw l.op.refuse('its output has more than one free dimension; convert the model with fixed input shapes')
  return dims
}

function transposedKernel(l: Lowering, ref: number): Value {
  return l.constant(ref) ? l.weight(ref, { perm: [1, 0] }) : l.node('Transpose', [l.last(ref)], { perm: [1, 0] })
}

function batchMatmul(l: Lowering): void {
  const { op } = l
  const side = (ref: number, isTransposed: boolean): Value => {
    const rank = l.rank(ref)
    if (!isTransposed) return l.last(ref)
    if (rank < 2) throw op.fail('it transposes a vector')
    const perm = Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis))
    return l.constant(ref) ? l.weight(ref, { perm }) : l.node('Transpose', [l.last(ref)], { perm })
  }
  l.give(op.output(), l.node('MatMul', [side(op.input(0), op.flag('adjX')), side(op.input(1), op.flag('adjY'))]))
}

export const matmulRows: Readonly<Record<string, Row>> = {
  FULLY_CONNECTED: { options: 'FullyConnectedOptions', lower: fullyConnected, limits: 'not shuffled weights' },
  BATCH_MATMUL: { options: 'BatchMatMulOptions', lower: batchMatmul },
  L2_NORMALIZATION: {
    options: 'L2NormOptions',
    lower(l) {
      l.keep(l.op.input(0), l.op.output(), (value, layout) => {
        const axis = l.axisIn(l.rank(l.op.input(0)) - 1, layout)
        const norm = l.node('ReduceL2', [value, l.ints([axis])], { keepdims: 1 })
        return activate(l, l.node('Div', [value, l.node('Max', [norm, l.scalar(1e-6)])]))
      })
    },
  },
}
