import type { Node } from '../../graph.ts'
import { Tensor } from '../../tensor.ts'
import { constantOf } from '../constant.ts'
import type { AxisLink, AxisPart, AxisRule } from '../row.ts'
import { broadcastLinks, fromFront, inputAxis, outputAxis, pairs } from './link.ts'

/** Ops that move elements: axes are permuted, joined, cut. */

const NOTHING: AxisRule = { links: [] }

/** Axis by axis, but for those that `stays` names; input and output 0 are of one shape. @param inputs that are of this shape too. */
export function sameAxes(
  node: Node,
  stays: (axis: number) => boolean,
  inputs: readonly number[] = [0],
  outputs: readonly number[] = [0],
): AxisRule {
  return { links: broadcastLinks(node, inputs, outputs, (axis) => !stays(axis)) }
}

export function transposeAxes(node: Node): AxisRule {
  const rank = node.inputs[0]?.shape?.length
  if (rank === undefined) return NOTHING
  const perm = node.ints('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis)
  return { links: pairs(perm.map((from, to) => [from, to])) }
}

/** Lengths of the parts along an axis, and where each begins. */
function offsetsOf(lengths: readonly number[]): number[] {
  let offset = 0
  return lengths.map((length) => (offset += length) - length)
}

export function concatAxes(node: Node): AxisRule {
  const shape = node.outputs[0]?.shape
  const at = shape && fromFront(node.int('axis', 0), shape.length)
  if (at === undefined) return NOTHING
  const links = broadcastLinks(node, [...node.inputs.keys()], [0], (axis) => axis !== at)
  const lengths = node.inputs.map((input) => input?.shape?.[at])
  if (!lengths.every((length) => typeof length === 'number')) return { links }
  const offsets = offsetsOf(lengths)
  return { links: [...links, [outputAxis(0, at), ...offsets.map((offset, input) => inputAxis(input, at, (index) => index + offset))]] }
}

export function splitAxes(node: Node): AxisRule {
  const shape = node.inputs[0]?.shape
  const at = shape && fromFront(node.int('axis', 0), shape.length)
  const lengths = node.outputs.map((output) => output?.shape?.[at!])
  if (at === undefined) return NOTHING
  const links: AxisLink[] = shape!.flatMap((length, axis): AxisLink[] =>
    axis === at || typeof length !== 'number'
      ? []
      : [[inputAxis(0, axis), ...node.outputs.flatMap((output, index) => (output ? [outputAxis(index, axis)] : []))]],
  )
  const sizes = constantOf(node.inputs[1])
  if (!lengths.every((length) => typeof length === 'number') || (node.inputs[1] && !sizes)) return { links }
  const offsets = offsetsOf(lengths)
  const along: AxisLink = [
    inputAxis(0, at),
    ...offsets.map((offset, output): AxisPart => outputAxis(output, at, (index) => index + offset)),
  ]
  return {
    links: [...links, along],
    rewrite(kept) {
      const left = kept('input', 0, at)
      if (!left) return {}
      const next = lengths.map((length, part) => left.filter((index) => index >= offsets[part]! && index < offsets[part]! + length).length)
      return { inputs: new Map([[1, Tensor.int64([next.length], next)]]), attributes: { num_outputs: undefined } }
    },
  }
}

/** The axes that a Slice cuts, with the bounds clamped; undefined where they are not known. */
function cuts(node: Node): { axis: number; at: number; from: number; to: number; step: number }[] | undefined {
  const shape = node.inputs[0]?.shape
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((input) => constantOf(node.inputs[input])?.toNumbers())
  if (!shape || !starts || !ends || (node.inputs[3] && !axes) || (node.inputs[4] && !steps)) return undefined
  return starts.map((start, at) => {
    const axis = fromFront(axes?.[at] ?? at, shape.length) ?? -1
    const length = Number(shape[axis])
    const clamp = (bound: number): number => Math.min(Math.max(bound < 0 ? bound + length : bound, 0), length)
    return { axis, at, from: clamp(start), to: clamp(ends[at]!), step: steps?.[at] ?? 1 }
  })
}

export function sliceAxes(node: Node): AxisRule {
  const shape = node.inputs[0]?.shape
  const known = cuts(node)
  const named =
    known ??
    constantOf(node.inputs[3])
      ?.toNumbers()
      .map((axis) => ({ axis: fromFront(axis, shape?.length ?? 0) }))
  if (!shape || !named) return NOTHING
  const whole = pairs([...shape.keys()].filter((axis) => !named.some((cut) => cut.axis === axis)).map((axis) => [axis, axis]))
  const cut = (known ?? []).filter(({ axis, step }) => step === 1 && typeof shape[axis] === 'number')
  return {
    links: [...whole, ...cut.map(({ axis, from }): AxisLink => [inputAxis(0, axis), outputAxis(0, axis, (index) => index + from)])],
    rewrite(kept) {
      const [starts, ends] = [1, 2].map((input) => constantOf(node.inputs[input])) as [Tensor, Tensor]
      const [from, to] = [starts?.toNumbers(), ends?.toNumbers()]
      let changes = false
      for (const part of cut) {
        const left = kept('input', 0, part.axis)
        if (!left) continue
        changes = true
        from[part.at] = left.filter((index) => index < part.from).length
        to[part.at] = left.filter((index) => index < part.to).length
      }
      const next: [number, Tensor][] = [
        [1, starts && Tensor.of(starts.type, starts.dims, from)],
        [2, ends && Tensor.of(ends.type, ends.dims, to)],
      ]
      return changes ? { inputs: new Map(next) } : {}
    },
  }
}

/** Axes that are broadcast by it come into being here. */
export function expandAxes(node: Node): AxisRule {
  return { links: broadcastLinks(node, [0]) }
}

export function tileAxes(node: Node): AxisRule {
  const repeats = constantOf(node.inputs[1])?.toNumbers()
  return repeats ? { links: pairs([...repeats.keys()].filter((axis) => repeats[axis] === 1).map((axis) => [axis, axis])) } : NOTHING
}

export function padAxes(node: Node): AxisRule {
  const shape = node.inputs[0]?.shape
  const [pads, named] = [constantOf(node.inputs[1])?.toNumbers(), constantOf(node.inputs[3])?.toNumbers()]
  if (!shape || !pads || (node.inputs[3] && !named)) return NOTHING
  const axes = named?.map((axis) => fromFront(axis, shape.length)) ?? [...shape.keys()]
  return {
    links: shape.flatMap((length, axis): AxisLink[] => {
      const at = axes.indexOf(axis)
      const [begin, end] = at < 0 ? [0, 0] : [pads[at]!, pads[at + axes.length]!]
      if (begin === 0 && end === 0) return pairs([[axis, axis]])
      if (begin < 0 || end < 0 || typeof length !== 'number' || node.string('mode', 'constant') !== 'constant') return []
      // What is added is of classes behind the input's.
      const inside = (index: number): number => (index >= begin && index < begin + length ? index - begin : length + index)
      return [[inputAxis(0, axis), outputAxis(0, axis, inside)]]
    }),
    rewrite(kept) {
      const next = [...pads]
      axes.forEach((axis, at) => {
        const left = kept('output', 0, axis ?? -1)
        const [begin, behind] = [pads[at]!, pads[at]! + Number(shape[axis ?? -1])]
        if (!left || (begin === 0 && pads[at + axes.length] === 0)) return
        next[at] = left.filter((index) => index < begin).length
        next[at + axes.length] = left.filter((index) => index >= behind).length
      })
      return next.every((pad, at) => pad === pads[at]) ? {} : { inputs: new Map([[1, Tensor.int64([next.length], next)]]) }
    },
  }
}

/** Channel `c` of the picture that is larger is those of `c` in each of the block's places. @param deep the side whose channels hold the blocks. */
export const blockAxes =
  (deep: 'input' | 'output') =>
  (node: Node): AxisRule => {
    const [batch, large] = [pairs([[0, 0]]), (deep === 'input' ? node.outputs : node.inputs)[0]?.shape?.[1]]
    if (typeof large !== 'number') return { links: batch }
    const area = node.int('blocksize', 1) ** 2
    const columnsFirst = deep === 'input' && node.string('mode', 'DCR') === 'CRD'
    const channel = (index: number): number => (columnsFirst ? Math.floor(index / area) : index % large)
    const [input, output] = deep === 'input' ? [inputAxis(0, 1, channel), outputAxis(0, 1)] : [inputAxis(0, 1), outputAxis(0, 1, channel)]
    return { links: [...batch, [input, output]] }
  }
