import { type Model, Tensor, type Value } from '@whittle/ir'

/**
 * A copy of a model in which every activation that has a grid is rounded to it, by a QuantizeLinear and a DequantizeLinear: what integers would
 * lose, on a target that computes all of it in them.
 */
export function onGrids(model: Model): Model {
  const copy = model.clone()
  const { graph } = copy
  const values = [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs)].filter((value): value is Value => value !== undefined)
  for (const value of values) {
    const grid = value.quantization
    const uses = [...value.uses]
    if (value.tensor || grid?.kind !== 'integer' || uses.length === 0) continue
    const scale = graph.addInitializer(`${value.name}_scale`, Tensor.float32([], [grid.scale[0]!]))
    const zeroPoint = graph.addInitializer(`${value.name}_zero_point`, Tensor.of('uint8', [], [grid.zeroPoint[0]!]))
    const add = (op: string, input: Value): Value =>
      graph.addNode({ op, inputs: [input, scale, zeroPoint], outputs: [`${value.name}_${op}`] }).output
    const rounded = add('DequantizeLinear', add('QuantizeLinear', value))
    for (const { node, index } of uses) graph.setInput(node, index, rounded)
  }
  graph.sort()
  return copy
}
