import type { Dim, Node } from '../graph.ts'
import { addDims, ceilDivDims, divDims, mulDims, subDims } from './dim.ts'
import type { Facts } from './row.ts'

/** Sliding windows: what convolutions and poolings share. */

/** One axis: input extent to output extent. */
export function slide(node: Node, spatial: readonly Dim[], kernel: readonly Dim[], facts: Facts): Dim[] {
  const rank = spatial.length
  const strides = node.ints('strides') ?? Array<number>(rank).fill(1)
  const dilations = node.ints('dilations') ?? Array<number>(rank).fill(1)
  const pads = node.ints('pads') ?? Array<number>(2 * rank).fill(0)
  if (kernel.length !== rank || strides.length !== rank || dilations.length !== rank || pads.length !== 2 * rank)
    facts.fail(`kernel, strides, dilations and pads must be for ${rank} spatial axes`)
  const autoPad = node.string('auto_pad', 'NOTSET')
  const ceil = node.int('ceil_mode', 0) !== 0
  return spatial.map((extent, axis) => {
    const stride = strides[axis]!
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') return ceilDivDims(extent, stride)
    const begin = autoPad === 'VALID' ? 0 : pads[axis]!
    const end = autoPad === 'VALID' ? 0 : pads[axis + rank]!
    const span = addDims(mulDims(subDims(kernel[axis]!, 1), dilations[axis]!), 1)
    const room = subDims(addDims(extent, begin + end), span)
    if (typeof room === 'number' && room < 0) facts.fail(`the window of ${span} does not fit into ${extent} padded by ${begin} and ${end}`)
    if (!ceil) return addDims(divDims(room, stride), 1)
    const count = addDims(ceilDivDims(room, stride), 1)
    // A window that would start in the end's padding is left out.
    return typeof count === 'number' && typeof extent === 'number' && (count - 1) * stride >= extent + begin ? count - 1 : count
  })
}

/** One axis of a transposed convolution. */
export function slideBack(node: Node, spatial: readonly Dim[], kernel: readonly Dim[]): Dim[] {
  const rank = spatial.length
  const given = node.ints('output_shape')
  if (given) return given.slice(-rank)
  const strides = node.ints('strides') ?? Array<number>(rank).fill(1)
  const dilations = node.ints('dilations') ?? Array<number>(rank).fill(1)
  const pads = node.ints('pads') ?? Array<number>(2 * rank).fill(0)
  const extra = node.ints('output_padding') ?? Array<number>(rank).fill(0)
  const autoPad = node.string('auto_pad', 'NOTSET')
  return spatial.map((extent, axis) => {
    const stride = strides[axis]!
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') return mulDims(extent, stride)
    const padding = autoPad === 'VALID' ? 0 : pads[axis]! + pads[axis + rank]!
    const span = addDims(mulDims(subDims(kernel[axis]!, 1), dilations[axis]!), 1)
    return addDims(mulDims(subDims(extent, 1), stride), addDims(span, extra[axis]! - padding))
  })
}
