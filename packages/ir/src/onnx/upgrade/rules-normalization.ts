import type { Node, Value } from '../../graph.ts'
import { Tensor } from '../../tensor.ts'
import { type Rule, type UpgradeContext, constant, insert, replaceNode } from './context.ts'

export const normalizationRules: Readonly<Record<string, readonly Rule[]>> = {
  BatchNormalization: [
    {
      since: 9,
      rewrite(node: Node, context: UpgradeContext) {
        if (node.int('spatial', 1) === 0) context.refuse(node, 'spatial=0 was removed')
        node.attributes.delete('spatial')
      },
    },
    {
      since: 14,
      // Further outputs were for training, and inference may not have them any more.
      rewrite(node: Node, context: UpgradeContext) {
        if (node.outputs.slice(1).some((output) => output && (output.uses.length > 0 || output.isOutput)))
          context.refuse(node, 'its outputs for training are used')
        if (node.outputs.length < 2) return
        const single = node.graph.addNode({
          op: node.op,
          name: node.name,
          inputs: [...node.inputs],
          attributes: node.attributes,
          before: node,
        })
        single.opaque = node.opaque
        return replaceNode(node, single.outputs)
      },
    },
  ],

  GroupNormalization: [
    {
      since: 21,
      // Scale and bias were given for each group, and are for each channel now.
      rewrite(node: Node, context: UpgradeContext) {
        const [x, scale, bias] = node.inputs
        if (!x || !scale || !bias) context.refuse(node, 'an input is missing')
        const groups = constant(node, 'groups', Tensor.int64([1], [node.int('num_groups', 1)]))
        const channels = insert(node, { op: 'Shape', inputs: [x], attributes: { start: 1, end: 2 } }, 'channels')
        const each = insert(node, { op: 'Div', inputs: [channels, groups] }, 'channels_in_group')
        const one = constant(node, 'one', Tensor.int64([1], [1]))
        const shape = insert(node, { op: 'Concat', inputs: [one, each], attributes: { axis: 0 } }, 'repeat')
        node.graph.setInput(node, 1, perChannel(node, scale, one, shape, channels))
        node.graph.setInput(node, 2, perChannel(node, bias, one, shape, channels))
      },
    },
  ],
}

function perChannel(node: Node, value: Value, axis: Value, repeat: Value, channels: Value): Value {
  const column = insert(node, { op: 'Unsqueeze', inputs: [value, axis] }, 'column')
  const table = insert(node, { op: 'Expand', inputs: [column, repeat] }, 'table')
  return insert(node, { op: 'Reshape', inputs: [table, channels] }, 'per_channel')
}
