import type { Node } from '../../graph.ts'
import { constantOf } from '../../ops/constant.ts'
import { Tensor } from '../../tensor.ts'
import { type Rule, type UpgradeContext, constant, replaceNode } from './context.ts'

const text = (value: string) => ({ type: 'string', value }) as const

/** `Upsample` became `Resize`, and `Resize` learnt to say how coordinates and the nearest neighbour are found. */
export const resizeRules: Readonly<Record<string, readonly Rule[]>> = {
  Upsample: [
    {
      since: 9,
      rewrite(node) {
        const scales = node.attributes.get('scales')
        node.attributes.delete('scales')
        if (scales?.type === 'floats')
          node.graph.setInput(node, 1, constant(node, 'scales', Tensor.float32([scales.value.length], scales.value)))
      },
    },
    {
      since: 10,
      rewrite(node) {
        const resize = node.graph.addNode({
          op: 'Resize',
          name: node.name,
          inputs: [...node.inputs],
          attributes: node.attributes,
          before: node,
        })
        resize.opaque = node.opaque
        return replaceNode(node, resize.outputs)
      },
    },
  ],

  Resize: [
    {
      since: 11,
      // Opset 10 left the coordinates open; this is what ONNX Runtime computes.
      rewrite(node: Node, context: UpgradeContext) {
        const [, scales] = node.inputs
        const { graph } = node
        node.attributes.set('coordinate_transformation_mode', text('asymmetric'))
        if (node.string('mode', 'nearest') === 'nearest') node.attributes.set('nearest_mode', text(nearestMode(node, context)))
        graph.setInput(node, 2, scales)
        graph.setInput(node, 1, undefined)
      },
    },
    {
      since: 13,
      rewrite(node: Node, context: UpgradeContext) {
        if (node.string('coordinate_transformation_mode', 'half_pixel') !== 'tf_half_pixel_for_nn') return
        // With h, the half pixel's coordinate, the place is h + 1/2: its floor is h rounded half up, and it rounded half down is h's ceiling.
        const modes: Record<string, string> = { floor: 'round_prefer_ceil', round_prefer_floor: 'ceil' }
        const nearest = modes[node.string('nearest_mode', 'round_prefer_floor')]
        if (node.string('mode', 'nearest') !== 'nearest' || !nearest)
          context.refuse(node, 'coordinate_transformation_mode=tf_half_pixel_for_nn was removed')
        node.attributes.set('coordinate_transformation_mode', text('half_pixel'))
        node.attributes.set('nearest_mode', text(nearest))
      },
    },
  ],
}

/** ONNX Runtime takes the floor where it enlarges and the ceiling where it shrinks; they differ where 1/scale is not whole. */
function nearestMode(node: Node, context: UpgradeContext): 'floor' | 'ceil' {
  const scales = constantOf(node.inputs[1])?.toNumbers() ?? []
  const shrinks = scales.some((scale) => scale < 1 && !Number.isInteger(1 / scale))
  const enlarges = scales.some((scale) => scale > 1)
  if (shrinks && enlarges) context.refuse(node, 'it enlarges one axis and shrinks another')
  return shrinks ? 'ceil' : 'floor'
}
