import type { Node } from '../../graph.ts'
import { type Rule, type UpgradeContext, insert, replaceNode } from './context.ts'

/** Before opset 13 these took all axes from `axis` on as one; since then they work along `axis` alone. */
const alongOneAxis: Rule = {
  since: 13,
  late: true,
  rewrite(node: Node, context: UpgradeContext) {
    const x = node.inputs[0]!
    const axis = node.int('axis', 1)
    const rank = context.rankOf(x) ?? context.rankOf(node.output)
    if (axis === -1 || (rank !== undefined && axis === rank - 1)) {
      node.attributes.set('axis', { type: 'int', value: -1 })
      return
    }
    const flat = insert(node, { op: 'Flatten', inputs: [x], attributes: { axis } }, 'flat')
    const rows = insert(node, { op: node.op, name: node.name, inputs: [flat], attributes: { axis: -1 } }, 'rows')
    const shape = insert(node, { op: 'Shape', inputs: [x] }, 'shape')
    return replaceNode(node, [insert(node, { op: 'Reshape', inputs: [rows, shape] }, 'back')])
  },
}

export const flattenRules: Readonly<Record<string, readonly Rule[]>> = {
  Softmax: [alongOneAxis],
  LogSoftmax: [alongOneAxis],
  Hardmax: [alongOneAxis],
}
