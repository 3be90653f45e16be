import type { Dim, Node } from '../graph.ts'
import { alongAxis, cumulativeAxes, reduceAxes } from './axes/statistics.ts'
import { mulDims } from './dim.ts'
import type { Facts, OpRow } from './row.ts'
import { axisFromFront, knownInts, sameAsFirst } from './rules.ts'

/** Ops that reduce along axes, and those that normalise or accumulate along one and keep the shape. */

const REDUCE = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSum',
  'ReduceSumSquare',
]

function inferReduce(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  const given = node.inputs[1] ? knownInts(1, facts) : []
  const keep = node.int('keepdims', 1) !== 0
  if (!shape) return facts.set(0, facts.type(0), undefined)
  if (given?.length === 0 && node.int('noop_with_empty_axes', 0) !== 0) return sameAsFirst(node, facts)
  if (!given) return facts.set(0, facts.type(0), keep ? shape.map((_, axis) => facts.fresh(0, axis)) : undefined)
  const axes = given.map((axis) => axisFromFront(axis, shape.length, facts))
  const reduced = (axis: number): boolean => axes.length === 0 || axes.includes(axis)
  const content = node.op === 'ReduceProd' && shape.length === 1 ? facts.content(0)?.reduce<Dim>(mulDims, 1) : undefined
  const result = keep ? shape.map((dim, axis) => (reduced(axis) ? 1 : dim)) : shape.filter((_, axis) => !reduced(axis))
  facts.set(0, facts.type(0), result, content === undefined ? undefined : [content])
}

function inferArg(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  if (!shape) return facts.set(0, 'int64', undefined)
  const at = axisFromFront(node.int('axis', 0), shape.length, facts)
  const keep = node.int('keepdims', 1) !== 0
  facts.set(0, 'int64', keep ? shape.map((dim, axis) => (axis === at ? 1 : dim)) : shape.filter((_, axis) => axis !== at))
}

export const reductionRows: readonly OpRow[] = [
  ...REDUCE.map((type): OpRow => ({ type, infer: inferReduce, axes: reduceAxes })),
  { type: 'ArgMax', infer: inferArg, axes: reduceAxes },
  { type: 'ArgMin', infer: inferArg, axes: reduceAxes },
  { type: 'Softmax', infer: sameAsFirst, axes: alongAxis(-1) },
  { type: 'LogSoftmax', infer: sameAsFirst, axes: alongAxis(-1) },
  { type: 'Hardmax', infer: sameAsFirst, axes: alongAxis(-1) },
  { type: 'CumSum', infer: sameAsFirst, axes: cumulativeAxes },
  { type: 'CumProd', infer: sameAsFirst, axes: cumulativeAxes },
  { type: 'Det', infer: (_node, facts) => facts.set(0, facts.type(0), facts.shape(0)?.slice(0, -2)) },
]
