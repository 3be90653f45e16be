import { type Engine, type Model, type Tensors } from '@whittle/ir'

/** Captured at a time: inner values of a whole network may not fit in memory together. */
const AT_A_TIME = 16

/** The first node, in the graph's order, that gives something that is not a finite number; undefined where none does. */
export async function firstNotFinite(model: Model, feeds: Tensors, engine: Engine): Promise<string | undefined> {
  const nodes = model.graph.nodes.filter((node) => node.outputs.some((output) => output?.elementType === 'float32'))
  for (let from = 0; from < nodes.length; from += AT_A_TIME) {
    const some = nodes.slice(from, from + AT_A_TIME)
    const names = some.flatMap((node) => node.outputs.flatMap((output) => (output?.elementType === 'float32' ? [output.name] : [])))
    const session = await engine.open(model, { capture: names, optimization: 'none' })
    try {
      const given = await session.run(feeds)
      for (const node of some)
        for (const output of node.outputs) {
          const tensor = output && given[output.name]
          if (tensor?.type === 'float32' && !tensor.toFloat32().every(Number.isFinite)) return node.describe()
        }
    } finally {
      await session.dispose()
    }
  }
  return undefined
}
