import type { Model, Value } from '@whittle/ir'

/** Gives every inner value a short name: names weigh as much as weights in a small model. Inputs, outputs and their order stay. */
export function compact(model: Model): Model {
  const kept = new Set([...model.graph.inputs, ...model.graph.outputs])
  let next = 0
  const rename = (value: Value | undefined): void => {
    if (!value || kept.has(value)) return
    model.rename(value, model.uniqueName(`v${(next++).toString(36)}`))
  }
  for (const graph of model.graphs()) {
    if (graph !== model.graph) graph.inputs.forEach(rename)
    for (const value of graph.initializers) if (!value.isInput) rename(value)
    for (const node of graph.nodes) {
      node.name = ''
      node.outputs.forEach(rename)
    }
  }
  return model
}
