import type { Node } from '../../graph.ts'
import type { AxisRule } from '../row.ts'
import { opRow } from '../table.ts'
import { broadcastLinks } from './link.ts'

/**
 * How indices of the axes of a node's inputs and outputs belong together, by the shapes that `inferShapes` left on them; undefined where the op table
 * does not tell, and all of them have to stay.
 */
export function axisRuleOf(node: Node): AxisRule | undefined {
  const row = opRow(node)
  if (row?.axes) return row.axes(node)
  return row?.elementwise ? { links: broadcastLinks(node, [...node.inputs.keys()], [...node.outputs.keys()]) } : undefined
}
