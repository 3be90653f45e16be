import { type Kernel, numberOf, tensorOf } from './kernel.ts'
import { expanded } from './layout.ts'
import { BOOL, INT32, type Type, broadcast, sizeOf } from './machine.ts'

/** Kernels of one input that take its element type. */
export const unary: Kernel = (machine, name, inputs) => {
  const x = tensorOf(inputs[0])
  const out = machine.make(x.shape, x.type)
  machine.call(name, x.buffer.id, x.type, out.buffer.id)
  return out
}

/** Sigmoid: float32 alone. */
export const sigmoid: Kernel = (machine, name, inputs) => {
  const x = tensorOf(inputs[0])
  const out = machine.make(x.shape)
  machine.call(name, x.buffer.id, out.buffer.id)
  return out
}

const COMPARES = /^(Equal|NotEqual|Greater|GreaterEqual|Less|LessEqual|LogicalAnd|LogicalOr|LogicalXor)$/
/** Others take operands of one shape. */
const BROADCASTS = /^(Add|Sub|Multiply|RealDiv)$/

/** Kernels of two inputs, which broadcast as in NumPy. */
export const binary: Kernel = (machine, name, inputs) => {
  const given = [tensorOf(inputs[0]), tensorOf(inputs[1])]
  const shape = given.map((x) => x.shape).reduce(broadcast)
  const operands = BROADCASTS.test(name) ? given : given.map((x) => expanded(machine, x, shape))
  const out = machine.make(shape, COMPARES.test(name) ? BOOL : given[0]!.type)
  const lists = operands.flatMap((x) => [x.buffer.id, machine.list(x.shape), x.shape.length])
  machine.call(name, ...lists, given[0]!.type, out.buffer.id)
  if (operands !== given) operands.forEach((x) => machine.release(x))
  return out
}

export const clip: Kernel = (machine, name, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const out = machine.make(x.shape)
  machine.call(name, x.buffer.id, numberOf(attributes, 'min', -Infinity), numberOf(attributes, 'max', Infinity), out.buffer.id)
  return out
}

export const leakyRelu: Kernel = (machine, name, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const out = machine.make(x.shape)
  machine.call(name, x.buffer.id, x.type, numberOf(attributes, 'alpha', 0.01), out.buffer.id)
  return out
}

/** x [..., C], slopes [C]. */
export const prelu: Kernel = (machine, name, inputs) => {
  const [x, slopes] = [tensorOf(inputs[0]), tensorOf(inputs[1])]
  const out = machine.make(x.shape)
  machine.call(name, x.buffer.id, slopes.buffer.id, out.buffer.id)
  return out
}

/** Cast to `type`, one of TensorFlow.js's numbers: to whole numbers towards zero, to bool by whether it is zero. */
export const cast: Kernel = (machine, _, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const type = numberOf(attributes, 'type', INT32) as Type
  if (type === x.type) return machine.reshape(x, x.shape)
  const out = machine.make(x.shape, type)
  const [from, to] = [machine.view(x), machine.view(out)]
  if (type === BOOL) for (let at = 0; at < from.length; at++) to[at] = from[at] ? 1 : 0
  else to.set(from)
  return out
}

/** `where ? a : b`, which broadcast as in NumPy. */
export const select: Kernel = (machine, name, inputs) => {
  const given = inputs.map(tensorOf)
  const shape = given.map((x) => x.shape).reduce(broadcast)
  const operands = given.map((x) => expanded(machine, x, shape))
  const out = machine.make(shape, given[1]!.type)
  const [where, a, b] = operands.map((x) => x.buffer.id) as [number, number, number]
  machine.call(name, where, a, b, 1, out.buffer.id)
  operands.forEach((x) => machine.release(x))
  return out
}

/** Softmax over the last axis. */
export const softmax: Kernel = (machine, name, inputs) => {
  const x = tensorOf(inputs[0])
  const out = machine.make(x.shape)
  const classes = x.shape.at(-1)!
  machine.call(name, x.buffer.id, out.buffer.id, classes, sizeOf(x.shape) / classes)
  return out
}
