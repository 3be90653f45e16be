import type { Dim, Node } from '../graph.ts'
import { fixedShape } from './dim.ts'
import type { Facts, OpRow, WeightSlot } from './row.ts'
import { broadcast, elementsOf, expectRank, expectSame, rankOf } from './rules.ts'

/** Products of matrices. */

/** An axis counted from the end of input `at`; undefined below rank 2, where there is no such axis. */
const fromEnd = (at: number, axis: number) => (node: Node) => {
  const rank = rankOf(node.inputs[at])
  return rank === undefined || rank < 2 ? undefined : rank + axis
}

/** A and B of MatMul: B is `[..., I, O]`; a constant A is `[..., O, I]`. */
const operands = (a: number, b: number): WeightSlot[] => [
  { input: b, role: 'kernel', outputAxis: fromEnd(b, -1), inputAxis: fromEnd(b, -2) },
  { input: a, role: 'kernel', outputAxis: fromEnd(a, -2), inputAxis: fromEnd(a, -1) },
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
const matmulMacs = (node: Node): number | undefined => {
  const outputs = elementsOf(node.outputs[0])
  const inner = fixedShape(node.inputs[0]?.shape)?.at(-1)
  return outputs === undefined || inner === undefined ? undefined : outputs * inner
}

function swapped(shape: readonly Dim[] | undefined, swap: boolean): readonly Dim[] | undefined {
  return swap && shape && shape.length > 1 ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape
}

const gemm: OpRow = {
  type: 'Gemm',
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
    const a = swapped(facts.shape(0), node.int('transA', 0) !== 0)
    const b = swapped(facts.shape(1), node.int('transB', 0) !== 0)
    facts.set(0, facts.type(0), matmulShape(a, b, facts))
  },
  macs(node) {
    const outputs = elementsOf(node.outputs[0])
    const inner = fixedShape(node.inputs[0]?.shape)?.[node.int('transA', 0) ? 0 : 1]
    return outputs === undefined || inner === undefined ? undefined : outputs * inner
  },
}

export const matmulRows: readonly OpRow[] = [
  {
    type: 'MatMul',
    weights: operands(0, 1),
    infer: (_node, facts) => facts.set(0, facts.type(0), matmulShape(facts.shape(0), facts.shape(1), facts)),
    macs: matmulMacs,
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
]
