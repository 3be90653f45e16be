import { type Kernel, numberOf, tensorOf } from './kernel.ts'
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

/** Kernels of two inputs, which broadcast as in NumPy. */
export const binary: Kernel = (machine, name, inputs) => {
  const [a, b] = [tensorOf(inputs[0]), tensorOf(inputs[1])]
  const type: Type = COMPARES.test(name) ? BOOL : a.type
  const out = machine.make(broadcast(a.shape, b.shape), type)
  const left = [a.buffer.id, machine.list(a.shape), a.shape.length]
  const right = [b.buffer.id, machine.list(b.shape), b.shape.length]
  machine.call(name, ...left, ...right, a.type, out.buffer.id)
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

/** `where ? a : b`, all of one shape. */
export const select: Kernel = (machine, name, inputs) => {
  const [where, a, b] = [tensorOf(inputs[0]), tensorOf(inputs[1]), tensorOf(inputs[2])]
  const out = machine.make(a.shape, a.type)
  machine.call(name, where.buffer.id, a.buffer.id, b.buffer.id, sizeOf(a.shape) / sizeOf(where.shape), out.buffer.id)
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
