import { type Model, type Node, type Value, inferShapes } from '@whittle/ir'
import { Builder, isUsed, range, shapeOf } from './builder.ts'

/** The mean or the variance that a BatchNormalization keeps, and the output that gives a batch's own. */
export interface BatchStatistic {
  /** The initializer. */
  readonly name: string
  readonly output: string
  readonly of: 'mean' | 'variance'
}

/**
 * Lets each BatchNormalization take the mean and the variance of its batch, over all axes but the channels', in place of those that it keeps
 * (Ioffe & Szegedy 2015), and gives them out: `[C]` each, the mean first. One whose statistics are no initializers of its own stays as it is.
 * @param model is edited.
 */
export function useBatchStatistics(model: Model): BatchStatistic[] {
  const { graph } = model
  inferShapes(model)
  const b = new Builder(graph)
  const statistics: BatchStatistic[] = []
  for (const node of graph.nodes.filter(keepsStatistics)) {
    const [x, scale, bias, mean, variance] = node.inputs as Value[]
    const rank = shapeOf(x).length
    const axes = [0, ...range(2, rank)]
    const own = b.mean(x!, axes)
    const centred = b.sub(x!, own)
    const spread = b.mean(b.mul(centred, centred), axes)
    const normal = b.div(centred, b.op('Sqrt', [b.add(spread, node.float('epsilon', 1e-5))]))
    const along = (vector: Value): Value => b.reshape(vector, [1, -1, ...range(2, rank).map(() => 1)])
    const result = b.add(b.mul(normal, along(scale!)), along(bias!))
    for (const [of, kept, value] of [
      ['mean', mean!, own],
      ['variance', variance!, spread],
    ] as const) {
      const output = b.flatten(value)
      graph.addOutput(output)
      statistics.push({ name: kept.name, output: output.name, of })
    }
    graph.replaceUses(node.outputs[0]!, result)
    graph.removeNode(node)
  }
  graph.sort()
  inferShapes(model)
  return statistics
}

function keepsStatistics(node: Node): boolean {
  if (node.type !== 'BatchNormalization' || node.int('training_mode', 0) !== 0 || !node.inputs[0]?.shape) return false
  const [mean, variance] = [node.inputs[3], node.inputs[4]]
  const own = (value: Value | undefined): boolean => value?.tensor?.type === 'float32' && value.uses.length === 1
  return mean !== variance && own(mean) && own(variance) && isUsed(node, 0)
}
