import type { Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import { plain } from '../json.ts'

type Activation = (e: Emitter, x: Value) => Value

const float = (value: number): { type: 'float'; value: number } => ({ type: 'float', value })

const unary =
  (op: string): Activation =>
  (e, x) =>
    e.node(op, [x])

/** The activations of TensorFlow.js, under their names in lower case without underscores. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  linear: (_, x) => x,
  elu: unary('Elu'),
  selu: unary('Selu'),
  relu: unary('Relu'),
  relu6: (e, x) => clip(e, x, 0, 6),
  sigmoid: unary('Sigmoid'),
  hardsigmoid: (e, x) => e.node('HardSigmoid', [x], { alpha: float(0.2), beta: float(0.5) }),
  softplus: unary('Softplus'),
  softsign: unary('Softsign'),
  tanh: unary('Tanh'),
  softmax: (e, x) => e.node('Softmax', [x], { axis: -1 }),
  logsoftmax: (e, x) => e.node('LogSoftmax', [x], { axis: -1 }),
  gelu: unary('Gelu'),
  gelunew: (e, x) => e.node('Gelu', [x], { approximate: 'tanh' }),
  mish: unary('Mish'),
  swish: (e, x) => e.node('Mul', [x, e.node('Sigmoid', [x])]),
}

export const activationNames = Object.keys(ACTIVATIONS)

/** @throws {UnsupportedError} when TensorFlow.js has no activation of that name. */
export function activate(e: Emitter, x: Value, name: string): Value {
  const activation = Object.hasOwn(ACTIVATIONS, plain(name)) ? ACTIVATIONS[plain(name)] : undefined
  if (!activation) throw e.refuse(`activation '${name}' is none of TensorFlow.js's: ${activationNames.join(', ')}`)
  return activation(e, x)
}

/** Keeps numbers within two limits. */
export function clip(e: Emitter, x: Value, from: number, to: number): Value {
  const type = e.type(x)
  return e.node('Clip', [x, e.scalar(from, type), e.scalar(to, type)])
}

export function leakyRelu(e: Emitter, x: Value, alpha: number): Value {
  return e.node('LeakyRelu', [x], { alpha: float(alpha) })
}
