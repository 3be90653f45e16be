import { type Node, type Value, constantOf } from '@whittle/ir'
import { fromFront, range, shapeOf } from '../builder.ts'
import type { Backward, Rule } from '../rule.ts'
import { shareAmongEqual } from './pooling.ts'

/** Reductions along axes, and running sums. */

/** The axes that a node reduces, from the front. */
function axesOf(node: Node): number[] {
  const rank = shapeOf(node.inputs[0]).length
  const given = constantOf(node.inputs[1])?.toNumbers() ?? []
  if (given.length > 0) return given.map((axis) => fromFront(axis, rank))
  return node.int('noop_with_empty_axes', 0) !== 0 ? [] : range(0, rank)
}

const refuseAxes = (node: Node): string | undefined =>
  node.inputs[1] && !constantOf(node.inputs[1]) ? 'its axes are computed when it runs' : undefined

interface Reduced extends Backward {
  readonly axes: readonly number[]
  readonly input: Value
  /** What the node gives, with dim 1 on the axes. */
  readonly result: () => Value
  /** The gradient of that. */
  readonly given: Value
}

/** A rule for a reduction; the function gives a gradient that still is to be repeated along the axes where it has not the input's shape. */
const reduction = (op: string, gradient: (at: Reduced) => Value): Rule => ({
  op,
  inputs: [0],
  refuse: refuseAxes,
  gradient: (at) => {
    const { b, node, x, y, dy } = at
    const axes = axesOf(node)
    const back = (value: Value): Value =>
      node.int('keepdims', 1) !== 0
        ? value
        : b.unsqueeze(
            value,
            axes.toSorted((p, q) => p - q),
          )
    return [gradient({ ...at, dy, axes, input: x(0), result: () => back(y), given: back(dy) })]
  },
})

export const reductionRules: readonly Rule[] = [
  reduction('ReduceSum', ({ b, input, given }) => b.expandLike(given, input)),
  reduction('ReduceMean', ({ b, input, given, y }) => b.expandLike(b.div(given, b.ratio(input, y)), input)),
  // Of equal elements each gets its share.
  reduction('ReduceMax', ({ b, input, result, given, axes }) => shareAmongEqual(b, input, result(), given, axes)),
  reduction('ReduceMin', ({ b, input, result, given, axes }) => shareAmongEqual(b, input, result(), given, axes)),
  reduction('ReduceL1', ({ b, input, given }) => b.mul(b.op('Sign', [input]), given)),
  reduction('ReduceL2', ({ b, input, result, given }) => b.mul(input, b.div(given, result()))),
  reduction('ReduceSumSquare', ({ b, input, given }) => b.mul(b.mul(input, 2), given)),
  reduction('ReduceLogSum', ({ b, input, result, given }) => b.expandLike(b.div(given, b.op('Exp', [result()])), input)),
  reduction('ReduceLogSumExp', ({ b, input, result, given }) => b.mul(b.op('Exp', [b.sub(input, result())]), given)),
  {
    op: 'CumSum',
    inputs: [0],
    gradient: ({ b, node, x, dy }) => [
      b.op('CumSum', [dy, x(1)], { exclusive: node.int('exclusive', 0), reverse: 1 - node.int('reverse', 0) }),
    ],
  },
]
