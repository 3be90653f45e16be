import { type Model, inferShapes, removeUnused } from '@whittle/ir'
import { nameConstants } from '../origin.ts'
import { foldBias } from './bias.ts'
import { sinkTransposes } from './sink.ts'

/** Takes away what the reader leaves behind: Transposes around every layer, biases beside convolutions, nodes that nobody reads. */
export function tidy(model: Model): void {
  removeUnused(model.graph)
  sinkTransposes(model)
  foldBias(model.graph)
  removeUnused(model.graph)
  inferShapes(model)
  nameConstants(model)
  nameNodes(model)
}

/** ONNX Runtime wants the names of nodes unique. */
function nameNodes(model: Model): void {
  const taken = new Map<string, number>()
  for (const node of model.nodes()) {
    const count = taken.get(node.name) ?? 0
    taken.set(node.name, count + 1)
    if (count === 0) continue
    let suffix = count
    while (taken.has(`${node.name}_${suffix}`)) suffix++
    node.name = `${node.name}_${suffix}`
    taken.set(node.name, 1)
  }
}
