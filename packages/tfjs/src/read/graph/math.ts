import type { Value } from '@whittle/ir'
import { activate, leakyRelu } from '../blocks/activation.ts'
import { arithmetic, matched } from '../blocks/types.ts'
import type { Emitter } from '../emitter.ts'
import type { NodeRule, NodeRules } from './call.ts'

const unary =
  (op: string): NodeRule =>
  ({ e, input }) =>
    e.node(op, [input(0)])

const float =
  (op: string): NodeRule =>
  ({ e, input }) =>
    e.node(op, [e.cast(input(0), 'float32')])

const activation =
  (name: string): NodeRule =>
  ({ e, input }) =>
    activate(e, input(0), name)

const binary =
  (op: string): NodeRule =>
  ({ e, input }) =>
    arithmetic(e, op, input(0), input(1))

/** A whole number where both are: TensorFlow rounds it down, ONNX cuts it off. */
const divide: NodeRule = ({ e, input }) => {
  const [a, b] = matched(e, [input(0), input(1)]) as [Value, Value]
  return e.type(a) === 'float32' ? e.node('Div', [a, b]) : floorDivide(e, a, b)
}

function floorDivide(e: Emitter, a: Value, b: Value): Value {
  const isInt = e.type(a) !== 'float32'
  const sizes = [e.content(a), e.content(b)]
  // Sizes are not below zero, and their quotients stay known.
  if (isInt && sizes.every((content) => content?.every((item) => typeof item === 'string' || item > 0))) return e.node('Div', [a, b])
  const quotient = e.node('Floor', [e.node('Div', [e.cast(a, 'float32'), e.cast(b, 'float32')])])
  return isInt ? e.cast(quotient, 'int32') : quotient
}

/** The remainder has the divisor's sign. */
const modulo: NodeRule = ({ e, input }) => {
  const [a, b] = matched(e, [input(0), input(1)]) as [Value, Value]
  if (e.type(a) !== 'float32') return e.node('Mod', [a, b])
  return e.node('Sub', [a, e.node('Mul', [floorDivide(e, a, b), b])])
}

const addAll: NodeRule = ({ e, inputs, input }) => inputs.slice(1).reduce((sum, value) => arithmetic(e, 'Add', sum, value), input(0))

/** The bias runs along the channels, the last axis unless the node says otherwise. */
const biasAdd: NodeRule = ({ e, input, attributes }) => {
  const rank = e.rank(input(0))
  if (attributes.word('data_format', 'nhwc') !== 'nchw' || rank < 3) return arithmetic(e, 'Add', input(0), input(1))
  return e.node('Add', [input(0), e.reshape(input(1), [e.fixed(input(1), 0), ...Array.from({ length: rank - 2 }, () => 1)])])
}

/** ONNX has the arc tangent of one number: the quotient's, and half a turn more or less where x is below zero. */
const atan2: NodeRule = ({ e, input }) => {
  const [y, x] = [e.cast(input(0), 'float32'), e.cast(input(1), 'float32')]
  const zero = e.scalar(0)
  const angle = e.node('Atan', [e.node('Div', [y, x])])
  const half = e.node('Where', [e.node('Less', [y, zero]), e.scalar(-Math.PI), e.scalar(Math.PI)])
  const turned = e.node('Where', [e.node('Less', [x, zero]), e.node('Add', [angle, half]), angle])
  const isOrigin = e.node('And', [e.node('Equal', [x, zero]), e.node('Equal', [y, zero])])
  return e.node('Where', [isOrigin, zero, turned])
}

export const arithmeticOps: NodeRules = {
  Add: binary('Add'),
  AddV2: binary('Add'),
  AddN: addAll,
  BiasAdd: biasAdd,
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: divide,
  RealDiv: divide,
  DivNoNan: ({ e, input }) => {
    const [a, b] = [e.cast(input(0), 'float32'), e.cast(input(1), 'float32')]
    const zero = e.scalar(0)
    return e.node('Where', [e.node('Equal', [b, zero]), zero, e.node('Div', [a, b])])
  },
  FloorDiv: ({ e, input }) => {
    const [a, b] = matched(e, [input(0), input(1)]) as [Value, Value]
    return floorDivide(e, a, b)
  },
  FloorMod: modulo,
  Mod: modulo,
  Minimum: binary('Min'),
  Maximum: binary('Max'),
  Pow: binary('Pow'),
  SquaredDifference: ({ e, input }) => {
    const difference = arithmetic(e, 'Sub', input(0), input(1))
    return e.node('Mul', [difference, difference])
  },
}

export const mathOps: NodeRules = {
  Abs: unary('Abs'),
  Acos: float('Acos'),
  Acosh: float('Acosh'),
  Asin: float('Asin'),
  Asinh: float('Asinh'),
  Atan: float('Atan'),
  Atan2: atan2,
  Atanh: float('Atanh'),
  Ceil: float('Ceil'),
  Cos: float('Cos'),
  Cosh: float('Cosh'),
  Elu: activation('elu'),
  Erf: float('Erf'),
  Exp: float('Exp'),
  Expm1: ({ e, input }) => e.node('Sub', [e.node('Exp', [e.cast(input(0), 'float32')]), e.scalar(1)]),
  Floor: float('Floor'),
  Log: float('Log'),
  Log1p: ({ e, input }) => e.node('Log', [e.node('Add', [e.cast(input(0), 'float32'), e.scalar(1)])]),
  Neg: unary('Neg'),
  Reciprocal: float('Reciprocal'),
  Relu: unary('Relu'),
  Relu6: activation('relu6'),
  Round: float('Round'),
  Rsqrt: ({ e, input }) => e.node('Reciprocal', [e.node('Sqrt', [e.cast(input(0), 'float32')])]),
  Selu: activation('selu'),
  Sigmoid: float('Sigmoid'),
  Sin: float('Sin'),
  Sign: unary('Sign'),
  Sinh: float('Sinh'),
  Softplus: float('Softplus'),
  Sqrt: float('Sqrt'),
  Square: ({ e, input }) => e.node('Mul', [input(0), input(0)]),
  Tan: float('Tan'),
  Tanh: float('Tanh'),
  ClipByValue: ({ e, input }) => {
    const type = e.type(input(0))
    return e.node('Clip', [input(0), e.cast(input(1), type), e.cast(input(2), type)])
  },
  LeakyRelu: ({ e, input, attributes }) => leakyRelu(e, input(0), attributes.float('alpha', 0.2)),
  Prelu: ({ e, input }) => e.node('PRelu', [input(0), input(1)]),
  IsNan: float('IsNaN'),
  IsInf: float('IsInf'),
  IsFinite: ({ e, input }) => {
    const x = e.cast(input(0), 'float32')
    return e.node('Not', [e.node('Or', [e.node('IsInf', [x]), e.node('IsNaN', [x])])])
  },
}

export const logicalOps: NodeRules = {
  Equal: binary('Equal'),
  NotEqual: ({ e, input }) => e.node('Not', [arithmetic(e, 'Equal', input(0), input(1))]),
  Greater: binary('Greater'),
  GreaterEqual: binary('GreaterOrEqual'),
  Less: binary('Less'),
  LessEqual: binary('LessOrEqual'),
  LogicalAnd: ({ e, input }) => e.node('And', [e.cast(input(0), 'bool'), e.cast(input(1), 'bool')]),
  LogicalOr: ({ e, input }) => e.node('Or', [e.cast(input(0), 'bool'), e.cast(input(1), 'bool')]),
  LogicalNot: ({ e, input }) => e.node('Not', [e.cast(input(0), 'bool')]),
  Select: ({ e, input }) => e.node('Where', [e.cast(input(0), 'bool'), ...matched(e, [input(1), input(2)])]),
  SelectV2: ({ e, input }) => e.node('Where', [e.cast(input(0), 'bool'), ...matched(e, [input(1), input(2)])]),
}
