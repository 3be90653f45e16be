import type { Model } from '@whittle/ir'
import { readOnnxFile } from '@whittle/ir/onnx'

/** The beginning of a model, up to its `count`-th node of a type, whose output becomes the only one: real weights, and quick on a slow device. */
export function cut(file: string, type: string, count: number): Model {
  const { model } = readOnnxFile(file)
  const { graph } = model
  const last = graph.nodes.filter((node) => node.type === type)[count - 1]
  if (!last) throw new Error(`${file} has fewer than ${count} nodes of type ${type}`)
  graph.setOutputs([last.output])
  for (const node of graph.nodes.toReversed())
    if (node.outputs.every((output) => !output || (output.uses.length === 0 && !output.isOutput))) graph.removeNode(node)
  for (const value of [...graph.initializers]) if (value.uses.length === 0) graph.removeInitializer(value)
  return model
}
