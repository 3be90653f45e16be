import type { Model, Value } from '@whittle/ir'

/** Of constants that were made of a weight of the file, permuted or reshaped: its name. */
const origins = new WeakMap<Value, string>()

export function madeFrom(value: Value, source: Value | string): Value {
  origins.set(value, typeof source === 'string' ? source : (origins.get(source) ?? source.name))
  return value
}

/** Weights go by the names of the file, once what they were made of is gone. */
export function nameConstants(model: Model): void {
  for (const value of model.initializers()) {
    const name = origins.get(value)
    if (name !== undefined && value.name !== name && model.uniqueName(name) === name) model.rename(value, name)
  }
}
