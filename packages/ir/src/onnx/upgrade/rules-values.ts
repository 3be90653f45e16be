import { dataTypeOf } from '../data-type.ts'
import type { Node, Value } from '../../graph.ts'
import { Tensor } from '../../tensor.ts'
import { type Rule, type UpgradeContext, constant, insert, replaceNode } from './context.ts'

const LARGEST = 3.4028234663852886e38

/** Numbers that became inputs, which have the type of the data, and what else changed. */
export const valueRules: Readonly<Record<string, readonly Rule[]>> = {
  Clip: [
    {
      since: 11,
      late: true,
      rewrite(node: Node, context: UpgradeContext) {
        const min = node.float('min', -LARGEST)
        const max = node.float('max', LARGEST)
        node.attributes.delete('min')
        node.attributes.delete('max')
        if (min > -LARGEST) node.graph.setInput(node, 1, scalarLike(node, 'min', min, context))
        if (max < LARGEST) node.graph.setInput(node, 2, scalarLike(node, 'max', max, context))
      },
    },
  ],

  Pad: [
    {
      since: 11,
      rewrite(node: Node, context: UpgradeContext) {
        const pads = node.ints('pads') ?? []
        const value = node.float('value', 0)
        node.attributes.delete('pads')
        node.attributes.delete('value')
        node.graph.setInput(node, 1, constant(node, 'pads', Tensor.int64([pads.length], pads)))
        if (value !== 0) node.graph.setInput(node, 2, scalarLike(node, 'value', value, context))
      },
    },
  ],

  Dropout: [
    {
      since: 10,
      // The mask had the type of the data, and is bool now.
      rewrite(node: Node, context: UpgradeContext) {
        const [x] = node.inputs
        const [y, mask] = node.outputs
        if (!x || !mask) return
        const dropout = node.graph.addNode({
          op: node.op,
          name: node.name,
          inputs: [x],
          outputs: [`${y?.name ?? node.op}_data`, `${mask.name}_bool`],
          attributes: node.attributes,
          before: node,
        })
        const type = context.typeOf(x)
        const inputs = [dropout.outputs[1]]
        const cast = type
          ? insert(node, { op: 'Cast', inputs, attributes: { to: dataTypeOf(type) } }, 'mask')
          : insert(node, { op: 'CastLike', inputs: [...inputs, x] }, 'mask')
        return replaceNode(node, [dropout.output, cast])
      },
    },
    {
      since: 12,
      rewrite(node) {
        const ratio = node.float('ratio', 0.5)
        node.attributes.delete('ratio')
        if (ratio !== 0.5) node.graph.setInput(node, 1, constant(node, 'ratio', Tensor.float32([], [ratio])))
      },
    },
  ],

  Scatter: [
    {
      since: 11,
      rewrite(node) {
        const scatter = node.graph.addNode({
          op: 'ScatterElements',
          name: node.name,
          inputs: [...node.inputs],
          attributes: node.attributes,
          before: node,
        })
        scatter.opaque = node.opaque
        return replaceNode(node, scatter.outputs)
      },
    },
  ],

  RoiAlign: [
    {
      since: 16,
      rewrite: (node) => void node.attributes.set('coordinate_transformation_mode', { type: 'string', value: 'output_half_pixel' }),
    },
  ],

  GridSample: [
    {
      since: 20,
      rewrite(node) {
        const mode = node.string('mode', 'bilinear')
        const names: Record<string, string> = { bilinear: 'linear', bicubic: 'cubic' }
        node.attributes.set('mode', { type: 'string', value: names[mode] ?? mode })
      },
    },
  ],
}

/** A scalar constant of the type of the node's data. */
function scalarLike(node: Node, hint: string, value: number, context: UpgradeContext): Value {
  const x = node.inputs[0]!
  const type = context.typeOf(x)
  if (type === 'float16' || type === 'float64' || type === 'float32') return constant(node, hint, Tensor.of(type, [], [value]))
  return insert(node, { op: 'CastLike', inputs: [constant(node, hint, Tensor.float32([], [value])), x] }, `${hint}_cast`)
}
