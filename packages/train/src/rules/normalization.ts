import type { Value } from '@whittle/ir'
import { type Builder, fromFront, range, shapeOf } from '../builder.ts'
import { unbroadcast } from '../broadcast.ts'
import type { Backward, Rule } from '../rule.ts'

/** Normalizations. Channels are on axis 1, where they have a meaning. */

/** What subtracting the mean and dividing by the standard deviation along axes gives, and the inverse of that deviation. */
function standardized(b: Builder, x: Value, axes: readonly number[], epsilon: number): { normal: Value; inverse: Value } {
  const centred = b.sub(x, b.mean(x, axes))
  const inverse = b.op('Reciprocal', [b.op('Sqrt', [b.add(b.mean(b.mul(centred, centred), axes), epsilon)])])
  return { normal: b.mul(centred, inverse), inverse }
}

/** Back through {@link standardized}: what is constant or proportional to `normal` along the axes makes no difference. */
function standardizedGradient(b: Builder, normal: Value, inverse: Value, dy: Value, axes: readonly number[]): Value {
  const along = b.mul(normal, b.mean(b.mul(dy, normal), axes))
  return b.mul(b.sub(b.sub(dy, b.mean(dy, axes)), along), inverse)
}

/** A vector of channels, to be multiplied with values of a rank. */
const perChannel = (b: Builder, vector: Value, rank: number): Value => b.reshape(vector, [1, -1, ...range(2, rank).map(() => 1)])

/** The sum over all axes but that of the channels. */
const overPositions = (b: Builder, value: Value, rank: number): Value => b.sum(value, [0, ...range(2, rank)], false)

function layerNormalization({ b, node, x, y, dy, needs }: Backward): (Value | undefined)[] {
  const rank = shapeOf(x(0)).length
  const axes = range(fromFront(node.int('axis', -1), rank), rank)
  const { normal, inverse } = standardized(b, x(0), axes, node.float('epsilon', 1e-5))
  return [
    needs(0) ? standardizedGradient(b, normal, inverse, b.mul(dy, x(1)), axes) : undefined,
    needs(1) ? unbroadcast(b, b.mul(dy, normal), y.shape, x(1)) : undefined,
    needs(2) ? unbroadcast(b, dy, y.shape, x(2)) : undefined,
  ]
}

function instanceNormalization({ b, node, x, dy, needs }: Backward): (Value | undefined)[] {
  const rank = shapeOf(x(0)).length
  const axes = range(2, rank)
  const { normal, inverse } = standardized(b, x(0), axes, node.float('epsilon', 1e-5))
  return [
    needs(0) ? standardizedGradient(b, normal, inverse, b.mul(dy, perChannel(b, x(1), rank)), axes) : undefined,
    needs(1) ? overPositions(b, b.mul(dy, normal), rank) : undefined,
    needs(2) ? overPositions(b, dy, rank) : undefined,
  ]
}

/** Since opset 21 with a scale and a bias for each channel. */
function groupNormalization({ b, node, x, dy, needs }: Backward): (Value | undefined)[] {
  const rank = shapeOf(x(0)).length
  const grouped = (value: Value): Value => b.reshape(value, [0, node.int('num_groups', 1), -1])
  const { normal, inverse } = standardized(b, grouped(x(0)), [2], node.float('epsilon', 1e-5))
  const scaled = (): Value => grouped(b.mul(dy, perChannel(b, x(1), rank)))
  return [
    needs(0) ? b.reshapeLike(standardizedGradient(b, normal, inverse, scaled(), [2]), x(0)) : undefined,
    needs(1) ? overPositions(b, b.mul(dy, b.reshapeLike(normal, x(0))), rank) : undefined,
    needs(2) ? overPositions(b, dy, rank) : undefined,
  ]
}

/** With running statistics, which stay as they are. */
function batchNormalization({ b, node, x, dy, needs }: Backward): (Value | undefined)[] {
  const rank = shapeOf(x(0)).length
  const inverse = b.op('Reciprocal', [b.op('Sqrt', [b.add(x(4), node.float('epsilon', 1e-5))])])
  const gradientOfScale = (): Value => {
    const centred = b.sub(x(0), perChannel(b, x(3), rank))
    return b.mul(overPositions(b, b.mul(dy, centred), rank), inverse)
  }
  return [
    needs(0) ? b.mul(dy, perChannel(b, b.mul(x(1), inverse), rank)) : undefined,
    needs(1) ? gradientOfScale() : undefined,
    needs(2) ? overPositions(b, dy, rank) : undefined,
  ]
}

export const normalizationRules: readonly Rule[] = [
  {
    op: 'BatchNormalization',
    inputs: [0, 1, 2],
    refuse: (node) => (node.int('training_mode', 0) === 0 ? undefined : 'it is in training mode'),
    gradient: batchNormalization,
  },
  { op: 'LayerNormalization', gradient: layerNormalization },
  { op: 'InstanceNormalization', gradient: instanceNormalization },
  { op: 'GroupNormalization', gradient: groupNormalization },
]
