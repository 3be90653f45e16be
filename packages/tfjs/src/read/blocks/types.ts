import type { ElementType, Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'

/** TensorFlow.js's order of types: of two, the one that holds both. */
const ORDER: readonly ElementType[] = ['bool', 'int32', 'float32']

/** Brings operands to one type, as TensorFlow.js does. */
export function matched(e: Emitter, values: readonly Value[]): Value[] {
  const types = values.map((value) => e.type(value))
  const widest = types.reduce((a, b) => (ORDER.indexOf(b) > ORDER.indexOf(a) ? b : a))
  return values.map((value) => e.cast(value, widest))
}

/** An elementwise op of two operands. */
export function arithmetic(e: Emitter, op: string, a: Value, b: Value): Value {
  const [left, right] = matched(e, [a, b])
  return e.node(op, [left, right])
}
