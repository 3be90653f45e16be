import type { Value } from '@whittle/ir'
import { type Builder, fromFront, range, shapeOf } from '../builder.ts'
import type { Backward, Rule } from '../rule.ts'

/** Ops that take elements by their places. */

/**
 * The gradient of any op that only moves elements: `select` is applied to the places of `x`'s elements, counted over all of it (int64), and
 * each gradient is added at its place.
 */
export function selectionGradient(b: Builder, x: Value, dy: Value, select: (places: Value) => Value): Value {
  const count = b.op('Size', [x])
  const places = b.op('Reshape', [b.op('Range', [b.int(0), count, b.int(1)]), b.shapeOf(x)])
  const zeros = b.flatten(b.zerosLike(x))
  const sums = b.op('ScatterElements', [zeros, b.flatten(select(places)), b.flatten(dy)], { axis: 0, reduction: 'add' })
  return b.reshapeLike(sums, x)
}

/** Adds each slice where it was taken; the axis is moved to the front for that, and the axes of the indices are there in `dy`. */
function gatherGradient({ b, node, x, dy }: Backward): Value {
  const [rank, indexRank] = [shapeOf(x(0)).length, shapeOf(x(1)).length]
  const axis = fromFront(node.int('axis', 0), rank)
  const first = [axis, ...range(0, rank).filter((other) => other !== axis)]
  const zeros = b.transpose(b.zerosLike(x(0)), first)
  const indexAxes = range(axis, axis + indexRank)
  const updates = b.transpose(dy, [...indexAxes, ...range(0, rank - 1 + indexRank).filter((other) => !indexAxes.includes(other))])
  const sums = b.op('ScatterND', [zeros, b.unsqueeze(b.toInt64(x(1)), [-1]), updates], { reduction: 'add' })
  return b.transpose(
    sums,
    range(0, rank).map((other) => first.indexOf(other)),
  )
}

export const indexingRules: readonly Rule[] = [
  { op: 'Gather', inputs: [0], gradient: (at) => [gatherGradient(at)] },
  {
    op: 'GatherElements',
    inputs: [0],
    gradient: ({ b, node, x, dy }) => [
      b.op('ScatterElements', [b.zerosLike(x(0)), x(1), dy], { axis: node.int('axis', 0), reduction: 'add' }),
    ],
  },
  {
    op: 'GatherND',
    inputs: [0],
    refuse: (node) => (node.int('batch_dims', 0) === 0 ? undefined : 'batch_dims is not 0'),
    gradient: ({ b, x, dy }) => [b.op('ScatterND', [b.zerosLike(x(0)), x(1), dy], { reduction: 'add' })],
  },
]
