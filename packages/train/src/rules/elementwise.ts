import type { Value } from '@whittle/ir'
import { unbroadcast } from '../broadcast.ts'
import type { Backward, Rule } from '../rule.ts'

/** Ops on each element by itself, of inputs that are broadcast to one shape. */

/** Sums what belongs to input `index` over the axes along which it was repeated. */
const toInput = ({ b, x, y }: Backward, index: number, gradient: Value): Value => unbroadcast(b, gradient, y.shape, x(index))

/** A rule for an op with one input. */
export const unary = (op: string, gradient: (at: Backward & { input: Value }) => Value): Rule => ({
  op,
  inputs: [0],
  gradient: (at) => [gradient({ ...at, dy: at.dy, input: at.x(0) })],
})

/** A rule for an op whose inputs are broadcast; each function gives a gradient of the output's shape. */
const broadcast = (op: string, inputs: readonly ((at: Backward) => Value)[]): Rule => ({
  op,
  inputs: inputs.map((_, index) => index),
  gradient: (at) => inputs.map((gradient, index) => (at.needs(index) ? toInput(at, index, gradient(at)) : undefined)),
})

/** A rule for an op with any number of inputs that are broadcast. */
const variadic = (op: string, gradient: (at: Backward, index: number) => Value): Rule => ({
  op,
  gradient: (at) => at.node.inputs.map((_, index) => (at.needs(index) ? toInput(at, index, gradient(at, index)) : undefined)),
})

/** Where input `index` is the extreme; of equal ones the first counts. */
function extreme({ b, x, y, dy }: Backward, index: number): Value {
  let mask = b.equal(x(index), y)
  for (let before = 0; before < index; before++) mask = b.op('And', [mask, b.op('Not', [b.equal(x(before), y)])])
  return b.where(mask, dy, 0)
}

/** Exponents may be integers of any type. */
const exponent = ({ b, x }: Backward): Value => (x(1).elementType === 'float32' ? x(1) : b.toFloat(x(1)))

export const elementwiseRules: readonly Rule[] = [
  broadcast('Add', [({ dy }) => dy, ({ dy }) => dy]),
  broadcast('Sub', [({ dy }) => dy, ({ b, dy }) => b.neg(dy)]),
  broadcast('Mul', [({ b, dy, x }) => b.mul(dy, x(1)), ({ b, dy, x }) => b.mul(dy, x(0))]),
  broadcast('Div', [({ b, dy, x }) => b.div(dy, x(1)), ({ b, dy, x, y }) => b.neg(b.div(b.mul(dy, y), x(1)))]),
  broadcast('Pow', [
    (at) => at.b.mul(at.dy, at.b.mul(at.b.op('Pow', [at.x(0), at.b.sub(exponent(at), 1)]), exponent(at))),
    // The logarithm of what is not positive is taken for 0.
    ({ b, dy, x, y }) => b.mul(dy, b.where(b.greater(x(0), 0), b.mul(y, b.op('Log', [x(0)])), 0)),
  ]),
  {
    op: 'Where',
    inputs: [1, 2],
    gradient: (at) => [
      undefined,
      at.needs(1) ? toInput(at, 1, at.b.where(at.x(0), at.dy, 0)) : undefined,
      at.needs(2) ? toInput(at, 2, at.b.where(at.x(0), 0, at.dy)) : undefined,
    ],
  },
  variadic('Max', extreme),
  variadic('Min', extreme),
  variadic('Sum', ({ dy }) => dy),
  variadic('Mean', ({ b, dy, node }) => b.div(dy, node.inputs.length)),
  unary('Neg', ({ b, dy }) => b.neg(dy)),
  unary('Abs', ({ b, dy, input }) => b.mul(dy, b.op('Sign', [input]))),
  unary('Sqrt', ({ b, dy, y }) => b.div(b.mul(dy, 0.5), y)),
  unary('Exp', ({ b, dy, y }) => b.mul(dy, y)),
  unary('Log', ({ b, dy, input }) => b.div(dy, input)),
  unary('Reciprocal', ({ b, dy, y }) => b.neg(b.mul(dy, b.mul(y, y)))),
  unary('Sin', ({ b, dy, input }) => b.mul(dy, b.op('Cos', [input]))),
  unary('Cos', ({ b, dy, input }) => b.neg(b.mul(dy, b.op('Sin', [input])))),
  unary('Erf', ({ b, dy, input }) => b.mul(dy, b.mul(b.op('Exp', [b.neg(b.mul(input, input))]), 2 / Math.sqrt(Math.PI)))),
  // An element that stays as it is lies within the limits, these included.
  unary('Clip', ({ b, dy, input, y }) => b.where(b.equal(input, y), dy, 0)),
  unary('Identity', ({ dy }) => dy),
  {
    ...unary('Cast', ({ dy }) => dy),
    refuse: (node) =>
      node.inputs[0]?.elementType === 'float32' && node.output.elementType === 'float32' ? undefined : 'it changes the type',
  },
  {
    ...unary('Dropout', ({ dy }) => dy),
    refuse: (node) => (node.inputs[2] ? 'it may be in training mode' : undefined),
  },
]
