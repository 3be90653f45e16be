import type { Dim, Node } from '../graph.ts'
import { divDims, exactDivDims, fixedShape, minDims, mulDims, sameDim, sizeOf, subDims } from './dim.ts'
import { blockAxes, concatAxes, expandAxes, padAxes, sameAxes, sliceAxes, splitAxes, tileAxes, transposeAxes } from './axes/layout.ts'
import { reshapeAxes, reshapeToAxes, statedBy } from './axes/reshape.ts'
import type { AxisRule, Facts, OpRow } from './row.ts'
import { constantOf } from './constant.ts'
import { axisFromFront, expectSame, fillRest, knownInts, rankOf, sameAsFirst, sumDims, freshShape } from './rules.ts'

/** Ops that rearrange: the elements stay, their places change. */

function inferReshape(node: Node, facts: Facts): void {
  const [input, target] = [facts.shape(0), facts.content(1)]
  if (!target) {
    // The number of dimensions is the length of the target, even where its elements are not known.
    return facts.set(0, facts.type(0), freshShape(facts.shape(1)?.[0], facts))
  }
  const copies = node.int('allowzero', 0) === 0
  const wanted = target.map((dim, axis) =>
    dim === 0 && copies ? (input ? (input[axis] ?? facts.fail('0 copies a dimension that is not there')) : facts.fresh(0, axis)) : dim,
  )
  const total = input && sizeOf(input)
  const shape = fillRest(total, wanted, facts) ?? wanted.map((dim, axis) => (dim === -1 ? facts.fresh(0, axis) : dim))
  if (total !== undefined && !wanted.includes(-1)) {
    const size = sizeOf(shape)
    if (typeof size === 'number' && typeof total === 'number' && size !== total)
      facts.fail(`${total} elements cannot be arranged as [${shape.join(',')}]`)
  }
  facts.set(0, facts.type(0), shape, facts.content(0))
}

function inferTranspose(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  const perm = node.ints('perm')
  if (!shape) return facts.set(0, facts.type(0), undefined)
  if (perm && (perm.length !== shape.length || perm.some((axis) => axis < 0 || axis >= shape.length)))
    facts.fail(`perm [${perm.join(',')}] does not fit rank ${shape.length}`)
  const order = perm ?? shape.map((_, axis) => shape.length - 1 - axis)
  const content = transposed(facts.content(0), fixedShape(shape), order)
  facts.set(
    0,
    facts.type(0),
    order.map((axis) => shape[axis]!),
    content,
  )
}

function transposed(
  content: readonly Dim[] | undefined,
  shape: readonly number[] | undefined,
  order: readonly number[],
): Dim[] | undefined {
  if (!content || !shape) return undefined
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, dim) => product * dim, 1))
  let offsets = [0]
  for (const axis of order)
    offsets = offsets.flatMap((offset) => Array.from({ length: shape[axis]! }, (_, index) => offset + index * strides[axis]!))
  return offsets.map((offset) => content[offset]!)
}

function inferSqueeze(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  const given = node.inputs[1] ? knownInts(1, facts) : undefined
  if (!shape || (node.inputs[1] && !given)) return facts.set(0, facts.type(0), undefined, facts.content(0))
  const axes = given?.map((axis) => axisFromFront(axis, shape.length, facts))
  axes?.forEach((axis) => expectSame(`squeezed axis ${axis}`, shape[axis], 1, facts))
  const kept = shape.filter((dim, axis) => (axes ? !axes.includes(axis) : dim !== 1))
  // Without axes, a symbolic dimension might be 1 and go.
  const known = axes !== undefined || shape.every((dim) => typeof dim === 'number')
  facts.set(0, facts.type(0), known ? kept : undefined, facts.content(0))
}

function inferUnsqueeze(_node: Node, facts: Facts): void {
  const [shape, given] = [facts.shape(0), knownInts(1, facts)]
  if (!shape || !given) return facts.set(0, facts.type(0), undefined)
  const axes = given.map((axis) => axisFromFront(axis, shape.length + given.length, facts))
  const rest = [...shape]
  const result = Array.from({ length: shape.length + given.length }, (_, axis) => (axes.includes(axis) ? 1 : rest.shift()!))
  facts.set(0, facts.type(0), result, facts.content(0))
}

function inferFlatten(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  if (!shape) return facts.set(0, facts.type(0), [facts.fresh(0, 0), facts.fresh(0, 1)])
  const axis = node.int('axis', 1)
  const at = axis < 0 ? axis + shape.length : axis
  facts.set(0, facts.type(0), [sizeOf(shape.slice(0, at)), sizeOf(shape.slice(at))])
}

function inferConcat(node: Node, facts: Facts): void {
  const inputs = node.inputs.map((_, index) => index)
  const shapes = inputs.map((index) => facts.shape(index))
  const first = shapes.find((shape) => shape !== undefined)
  if (!first) return facts.set(0, facts.type(0), undefined)
  const at = axisFromFront(node.int('axis', 0), first.length, facts)
  const result = first.map((_, axis) => {
    const dims = shapes.map((shape, index) => {
      if (shape && shape.length !== first.length) facts.fail(`input ${index} has another rank than the others`)
      return shape?.[axis]
    })
    if (axis === at) return dims.every((dim) => dim !== undefined) ? sumDims(dims as Dim[]) : facts.fresh(0, axis)
    const known = dims.filter((dim) => dim !== undefined)
    const fixedDim = known.find((dim) => typeof dim === 'number')
    for (const dim of known) expectSame(`axis ${axis}`, dim, fixedDim, facts)
    return fixedDim ?? known[0]!
  })
  const contents = first.length === 1 ? inputs.map((index) => facts.content(index)) : []
  const joined =
    first.length === 1 && contents.every((content) => content !== undefined) ? contents.flatMap((content) => content!) : undefined
  facts.set(0, facts.type(0), result, joined)
}

function inferSplit(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  if (!shape) return node.outputs.forEach((_, index) => facts.set(index, facts.type(0), undefined))
  const at = axisFromFront(node.int('axis', 0), shape.length, facts)
  const count = node.outputs.length
  const sizes = node.inputs[1] ? facts.content(1) : evenly(shape[at]!, count)
  if (sizes && sizes.length !== count) facts.fail(`${sizes.length} sizes for ${count} outputs`)
  if (sizes) expectSame('sum of the parts and the dimension', sumDims(sizes), shape[at], facts)
  const content = shape.length === 1 ? facts.content(0) : undefined
  let from = 0
  for (let index = 0; index < count; index++) {
    const size = sizes?.[index] ?? facts.fresh(index, at)
    const part = content && fixedShape(sizes) ? content.slice(from, (from += size as number)) : undefined
    facts.set(
      index,
      facts.type(0),
      shape.map((dim, axis) => (axis === at ? size : dim)),
      part,
    )
  }
}

/** Sizes of `count` parts: equal ones, the last one smaller where it does not come out even. */
function evenly(dim: Dim, count: number): Dim[] | undefined {
  const exact = exactDivDims(dim, count)
  if (exact !== undefined) return Array<Dim>(count).fill(exact)
  if (typeof dim !== 'number') return undefined
  const part = Math.ceil(dim / count)
  return Array.from({ length: count }, (_, index) => (index < count - 1 ? part : dim - part * (count - 1)))
}

/** DepthToSpace (`back` false) and SpaceToDepth. */
const blocks = (back: boolean) => (node: Node, facts: Facts) => {
  const shape = facts.shape(0)
  if (!shape) return facts.set(0, facts.type(0), undefined)
  if (shape.length !== 4) facts.fail('the input must have rank 4')
  const size = node.int('blocksize', 1)
  const [batch, channels, height, width] = shape as [Dim, Dim, Dim, Dim]
  const area = size * size
  if (typeof channels === 'number' && !back && channels % area !== 0) facts.fail(`${channels} channels are no multiple of ${area}`)
  const result = back
    ? [batch, mulDims(channels, area), divDims(height, size), divDims(width, size)]
    : [batch, divDims(channels, area), mulDims(height, size), mulDims(width, size)]
  facts.set(0, facts.type(0), result)
}

function inferExpand(_node: Node, facts: Facts): void {
  const [shape, target] = [facts.shape(0), facts.content(1)]
  const wanted = target ?? freshShape(facts.shape(1)?.[0], facts)
  if (!shape || !wanted) return facts.set(0, facts.type(0), undefined)
  const rank = Math.max(shape.length, wanted.length)
  const result = Array.from({ length: rank }, (_, index): Dim => {
    const dim = shape[index - rank + shape.length] ?? 1
    const want = wanted[index - rank + wanted.length] ?? 1
    if (dim === 1) return want
    if (want === 1 || sameDim(dim, want)) return dim
    expectSame(`axis ${index}`, dim, want, facts)
    return typeof dim === 'number' ? dim : want
  })
  facts.set(0, facts.type(0), result)
}

function inferTile(_node: Node, facts: Facts): void {
  const [shape, repeats] = [facts.shape(0), facts.content(1)]
  if (!shape) return facts.set(0, facts.type(0), undefined)
  if (repeats && repeats.length !== shape.length) facts.fail(`${repeats.length} repeats for rank ${shape.length}`)
  facts.set(
    0,
    facts.type(0),
    shape.map((dim, axis) => (repeats ? mulDims(dim, repeats[axis]!) : facts.fresh(0, axis))),
  )
}

function inferPad(node: Node, facts: Facts): void {
  const [shape, pads] = [facts.shape(0), facts.content(1)]
  if (!shape) return facts.set(0, facts.type(0), undefined)
  const given = node.inputs[3] ? knownInts(3, facts) : shape.map((_, axis) => axis)
  if (!pads || !given)
    return facts.set(
      0,
      facts.type(0),
      shape.map((_, axis) => facts.fresh(0, axis)),
    )
  const axes = given.map((axis) => axisFromFront(axis, shape.length, facts))
  if (pads.length !== 2 * axes.length) facts.fail(`${pads.length} pads for ${axes.length} axes`)
  const result = [...shape]
  axes.forEach((axis, index) => (result[axis] = sumDims([shape[axis]!, pads[index]!, pads[index + axes.length]!])))
  facts.set(0, facts.type(0), result)
}

/** The one axis along which a Slice cuts; undefined where there are more, or where it is not known. */
function slicedAxis(node: Node): number | undefined {
  const [rank, axes, starts] = [rankOf(node.inputs[0]), constantOf(node.inputs[3]), constantOf(node.inputs[1])]
  const given = axes ? axes.toNumbers() : !node.inputs[3] && starts?.size === 1 ? [0] : []
  if (given.length !== 1 || rank === undefined) return undefined
  return given[0]! < 0 ? given[0]! + rank : given[0]
}

/** Its channels, where they are not what is cut. */
function lastAxis(node: Node): number | undefined {
  const [rank, cut] = [rankOf(node.inputs[0]), slicedAxis(node)]
  return rank === undefined || cut === undefined || cut === rank - 1 ? undefined : rank - 1
}

function inferSlice(node: Node, facts: Facts): void {
  const [shape, starts, ends] = [facts.shape(0), facts.content(1), facts.content(2)]
  if (!shape) return facts.set(0, facts.type(0), undefined)
  const count = starts?.length ?? ends?.length ?? (typeof facts.shape(1)?.[0] === 'number' ? (facts.shape(1)![0] as number) : undefined)
  if (!node.inputs[3] && count !== undefined && count > shape.length) facts.fail(`${count} starts for ${shape.length} axes`)
  const given = node.inputs[3] ? knownInts(3, facts) : count === undefined ? undefined : Array.from({ length: count }, (_, axis) => axis)
  const steps = node.inputs[4] ? knownInts(4, facts) : given?.map(() => 1)
  if (!given)
    return facts.set(
      0,
      facts.type(0),
      shape.map((_, axis) => facts.fresh(0, axis)),
    )
  const result = [...shape]
  const extents = [...shape]
  let content: Dim[] | undefined = facts.content(0) && [...facts.content(0)!]
  given.forEach((axis, index) => {
    const at = axisFromFront(axis, shape.length, facts)
    const [start, end, step] = [starts?.[index], ends?.[index], steps?.[index]]
    const length = start === undefined || end === undefined || step === undefined ? undefined : sliceLength(shape[at]!, start, end, step)
    result[at] = length ?? facts.fresh(0, at)
    const known = fixedShape(extents)
    content =
      content && known && typeof start === 'number' && typeof end === 'number' && step
        ? sliced(content, known, at, start, end, step)
        : undefined
    extents[at] = result[at]!
  })
  facts.set(0, facts.type(0), result, content)
}

/** Whether a bound is beyond any dimension: exporters write the greatest integer for "to the end". */
const isEnd = (bound: Dim): boolean => typeof bound === 'number' && bound >= 2 ** 31 - 1

function sliceLength(dim: Dim, start: Dim, end: Dim, step: number): Dim | undefined {
  if (typeof dim === 'number' && typeof start === 'number' && typeof end === 'number') {
    const [from, to] = bounds(dim, start, end, step)
    return Math.max(0, Math.ceil((to - from) / step))
  }
  if (step < 0) {
    const whole = start === -1 && typeof end === 'number' && end <= -(2 ** 31 - 1)
    return whole && step === -1 ? dim : undefined
  }
  const fromEnd = (bound: Dim): Dim => (typeof bound === 'number' && bound < 0 ? subDims(dim, -bound) : bound)
  const to = isEnd(end) ? dim : minDims(dim, fromEnd(end))
  const length = subDims(to, fromEnd(start))
  return step === 1 ? length : divDims(subDims(length, 1 - step), step)
}

/** Start and end clamped as ONNX does. */
function bounds(size: number, start: number, end: number, step: number): [number, number] {
  const clamp = (bound: number, low: number, high: number): number => Math.min(Math.max(bound < 0 ? bound + size : bound, low), high)
  return step > 0 ? [clamp(start, 0, size), clamp(end, 0, size)] : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)]
}

function sliced(content: readonly Dim[], shape: readonly number[], axis: number, start: number, end: number, step: number): Dim[] {
  const [from, to] = bounds(shape[axis]!, start, end, step)
  const inner = shape.slice(axis + 1).reduce((product, dim) => product * dim, 1)
  const block = inner * shape[axis]!
  const result: Dim[] = []
  if (block === 0) return result
  for (let base = 0; base < content.length; base += block)
    for (let at = from; step > 0 ? at < to : at > to; at += step) result.push(...content.slice(base + at * inner, base + (at + 1) * inner))
  return result
}

const allButLast =
  (count: number) =>
  (node: Node): AxisRule =>
    sameAxes(node, (axis) => axis >= (node.inputs[0]?.shape?.length ?? 0) - count)

export const layoutRows: readonly OpRow[] = [
  { type: 'Reshape', infer: inferReshape, axes: reshapeToAxes },
  { type: 'Transpose', infer: inferTranspose, axes: transposeAxes },
  { type: 'Squeeze', infer: inferSqueeze, axes: reshapeAxes },
  { type: 'Unsqueeze', infer: inferUnsqueeze, axes: reshapeAxes },
  { type: 'Flatten', infer: inferFlatten, axes: reshapeAxes },
  { type: 'Concat', infer: inferConcat, axes: concatAxes },
  { type: 'Split', infer: inferSplit, axes: splitAxes },
  {
    // A part of a table that the model learned, such as one of positions: what is sliced is what it reads, row by row.
    type: 'Slice',
    weights: [{ input: 0, role: 'embedding', outputAxis: lastAxis, inputAxis: slicedAxis }],
    infer: inferSlice,
    axes: sliceAxes,
  },
  { type: 'Expand', infer: inferExpand, axes: (node) => statedBy(1, node, expandAxes(node)) },
  { type: 'Tile', infer: inferTile, axes: tileAxes },
  { type: 'Pad', infer: inferPad, axes: padAxes },
  { type: 'com.microsoft.Pad', infer: inferPad, axes: padAxes },
  { type: 'DepthToSpace', infer: blocks(false), axes: blockAxes('input') },
  { type: 'SpaceToDepth', infer: blocks(true), axes: blockAxes('output') },
  { type: 'Trilu', infer: sameAsFirst, axes: allButLast(2) },
  { type: 'com.microsoft.Trilu', infer: sameAsFirst, axes: allButLast(2) },
  { type: 'ReverseSequence', infer: sameAsFirst, axes: (node) => sameAxes(node, (axis) => axis < 2) },
]
