import { type Kernel, intsOf, listOf, numberOf, tensorOf } from './kernel.ts'
import { type Machine, type Tensor, broadcast, sizeOf } from './machine.ts'

/** Transpose by `perm`. */
export const transpose: Kernel = (machine, name, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const perm = listOf(attributes, 'perm')!
  const shape = perm.map((axis) => x.shape[axis]!)
  // Axes of 1 may go anywhere.
  const moved = perm.filter((axis) => x.shape[axis] !== 1)
  if (moved.every((axis, at) => at === 0 || axis > moved[at - 1]!)) return machine.reshape(x, shape)
  const out = machine.make(shape, x.type)
  const [dims, order] = [machine.list(x.shape), machine.list(perm)]
  machine.call(name, x.buffer.id, dims, x.shape.length, x.type, out.buffer.id, order, perm.length)
  return out
}

/** Reshape to `shape`, or to the numbers of the second input: 0 takes the input's own dim (unless `zero`), -1 what is left. */
export const reshape: Kernel = (machine, _, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const wanted = listOf(attributes, 'shape') ?? intsOf(inputs[1])
  const shape = wanted.map((dim, at) => (dim === 0 && !attributes['zero'] ? x.shape[at]! : dim))
  const free = shape.indexOf(-1)
  if (free >= 0) shape[free] = sizeOf(x.shape) / sizeOf(shape.filter((_, at) => at !== free))
  if (sizeOf(shape) !== sizeOf(x.shape)) throw new Error(`[${x.shape.join(', ')}] cannot take the shape [${shape.join(', ')}]`)
  return machine.reshape(x, shape)
}

/** Flatten to two dims at `axis`. */
export const flatten: Kernel = (machine, _, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const axis = numberOf(attributes, 'axis', 1)
  return machine.reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))])
}

/** Axes of 1 put in at `axes`, places of the result in ascending order. */
export const expandDims: Kernel = (machine, _, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const shape = [...x.shape]
  for (const axis of listOf(attributes, 'axes')!) shape.splice(axis, 0, 1)
  return machine.reshape(x, shape)
}

/** Axes of 1 taken out. */
export const squeeze: Kernel = (machine, _, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const axes = listOf(attributes, 'axes')!
  return machine.reshape(
    x,
    x.shape.filter((_, at) => !axes.includes(at)),
  )
}

/** Concatenation along `axis`. */
export const concat: Kernel = (machine, _, inputs, attributes) => {
  const parts = inputs.map(tensorOf)
  const axis = numberOf(attributes, 'axis', 0)
  const first = parts[0]!
  const shape = first.shape.map((dim, at) => (at === axis ? parts.reduce((sum, part) => sum + part.shape[axis]!, 0) : dim))
  const out = machine.make(shape, first.type)
  const to = machine.view(out)
  const row = sizeOf(shape.slice(axis))
  const rows = sizeOf(shape.slice(0, axis))
  let column = 0
  for (const part of parts) {
    const from = machine.view(part)
    const size = sizeOf(part.shape.slice(axis))
    for (let at = 0; at < rows; at++) to.set(from.subarray(at * size, (at + 1) * size), at * row + column)
    column += size
  }
  return out
}

/** The elements from `begin` to `end` of `axis`, each `step`th (backwards where it is negative). Both ends are clamped, negative ones count from the end. */
export const slice: Kernel = (machine, _, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const axis = numberOf(attributes, 'axis', 0)
  const step = numberOf(attributes, 'step', 1)
  const dim = x.shape[axis]!
  const [begin, end] = inputs[1]
    ? [intsOf(inputs[1])[0]!, intsOf(inputs[2])[0]!]
    : [numberOf(attributes, 'begin', 0), numberOf(attributes, 'end', dim)]
  const at = indicesOf(dim, begin, end, step)
  return at.length === dim && step === 1
    ? machine.reshape(x, x.shape)
    : pick(machine, machine.make(shapeWith(x.shape, axis, at.length), x.type), x, axis, at)
}

/** Which elements of an axis a slice takes, as ONNX has it. */
export function indicesOf(dim: number, begin: number, end: number, step: number): number[] {
  const clamp = (at: number, low: number, high: number): number => Math.min(Math.max(at < 0 ? at + dim : at, low), high)
  const [from, to] = step > 0 ? [clamp(begin, 0, dim), clamp(end, 0, dim)] : [clamp(begin, 0, dim - 1), clamp(end, -1, dim - 1)]
  const indices = []
  for (let at = from; step > 0 ? at < to : at > to; at += step) indices.push(at)
  return indices
}

function shapeWith(shape: readonly number[], axis: number, dim: number): number[] {
  return shape.map((size, at) => (at === axis ? dim : size))
}

/** Copies single indices of an axis; neighbours in one go. */
function pick(machine: Machine, out: Tensor, x: Tensor, axis: number, indices: readonly number[]): Tensor {
  const [from, to] = [machine.view(x), machine.view(out)]
  const inner = sizeOf(x.shape.slice(axis + 1))
  const dim = x.shape[axis]!
  const runs: [begin: number, count: number][] = []
  for (const index of indices) {
    const last = runs.at(-1)
    if (last && last[0] + last[1] === index) last[1]++
    else runs.push([index, 1])
  }
  let place = 0
  for (let row = 0; row < sizeOf(x.shape.slice(0, axis)); row++)
    for (const [begin, count] of runs) {
      const start = (row * dim + begin) * inner
      to.set(from.subarray(start, start + count * inner), place)
      place += count * inner
    }
  return out
}

/** Rows of `axis` by index: indices are a tensor of whole numbers, or one that a shape gave. */
export const gather: Kernel = (machine, _, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const axis = numberOf(attributes, 'axis', 0)
  const indices = inputs[1]!
  const dim = x.shape[axis]!
  const at = [...(indices.ints ?? machine.view(indices))].map((index) => (index < 0 ? index + dim : index))
  if (at.some((index) => !(index >= 0 && index < dim))) throw new Error(`an index lies outside of 0 to ${dim - 1}`)
  const flat = machine.make(shapeWith(x.shape, axis, at.length), x.type)
  const out = machine.reshape(pick(machine, flat, x, axis, at), [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)])
  machine.release(flat)
  return out
}

/** PadV2 with `value`, and MirrorPad with `mode` 0 (reflect) or 1 (symmetric): `pads` holds all begins, then all ends. */
export const pad: Kernel = (machine, name, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const pads = listOf(attributes, 'pads')!
  const rank = x.shape.length
  const [begins, ends] = [pads.slice(0, rank), pads.slice(rank)]
  const out = machine.make(
    x.shape.map((dim, at) => dim + begins[at]! + ends[at]!),
    x.type,
  )
  const lists = [machine.list(x.shape), rank, x.type, machine.list(begins), machine.list(ends)]
  machine.call(name, x.buffer.id, ...lists, numberOf(attributes, name === 'MirrorPad' ? 'mode' : 'value', 0), out.buffer.id)
  return out
}

/** Tile by `repeats`; or, with `expand`, to the shape that broadcasting with it gives. */
export const tile: Kernel = (machine, _, inputs, attributes) => {
  const given = tensorOf(inputs[0])
  const wanted = listOf(attributes, 'repeats') ?? intsOf(inputs[1])
  if (attributes['expand']) return expanded(machine, given, broadcast(given.shape, wanted))
  const dims = [...Array<number>(Math.max(wanted.length - given.shape.length, 0)).fill(1), ...given.shape]
  return expanded(
    machine,
    given,
    dims.map((dim, at) => dim * (wanted[at - dims.length + wanted.length] ?? 1)),
  )
}

/** A tensor repeated up to a shape, whose dims are multiples of its own; the same memory where that is its shape. */
export function expanded(machine: Machine, x: Tensor, shape: readonly number[]): Tensor {
  const dims = [...Array<number>(shape.length - x.shape.length).fill(1), ...x.shape]
  if (sizeOf(shape) === sizeOf(dims)) return machine.reshape(x, shape)
  const out = machine.make(shape, x.type)
  const rank = shape.length
  machine.call('Tile', x.buffer.id, machine.list(dims), rank, machine.list(shape), rank, x.type, out.buffer.id)
  return out
}
