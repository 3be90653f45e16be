import type { Node } from '../graph.ts'
import type { Model } from '../model.ts'
import { opRow } from './table.ts'

/**
 * Multiply-accumulates of one run, from the shapes that {@link inferShapes} left on the values. Of an `If`, both branches are listed
 * and the total counts both.
 * @returns `total` is undefined where a node that multiplies has a shape that is not fixed; `byNode` has what is known.
 */
export function macsOf(model: Model): { total: number | undefined; byNode: Map<Node, number> } {
  const byNode = new Map<Node, number>()
  let total: number | undefined = 0
  for (const node of model.nodes()) {
    const count = opRow(node)?.macs
    if (!count) continue
    const macs = count(node)
    if (macs !== undefined) byNode.set(node, macs)
    total = total === undefined || macs === undefined ? undefined : total + macs
  }
  return { total, byNode }
}
