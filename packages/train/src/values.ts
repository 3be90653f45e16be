import type { Model, Value } from '@whittle/ir'

/** All values of a model's own graph: inputs, initializers, and what nodes give. */
export function valuesOf({ graph }: Model): Value[] {
  const all = [...graph.inputs, ...graph.initializers, ...graph.nodes.flatMap((node) => node.outputs)]
  return all.filter((value) => value !== undefined)
}

export function valuesByName(model: Model): Map<string, Value> {
  return new Map(valuesOf(model).map((value) => [value.name, value]))
}
