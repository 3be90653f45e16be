import type { ElementType, Node, Value } from '@whittle/ir'
import { type Builder, fromFront, range, shapeOf, shapedLike } from '../builder.ts'
import type { Backward, Rule } from '../rule.ts'
import { unary } from './elementwise.ts'

/**
 * Round, QuantizeLinear and DequantizeLinear, by the straight-through estimator (Bengio, Leonard & Courville 2013): rounding passes gradients as
 * they are, and what is clipped gets none. Between the two a gradient is that of the number that the integer stands for. The gradient of a
 * scale is that of learned step sizes (Esser et al. 2020), the parts of both ops added up.
 */

const RANGES: Partial<Record<ElementType, readonly [number, number]>> = {
  int4: [-8, 7],
  uint4: [0, 15],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
}

const refuseBlocked = (node: Node): string | undefined =>
  node.int('block_size', 0) === 0 ? undefined : 'it has a scale for each block, and there is no rule for that'

const refuseQuantize = (node: Node): string | undefined =>
  refuseBlocked(node) ?? (RANGES[node.output.elementType!] ? undefined : `it gives ${node.output.elementType}`)

/** A scale, or a zero point made float, to be multiplied with values of the rank of `x`. */
function aligned({ b, node, x }: Backward, parameter: Value): Value {
  if (shapeOf(parameter).length === 0) return parameter
  const rank = shapeOf(x(0)).length
  const axis = fromFront(node.int('axis', 1), rank)
  return b.reshape(
    parameter,
    range(0, rank).map((other) => (other === axis ? -1 : 1)),
  )
}

/** Sums over all that share a scale. */
function toScale({ b, node, x }: Backward, gradient: Value): Value {
  const rank = shapeOf(x(0)).length
  const single = shapeOf(x(1)).length === 0
  const axis = fromFront(node.int('axis', 1), rank)
  return b.sum(
    gradient,
    range(0, rank).filter((other) => single || other !== axis),
    false,
  )
}

function zeroPoint(at: Backward): Value | number {
  const point = at.node.inputs[2]
  // Its shape goes with the scale's.
  return point ? aligned(at, shapedLike(at.b.toFloat(point), point)) : 0
}

/** Whether each element, once rounded, is within the type's range. */
function inRange(b: Builder, at: Backward): Value {
  const [low, high] = RANGES[at.y.elementType!]!
  const rounded = b.op('Round', [b.div(at.x(0), aligned(at, at.x(1)))])
  const point = zeroPoint(at)
  const level = point === 0 ? rounded : b.add(rounded, point)
  return b.op('And', [b.greater(level, low - 0.5), b.less(level, high + 0.5)])
}

export const quantizationRules: readonly Rule[] = [
  unary('Round', ({ dy }) => dy),
  {
    op: 'QuantizeLinear',
    inputs: [0, 1],
    refuse: refuseQuantize,
    gradient: (at) => {
      const { b, x, dy, needs } = at
      const passed = b.where(inRange(b, at), dy, 0)
      return [passed, needs(1) ? toScale(at, b.neg(b.mul(passed, b.div(x(0), aligned(at, x(1)))))) : undefined]
    },
  },
  {
    op: 'DequantizeLinear',
    inputs: [0, 1],
    refuse: refuseBlocked,
    gradient: (at) => {
      const { b, x, dy, needs } = at
      return [dy, needs(1) ? toScale(at, b.mul(dy, b.sub(b.toFloat(x(0)), zeroPoint(at)))) : undefined]
    },
  },
]
