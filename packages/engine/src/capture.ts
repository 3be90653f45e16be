import { type Model, UnsupportedError, type Value } from '@whittle/ir'

/**
 * A copy of `model` whose inner values `names` are outputs too, after its own; values that are outputs already are not repeated.
 * @throws {UnsupportedError} for a name that no value of the model's own graph has: values of subgraphs cannot be captured.
 */
export function withCaptured(model: Model, names: readonly string[]): Model {
  const copy = model.clone()
  const values = new Map<string, Value>()
  for (const value of [...copy.graph.inputs, ...copy.graph.initializers]) values.set(value.name, value)
  for (const node of copy.graph.nodes) for (const output of node.outputs) if (output) values.set(output.name, output)
  for (const name of new Set(names)) {
    const value = values.get(name)
    if (!value)
      throw new UnsupportedError(
        'ENGINE_CAPTURE',
        `cannot capture '${name}': the model's graph has no such value (values inside subgraphs cannot be captured)`,
      )
    if (!copy.graph.outputs.includes(value)) copy.graph.addOutput(value)
  }
  return copy
}
