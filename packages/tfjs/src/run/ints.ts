import { type Kernel, intsOf, listOf, numberOf, tensorOf } from './kernel.ts'
import { INT32, type Value } from './machine.ts'
import { indicesOf } from './layout.ts'

const valueOf = (ints: readonly number[], shape: readonly number[] = [ints.length]): Value => ({ ints, shape })

/** Whole numbers that are known beforehand: `values`, in `shape`. */
export const constant: Kernel = (_, __, ___, attributes) => valueOf(listOf(attributes, 'values')!, listOf(attributes, 'shape'))

/** The dims of a value; `axes` says which, in which order (values may lie in memory in another order than in the model). */
export const shapeOf: Kernel = (_, __, inputs, attributes) => {
  const { shape } = inputs[0]!
  return valueOf((listOf(attributes, 'axes') ?? shape.map((_, at) => at)).map((axis) => shape[axis]!))
}

const OPERATIONS: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => Math.trunc(a / b),
  max: Math.max,
  min: Math.min,
}

/** Arithmetic of shapes: one of either side is repeated. */
export const arithmetic: Kernel = (_, __, inputs, attributes) => {
  const [a, b] = [intsOf(inputs[0]), intsOf(inputs[1])]
  const operation = OPERATIONS[attributes['op'] as string]!
  const long = a.length >= b.length ? inputs[0]! : inputs[1]!
  const count = Math.max(a.length, b.length)
  return valueOf(
    Array.from({ length: count }, (_, at) => operation(a[a.length === 1 ? 0 : at]!, b[b.length === 1 ? 0 : at]!)),
    long.shape,
  )
}

export const joinInts: Kernel = (_, __, inputs) => valueOf(inputs.flatMap((input) => [...intsOf(input)]))

export const pickInts: Kernel = (_, __, inputs, attributes) => {
  const x = intsOf(inputs[0])
  const at = inputs[1]
    ? intsOf(inputs[1])
    : indicesOf(x.length, numberOf(attributes, 'begin', 0), numberOf(attributes, 'end', x.length), numberOf(attributes, 'step', 1))
  return valueOf(
    at.map((index) => x[index < 0 ? index + x.length : index]!),
    inputs[1] ? inputs[1].shape : undefined,
  )
}

/** The same numbers as a list, or as one number. */
export const shapeInts: Kernel = (_, __, inputs, attributes) => valueOf(intsOf(inputs[0]), attributes['scalar'] ? [] : undefined)

/** Whole numbers into the WebAssembly's memory. */
export const upload: Kernel = (machine, _, inputs) => {
  const { shape } = inputs[0]!
  const out = machine.make(shape, INT32)
  machine.view(out).set(intsOf(inputs[0]))
  return out
}

/** And out of it. */
export const download: Kernel = (machine, _, inputs) => {
  const x = tensorOf(inputs[0])
  return valueOf([...machine.view(x)].map(Math.trunc), x.shape)
}
