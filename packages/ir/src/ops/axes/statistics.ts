import type { Node } from '../../graph.ts'
import { Tensor } from '../../tensor.ts'
import { constantOf } from '../constant.ts'
import type { AxisLink, AxisRule } from '../row.ts'
import { broadcastLinks, fromFront, inputAxis, lengthOf, outputAxis, pairs } from './link.ts'
import { sameAxes } from './layout.ts'

/** Ops that compute along some axes: those have to stay, since a sum or a mean over fewer would be another one. */

/** Ops of which each result depends on what lies along one axis. */
export const alongAxis =
  (fallback: number) =>
  (node: Node): AxisRule => {
    const rank = node.inputs[0]?.shape?.length ?? 0
    const at = fromFront(node.int('axis', fallback), rank)
    return at === undefined ? { links: [] } : sameAxes(node, (axis) => axis === at)
  }

/** As {@link alongAxis}, the axis being a constant input. */
export function cumulativeAxes(node: Node): AxisRule {
  const at = constantOf(node.inputs[1])?.toNumbers()[0]
  const rank = node.inputs[0]?.shape?.length ?? 0
  return at === undefined ? { links: [] } : sameAxes(node, (axis) => axis === fromFront(at, rank))
}

/** Reductions: the axes are input 1, or, of ArgMax and its like, one attribute. */
export function reduceAxes(node: Node): AxisRule {
  const shape = node.inputs[0]?.shape
  const given = node.attributes.has('axis') || node.op.startsWith('Arg') ? [node.int('axis', 0)] : constantOf(node.inputs[1])?.toNumbers()
  if (!shape || (node.inputs[1] && !given)) return { links: [] }
  if (!given?.length) return node.int('noop_with_empty_axes', 0) ? sameAxes(node, () => false) : { links: [] }
  const reduced = given.map((axis) => fromFront(axis, shape.length))
  const keep = node.int('keepdims', 1) !== 0
  const left = [...shape.keys()].filter((axis) => !reduced.includes(axis))
  return { links: pairs(left.map((axis, at) => [axis, keep ? axis : at])) }
}

/** Windows that slide over the axes behind the channels, or cover them. */
export function poolAxes(node: Node): AxisRule {
  // Places among all channels are other ones when channels go.
  if (node.outputs[1] && (node.outputs[1].uses.length > 0 || node.outputs[1].isOutput)) return { links: [] }
  const outputs = node.outputs[1] ? [0, 1] : [0]
  return { links: [0, 1].map((axis) => [inputAxis(0, axis), ...outputs.map((output) => outputAxis(output, axis))]) }
}

/** Channels are axis 1, and vectors run over them. @param vectors the inputs that do. @param stays axes over which there are statistics. */
export const channelNormAxes =
  (vectors: readonly number[], stays: (axis: number) => boolean) =>
  (node: Node): AxisRule => {
    const channels: AxisLink = [inputAxis(0, 1), ...vectors.map((input) => inputAxis(input, 0)), outputAxis(0, 1)]
    const statistics = node.outputs.flatMap((output, at) => (at > 0 && output ? [outputAxis(at, 0)] : []))
    return { links: [[...channels, ...statistics], ...broadcastLinks(node, [0], [0], (axis) => axis !== 1 && !stays(axis))] }
  }

/** Groups of channels, each with its own statistics: whole groups go. */
export function groupNormAxes(node: Node): AxisRule {
  const [channels, groups] = [lengthOf(node, 0, 1), node.int('num_groups')]
  if (!channels || !groups || channels % groups !== 0) return { links: pairs([[0, 0]]) }
  const size = channels / groups
  const group = (index: number): number => Math.floor(index / size)
  return {
    links: [...pairs([[0, 0]]), [inputAxis(0, 1, group), inputAxis(1, 0, group), inputAxis(2, 0, group), outputAxis(0, 1, group)]],
    rewrite(kept) {
      const left = kept('input', 0, 1)
      return left ? { attributes: { num_groups: left.length / size } } : {}
    },
  }
}

/** Statistics over all axes from `axis` on. @param inputs that have the data's shape. @param outputs the same, and what is shaped like it. */
export const layerNormAxes =
  (inputs: readonly number[], outputs: readonly number[]) =>
  (node: Node): AxisRule => {
    const rank = node.inputs[0]?.shape?.length ?? 0
    const from = fromFront(node.int('axis', -1), rank)
    return from === undefined ? { links: [] } : sameAxes(node, (axis) => axis >= from, inputs, outputs)
  }

/** Resize: axes that keep their length, where a constant says so. */
export function resizeAxes(node: Node): AxisRule {
  const shape = node.inputs[0]?.shape
  const [scales, sizes] = [constantOf(node.inputs[2])?.toNumbers(), constantOf(node.inputs[3])]
  if (!shape || node.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch') return { links: [] }
  const axes = node.ints('axes')?.map((axis) => fromFront(axis, shape.length)) ?? [...shape.keys()]
  const stated = sizes?.toNumbers()
  const keeps = [...shape.keys()].filter((axis) => {
    const at = axes.indexOf(axis)
    return at < 0 || (node.inputs[3] ? stated?.[at] === shape[axis] : scales?.[at] === 1)
  })
  return {
    links: pairs(keeps.map((axis) => [axis, axis])),
    rewrite(kept) {
      if (!sizes) return {}
      const next = stated!.map((size, at) => kept('output', 0, axes[at] ?? -1)?.length ?? size)
      return next.every((size, at) => size === stated![at]) ? {} : { inputs: new Map([[3, sizesLike(sizes, next)]]) }
    },
  }
}

const sizesLike = (sizes: Tensor, next: readonly number[]): Tensor => Tensor.of(sizes.type, sizes.dims, next)
