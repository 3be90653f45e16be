import type { Value } from '@whittle/ir'

/** Makes a graph input of an initializer, of the same name; anything else stays. */
export function asInput(value: Value): Value {
  const { tensor, graph, name } = value
  if (!tensor || value.isInput) return value
  const input = graph.addInput(graph.model.uniqueName(`${name}_input`), tensor.type, [...tensor.dims])
  for (const giver of graph.outputs.includes(value) ? [graph] : [])
    giver.setOutputs(giver.outputs.map((output) => (output === value ? input : output)))
  graph.replaceUses(value, input)
  graph.removeInitializer(value)
  graph.model.rename(input, name)
  return input
}
