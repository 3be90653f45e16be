import { type Attribute, type Node, Tensor, type Value, constantOf, permuted } from '@whittle/ir'
import { inverse } from '../inverse.ts'

/** How a node looks when its inputs come without their Transpose. */
export interface Sunk {
  /** The inputs that lose their Transpose, or are transposed the other way where they have none. */
  readonly moved: readonly number[]
  /** Constants in the place of inputs. */
  readonly inputs?: Readonly<Record<number, Tensor>>
  readonly attributes?: Readonly<Record<string, Attribute>>
  /** What the Transpose after it is. */
  readonly perm: readonly number[]
}

/** @param perm the Transpose before the node: axis `i` of what the node reads is axis `perm[i]` of what was there before. */
type Sinker = (node: Node, perm: readonly number[]) => Sunk | undefined

const isOne = (value: Value): boolean => value.shape !== undefined && value.shape.every((dim) => dim === 1)

/** All inputs broadcast: of lower rank are constants, which get ones in front. */
const elementwise: Sinker = (node, perm) => {
  const moved: number[] = []
  const inputs: Record<number, Tensor> = {}
  for (const [index, input] of node.inputs.entries()) {
    if (!input || (isOne(input) && (input.shape!.length < perm.length || constantOf(input)))) continue
    const rank = input.shape?.length
    if (rank === perm.length) moved.push(index)
    else {
      const tensor = constantOf(input)
      if (!tensor || rank === undefined || rank > perm.length || tensor.type === 'string') return undefined
      const dims = [...Array.from({ length: perm.length - rank }, () => 1), ...tensor.dims]
      const wide = permuted(tensor.reshape(dims), inverse(perm))
      // Leading ones say nothing: [C, 1, 1] is [1, C, 1, 1].
      const from = wide.dims.findIndex((dim) => dim !== 1)
      inputs[index] = wide.reshape(wide.dims.slice(Math.max(from, 0)))
      moved.push(index)
    }
  }
  return node.output.shape?.length === perm.length ? { moved, inputs, perm } : undefined
}

/** Only the first input has axes. */
const first: Sinker = (_, perm) => ({ moved: [0], perm })

const withAxis =
  (fallback: number | undefined): Sinker =>
  (node, perm) => {
    const axis = axisOf(node.int('axis') ?? fallback, perm.length)
    if (
      axis === undefined ||
      node.inputs.some((input, index) => (index === 0 || node.type === 'Concat') && input?.shape?.length !== perm.length)
    )
      return undefined
    const moved = node.type === 'Concat' ? node.inputs.map((_, index) => index) : [0]
    return { moved, attributes: { axis: { type: 'int', value: perm[axis]! } }, perm }
  }

/** Softmax is fastest along the last axis. */
const lastAxis: Sinker = (node, perm) => {
  const last = perm.length - 1
  return axisOf(node.int('axis', -1), perm.length) === last && perm[last] === last ? { moved: [0], perm } : undefined
}

const pad: Sinker = (node, perm) => {
  const pads = numbers(node, 1)
  const rank = perm.length
  if (!pads || pads.length !== 2 * rank || node.inputs[3]) return undefined
  const back = inverse(perm)
  return { moved: [0], inputs: { 1: ints([...back.map((axis) => pads[axis]!), ...back.map((axis) => pads[axis + rank]!)]) }, perm }
}

const tile: Sinker = (node, perm) => {
  const repeats = numbers(node, 1)
  return repeats?.length === perm.length
    ? { moved: [0], inputs: { 1: ints(inverse(perm).map((axis) => repeats[axis]!)) }, perm }
    : undefined
}

const slice: Sinker = (node, perm) => {
  const axes = axesOf(numbers(node, 3), perm.length)
  return axes ? { moved: [0], inputs: { 3: ints(axes.map((axis) => perm[axis]!)) }, perm } : undefined
}

const reduce: Sinker = (node, perm) => {
  const axes = axesOf(numbers(node, 1), perm.length)
  if (!axes || axes.length === 0) return undefined
  const own = { moved: [0], inputs: { 1: ints(axes.map((axis) => perm[axis]!)) } }
  return { ...own, perm: node.int('keepdims', 1) === 1 ? perm : without(perm, axes) }
}

const argument: Sinker = (node, perm) => {
  const axis = axisOf(node.int('axis', 0), perm.length)
  if (axis === undefined) return undefined
  return {
    moved: [0],
    attributes: { axis: { type: 'int', value: perm[axis]! } },
    perm: node.int('keepdims', 1) === 1 ? perm : without(perm, [axis]),
  }
}

const squeeze: Sinker = (node, perm) => {
  const axes = axesOf(numbers(node, 1), perm.length)
  return axes ? { moved: [0], inputs: { 1: ints(axes.map((axis) => perm[axis]!)) }, perm: without(perm, axes) } : undefined
}

/** New axes stay where they are; the others are permuted among themselves. */
const unsqueeze: Sinker = (node, perm) => {
  const count = numbers(node, 1)?.length ?? 0
  const axes = axesOf(numbers(node, 1), perm.length + count)
  if (!axes) return undefined
  const places = Array.from({ length: perm.length + count }, (_, axis) => axis).filter((axis) => !axes.includes(axis))
  const wide = Array.from({ length: perm.length + count }, (_, axis) => axis)
  places.forEach((place, index) => (wide[place] = places[perm[index]!]!))
  return { moved: [0], perm: wide }
}

/** Axes that leave are taken out, and the rest counted anew. */
function without(perm: readonly number[], axes: readonly number[]): number[] {
  const kept = perm.filter((_, index) => !axes.includes(index))
  const order = [...kept].sort((a, b) => a - b)
  return kept.map((axis) => order.indexOf(axis))
}

function numbers(node: Node, index: number): number[] | undefined {
  const tensor = constantOf(node.inputs[index])
  return tensor && tensor.size <= 64 ? tensor.toNumbers() : undefined
}

function axisOf(axis: number | undefined, rank: number): number | undefined {
  if (axis === undefined) return undefined
  const at = axis < 0 ? axis + rank : axis
  return at >= 0 && at < rank ? at : undefined
}

function axesOf(axes: readonly number[] | undefined, rank: number): number[] | undefined {
  const known = axes?.map((axis) => axisOf(axis, rank))
  return known?.every((axis) => axis !== undefined) ? (known as number[]) : undefined
}

function ints(values: readonly number[]): Tensor {
  return Tensor.int64([values.length], values)
}

/** By op; 'elementwise' is for all that the op table calls so. */
export const sinkers: Readonly<Record<string, Sinker>> = {
  elementwise,
  Clip: first,
  Cast: first,
  Identity: first,
  Concat: withAxis(undefined),
  Split: withAxis(0),
  Softmax: lastAxis,
  LogSoftmax: lastAxis,
  Pad: pad,
  Tile: tile,
  Slice: slice,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  ArgMax: argument,
  ArgMin: argument,
  ReduceMean: reduce,
  ReduceSum: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceL2: reduce,
  ReduceSumSquare: reduce,
}
