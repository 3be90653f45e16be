import type { Dim, Node } from '../graph.ts'
import { gemmAxes, matmulAxes } from './axes/matmul.ts'
import { fixedShape } from './dim.ts'
import { typeAttribute } from './elementwise.ts'
import type { Facts, OpRow, WeightSlot } from './row.ts'
import { broadcast, elementsOf, expectRank, expectSame, rankOf } from './rules.ts'

/** Products of matrices. */

/** An axis counted from the end of input `at`; undefined below rank 2, where there is no such axis. */
export const axisOf = (at: number, axis: number) => (node: Node) => {
  const rank = rankOf(node.inputs[at])
  return rank === undefined || rank < 2 ? undefined : rank + axis
}

/** A and B of MatMul: B is `[..., I, O]`; a constant A is `[..., O, I]`. */
const operands = (a: number, b: number): WeightSlot[] => [
  { input: b, role: 'kernel', outputAxis: axisOf(b, -1), inputAxis: axisOf(b, -2) },
  { input: a, role: 'kernel', outputAxis: axisOf(a, -2), inputAxis: axisOf(a, -1) },
]

/** The shape of numpy's matmul. */
export function matmulShape(a: readonly Dim[] | undefined, b: readonly Dim[] | undefined, facts: Facts): Dim[] | undefined {
  if (!a || !b) return undefined
  if (a.length === 0 || b.length === 0) facts.fail('a matrix product needs operands of rank 1 at least')
  const left = a.length === 1 ? [1, ...a] : a
  const right = b.length === 1 ? [...b, 1] : b
  expectSame('inner dimensions', left.at(-1), right.at(-2), facts)
  const batch = broadcast(left.slice(0, -2), right.slice(0, -2), facts)!
  return [...batch, ...(a.length === 1 ? [] : [left.at(-2)!]), ...(b.length === 1 ? [] : [right.at(-1)!])]
}

/** Output elements times the length of one dot product, which is the last dimension of A. */
export const matmulMacs = (node: Node): number | undefined => {
  const outputs = elementsOf(node.outputs[0])
  const inner = fixedShape(node.inputs[0]?.shape)?.at(-1)
  return outputs === undefined || inner === undefined ? undefined : outputs * inner
}

/** The shape of a matrix that is read transposed where `swap` says so. */
export function transposed(shape: readonly Dim[] | undefined, swap: boolean): readonly Dim[] | undefined {
  return swap && shape && shape.length > 1 ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape
}

const gemm: OpRow = {
  type: 'Gemm',
  integers: true,
  weights: [
    {
      input: 1,
      role: 'kernel',
      outputAxis: (node) => (node.int('transB', 0) ? 0 : 1),
      inputAxis: (node) => (node.int('transB', 0) ? 1 : 0),
    },
    {
      input: 2,
      role: 'bias',
      outputAxis(node) {
        const rank = rankOf(node.inputs[2])
        return rank ? rank - 1 : undefined
      },
    },
  ],
  infer(node, facts) {
    expectRank(0, 2, facts)
    expectRank(1, 2, facts)
    const a = transposed(facts.shape(0), node.int('transA', 0) !== 0)
    const b = transposed(facts.shape(1), node.int('transB', 0) !== 0)
    facts.set(0, facts.type(0), matmulShape(a, b, facts))
  },
  macs(node) {
    const outputs = elementsOf(node.outputs[0])
    const inner = fixedShape(node.inputs[0]?.shape)?.[node.int('transA', 0) ? 0 : 1]
    return outputs === undefined || inner === undefined ? undefined : outputs * inner
  },
  axes: gemmAxes,
}

function inferGemmFloat8(node: Node, facts: Facts): void {
  const [a, b] = [transposed(facts.shape(0), node.int('transA', 0) !== 0), transposed(facts.shape(1), node.int('transB', 0) !== 0)]
  facts.set(0, typeAttribute(node, 'dtype') ?? 'float32', matmulShape(a, b, facts))
}

/** The matrix `[d0, d1, ..., x]` of a `transBatch` operand is read as `[d1, ..., d0, x]`. */
function batchFirst(shape: readonly Dim[] | undefined, moves: boolean): readonly Dim[] | undefined {
  return moves && shape && shape.length > 2 ? [...shape.slice(1, -1), shape[0]!, shape.at(-1)!] : shape
}

/** MatMul with operands that are read transposed, times `alpha`. */
function fusedMatMul(op: string): OpRow {
  const operand = (input: number, side: 'A' | 'B', axis: -1 | -2): ((node: Node) => number | undefined) => {
    return (node) => {
      if (node.int(`transBatch${side}`, 0)) return undefined
      return axisOf(input, node.int(`trans${side}`, 0) ? (axis === -1 ? -2 : -1) : axis)(node)
    }
  }
  const shapeOf = (node: Node, facts: Facts, input: number, side: 'A' | 'B'): readonly Dim[] | undefined =>
    transposed(batchFirst(facts.shape(input), node.int(`transBatch${side}`, 0) !== 0), node.int(`trans${side}`, 0) !== 0)
  return {
    type: `com.microsoft.${op}`,
    weights: [
      { input: 1, role: 'kernel', outputAxis: operand(1, 'B', -1), inputAxis: operand(1, 'B', -2) },
      { input: 0, role: 'kernel', outputAxis: operand(0, 'A', -2), inputAxis: operand(0, 'A', -1) },
    ],
    infer: (node, facts) => facts.set(0, facts.type(0), matmulShape(shapeOf(node, facts, 0, 'A'), shapeOf(node, facts, 1, 'B'), facts)),
    macs(node) {
      const [outputs, a] = [elementsOf(node.outputs[0]), fixedShape(node.inputs[0]?.shape)]
      const inner = transposed(batchFirst(a, node.int('transBatchA', 0) !== 0), node.int('transA', 0) !== 0)?.at(-1)
      return outputs === undefined || typeof inner !== 'number' ? undefined : outputs * inner
    },
  }
}

export const matmulRows: readonly OpRow[] = [
  {
    type: 'MatMul',
    weights: operands(0, 1),
    integers: true,
    infer: (_node, facts) => facts.set(0, facts.type(0), matmulShape(facts.shape(0), facts.shape(1), facts)),
    macs: matmulMacs,
    axes: matmulAxes,
  },
  gemm,
  {
    type: 'MatMulInteger',
    weights: operands(0, 1),
    infer: (_node, facts) => facts.set(0, 'int32', matmulShape(facts.shape(0), facts.shape(1), facts)),
    macs: matmulMacs,
  },
  {
    type: 'QLinearMatMul',
    weights: operands(0, 3),
    infer: (_node, facts) => facts.set(0, facts.type(7), matmulShape(facts.shape(0), facts.shape(3), facts)),
    macs: matmulMacs,
  },
  { ...gemm, type: 'com.microsoft.FusedGemm' },
  { ...gemm, type: 'com.microsoft.GemmFloat8', infer: inferGemmFloat8 },
  ...['FusedMatMul', 'FusedMatMulActivation', 'TransposeMatMul', 'SparseToDenseMatMul'].map(fusedMatMul),
  {
    type: 'com.microsoft.GemmFastGelu',
    weights: [...operands(0, 1), { input: 2, role: 'bias', outputAxis: () => 0 }],
    infer: (_node, facts) => facts.set(0, facts.type(0), matmulShape(facts.shape(0), facts.shape(1), facts)),
    macs: matmulMacs,
  },
]
