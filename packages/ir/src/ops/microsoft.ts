import type { Dim, Node } from '../graph.ts'
import { divDims } from './dim.ts'
import type { Facts, OpRow } from './row.ts'
import { axisFromFront, broadcast, knownInts, sameAsFirst } from './rules.ts'
import { slide } from './window.ts'

/** Ops of com.microsoft that stand beside no op of ai.onnx. */

/** Input `[N, spatial..., C]`. */
function inferPoolLast(node: Node, facts: Facts): void {
  const [shape, kernel] = [facts.shape(0), node.ints('kernel_shape')]
  facts.set(0, facts.type(0), shape && kernel && [shape[0]!, ...slide(node, shape.slice(1, -1), kernel, facts), shape.at(-1)!])
}

function inferExpandDims(_node: Node, facts: Facts): void {
  const [shape, axis] = [facts.shape(0), knownInts(1, facts)?.[0]]
  if (!shape || axis === undefined) return facts.set(0, facts.type(0), undefined)
  const at = axisFromFront(axis, shape.length + 1, facts)
  facts.set(0, facts.type(0), [...shape.slice(0, at), 1, ...shape.slice(at)])
}

/** Half of the last axis gates the other half. */
function inferSplit(_node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  facts.set(0, facts.type(0), shape && [...shape.slice(0, -1), divDims(shape.at(-1)!, 2)])
}

/** Experts' weights are stacked along axis 0. */
const experts = (op: string, inputs: readonly number[], biases: readonly number[]): OpRow => ({
  type: `com.microsoft.${op}`,
  weights: [
    ...inputs.map((input) => ({ input, role: 'kernel' }) as const),
    ...biases.map((input) => ({ input, role: 'bias', outputAxis: () => 1 }) as const),
  ],
  infer: sameAsFirst,
})

export const microsoftRows: readonly OpRow[] = [
  { type: 'com.microsoft.BiasSplitGelu', weights: [{ input: 1, role: 'bias', outputAxis: () => 0 }], infer: inferSplit },
  {
    type: 'com.microsoft.SwiGLU',
    infer: (node, facts) => (node.inputs[1] ? sameAsFirst(node, facts) : inferSplit(node, facts)),
  },
  { type: 'com.microsoft.BiasAdd', elementwise: true, weights: [{ input: 1, role: 'bias', outputAxis: () => 0 }], infer: sameAsFirst },
  { type: 'com.microsoft.BiasSoftmax', infer: sameAsFirst },
  {
    type: 'com.microsoft.BiasDropout',
    infer(_node, facts) {
      const shape = broadcast(facts.shape(0), facts.shape(1), facts)
      facts.set(0, facts.type(0), shape)
      facts.set(1, 'bool', shape)
    },
  },
  experts('MoE', [2, 4, 6], [3, 5, 7]),
  experts('QMoE', [2, 5, 8], [4, 7, 10]),
  { type: 'com.microsoft.NhwcMaxPool', infer: inferPoolLast },
  { type: 'com.microsoft.ExpandDims', infer: inferExpandDims },
  { type: 'com.microsoft.Inverse', infer: sameAsFirst },
  {
    type: 'com.microsoft.Unique',
    infer(_node, facts) {
      const count: Dim = facts.fresh(0, 0)
      facts.set(0, facts.type(0), [count])
      facts.set(1, 'int64', facts.shape(0))
      facts.set(2, 'int64', [count])
    },
  },
  {
    type: 'com.microsoft.ComplexMul',
    infer: (_node, facts) => facts.set(0, facts.type(0), broadcast(facts.shape(0), facts.shape(1), facts)),
  },
  {
    type: 'com.microsoft.ComplexMulConj',
    infer: (_node, facts) => facts.set(0, facts.type(0), broadcast(facts.shape(0), facts.shape(1), facts)),
  },
  { type: 'com.microsoft.IsAllFinite', infer: (_node, facts) => facts.set(0, 'bool', []) },
  { type: 'com.microsoft.NGramRepeatBlock', infer: (_node, facts) => facts.set(0, facts.type(1), facts.shape(1)) },
]
