import { type Engine, type Model, type Tensors, type Value, removeUnused } from '@whittle/ir'

/** The constants from which a value is computed, each once; undefined where it depends on an input of the model. */
export function sourcesOf(value: Value): Value[] | undefined {
  const found = new Set<Value>()
  const visit = (item: Value): boolean => {
    if (item.tensor && !item.isInput) return found.add(item) !== undefined
    const { producer } = item
    if (!producer || producer.inputs.length === 0 || producer.subgraphs.length > 0) return false
    return producer.inputs.every((input) => !input || visit(input))
  }
  return visit(value) ? [...found] : undefined
}

/** Computes values that depend on constants alone, by name; values of subgraphs are left out. */
export async function unfold(model: Model, values: readonly Value[], engine: Engine): Promise<Tensors> {
  const inner = values.filter((value) => value.graph === model.graph && value.producer)
  if (inner.length === 0) return {}
  const copy = model.clone()
  const byName = new Map(
    [...copy.graph.nodes].flatMap(({ outputs }) => outputs.flatMap((output) => (output ? [[output.name, output]] : []))),
  )
  copy.graph.setOutputs(inner.map(({ name }) => byName.get(name)!))
  removeUnused(copy.graph)
  for (const input of [...copy.graph.inputs]) if (input.uses.length === 0 && !input.isOutput) copy.graph.removeInput(input)
  const session = await engine.open(copy)
  try {
    return await session.run({})
  } finally {
    await session.dispose()
  }
}
