import { fromFront, shapeOf } from '../builder.ts'
import { unbroadcast } from '../broadcast.ts'
import type { Backward, Rule } from '../rule.ts'
import { unary } from './elementwise.ts'

/** Activations. At a kink the gradient is that of the side of the greater inputs, unless said otherwise. */

/** The derivative of the normal distribution's cumulative function at `x`, times `x`, added to that function's value. */
function geluSlope({ b, x, node }: Backward) {
  const input = x(0)
  if (node.string('approximate', 'none') === 'tanh') {
    const [c, k] = [Math.sqrt(2 / Math.PI), 0.044715]
    const square = b.mul(input, input)
    const t = b.op('Tanh', [b.mul(b.mul(input, c), b.add(b.mul(square, k), 1))])
    const inner = b.mul(b.add(b.mul(square, 3 * k), 1), c)
    const slope = b.mul(b.mul(input, b.sub(1, b.mul(t, t))), inner)
    return b.mul(b.add(b.add(t, 1), slope), 0.5)
  }
  const cumulative = b.mul(b.add(b.op('Erf', [b.mul(input, Math.SQRT1_2)]), 1), 0.5)
  const density = b.mul(b.op('Exp', [b.mul(b.mul(input, input), -0.5)]), 1 / Math.sqrt(2 * Math.PI))
  return b.add(cumulative, b.mul(input, density))
}

const SELU = { alpha: 1.6732632423543772, gamma: 1.0507009873554805 } as const

export const activationRules: readonly Rule[] = [
  // 0 at 0, as all frameworks have it.
  unary('Relu', ({ b, dy, y }) => b.where(b.greater(y, 0), dy, 0)),
  unary('LeakyRelu', ({ b, dy, input, node }) => b.where(b.less(input, 0), b.mul(dy, node.float('alpha', 0.01)), dy)),
  {
    op: 'PRelu',
    gradient: ({ b, dy, x, y, needs }) => {
      const negative = b.less(x(0), 0)
      return [
        needs(0) ? b.where(negative, b.mul(dy, x(1)), dy) : undefined,
        needs(1) ? unbroadcast(b, b.where(negative, b.mul(dy, x(0)), 0), y.shape, x(1)) : undefined,
      ]
    },
  },
  unary('ThresholdedRelu', ({ b, dy, input, node }) => b.where(b.greater(input, node.float('alpha', 1)), dy, 0)),
  unary('Elu', ({ b, dy, input, y, node }) => b.where(b.less(input, 0), b.mul(dy, b.add(y, node.float('alpha', 1))), dy)),
  unary('Celu', ({ b, dy, input, node }) => {
    const slope = b.op('Exp', [b.div(input, node.float('alpha', 1))])
    return b.where(b.less(input, 0), b.mul(dy, slope), dy)
  }),
  unary('Selu', ({ b, dy, input, y, node }) => {
    const [alpha, gamma] = [node.float('alpha', SELU.alpha), node.float('gamma', SELU.gamma)]
    return b.where(b.less(input, 0), b.mul(dy, b.add(y, alpha * gamma)), b.mul(dy, gamma))
  }),
  unary('Sigmoid', ({ b, dy, y }) => b.mul(dy, b.mul(y, b.sub(1, y)))),
  unary('HardSigmoid', ({ b, dy, y, node }) => {
    const inside = b.op('And', [b.greater(y, 0), b.less(y, 1)])
    return b.where(inside, b.mul(dy, node.float('alpha', 0.2)), 0)
  }),
  unary('HardSwish', ({ b, dy, input }) => {
    const outside = b.toFloat(b.greater(input, 0))
    return b.mul(dy, b.where(b.less(b.op('Abs', [input]), 3), b.add(b.div(input, 3), 0.5), outside))
  }),
  unary('Tanh', ({ b, dy, y }) => b.mul(dy, b.sub(1, b.mul(y, y)))),
  unary('Softplus', ({ b, dy, input }) => b.mul(dy, b.op('Sigmoid', [input]))),
  unary('Softsign', ({ b, dy, input }) => {
    const below = b.add(b.op('Abs', [input]), 1)
    return b.div(dy, b.mul(below, below))
  }),
  unary('Mish', ({ b, dy, input }) => {
    const t = b.op('Tanh', [b.op('Softplus', [input])])
    const slope = b.mul(b.mul(input, b.op('Sigmoid', [input])), b.sub(1, b.mul(t, t)))
    return b.mul(dy, b.add(t, slope))
  }),
  unary('Gelu', (at) => at.b.mul(at.dy, geluSlope(at))),
  unary('Softmax', ({ b, dy, y, node }) => {
    const axis = fromFront(node.int('axis', -1), shapeOf(y).length)
    return b.mul(y, b.sub(dy, b.sum(b.mul(dy, y), [axis])))
  }),
  unary('LogSoftmax', ({ b, dy, y, node }) => {
    const axis = fromFront(node.int('axis', -1), shapeOf(y).length)
    return b.sub(dy, b.mul(b.op('Exp', [y]), b.sum(dy, [axis])))
  }),
]
