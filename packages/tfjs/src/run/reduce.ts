import { type Kernel, numberOf, tensorOf } from './kernel.ts'
import { INT32, sizeOf } from './machine.ts'

/** Mean, Sum, Prod, Max and Min over the last `axes` axes, which become `keep` axes of 1. */
export const reduce: Kernel = (machine, name, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const axes = numberOf(attributes, 'axes', 1)
  const kept = x.shape.slice(0, x.shape.length - axes)
  const size = sizeOf(x.shape.slice(kept.length))
  const out = machine.make([...kept, ...Array<number>(numberOf(attributes, 'keep', 0)).fill(1)], x.type)
  const [from, to] = [x.buffer.id, out.buffer.id]
  if (name === 'Mean') machine.call(name, from, size, to)
  else if (name === 'Max' || name === 'Min') machine.call(name, from, x.type, size, to)
  else machine.call(name, from, size, x.type, to)
  return out
}

/** ArgMax and ArgMin over the last axis; `keep` axes of 1 in its place. */
export const argument: Kernel = (machine, name, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const kept = x.shape.slice(0, -1)
  const out = machine.make([...kept, ...Array<number>(numberOf(attributes, 'keep', 0)).fill(1)], INT32)
  machine.call(name, x.buffer.id, x.type, sizeOf(kept), x.shape.at(-1)!, out.buffer.id)
  return out
}
