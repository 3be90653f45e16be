import type { Dim, Value } from '@whittle/ir'
import { matched } from '../blocks/types.ts'
import type { Emitter } from '../emitter.ts'
import type { NodeCall, NodeRule, NodeRules } from './call.ts'

/** What stands for "to the end" in a Slice. */
const END = 2 ** 31 - 1

const slice: NodeRule = (call) => {
  const { e, input } = call
  const x = input(0)
  const rank = e.rank(x)
  const [begins, sizes] = [vector(e, input(1)), vector(e, input(2))]
  if (begins.length !== rank || sizes.length !== rank)
    throw e.fail(`a slice of a tensor of ${rank} dimensions needs as many starts and sizes`)
  const ends = sizes.map((size, axis) => {
    const begin = begins[axis]!
    if (size === -1) return END
    if (typeof size === 'number' && typeof begin === 'number') return begin + size
    // All of an axis, whatever its size is.
    if (begin === 0 && size === e.shape(x)[axis]) return END
    throw e.refuse('a slice whose end is computed while the model runs')
  })
  const axes = ends.flatMap((end, axis) => (begins[axis] === 0 && end === END ? [] : [axis]))
  if (axes.length === 0) return x
  return sliced(e, x, axes, begins, ends)
}

function sliced(
  e: Emitter,
  x: Value,
  axes: readonly number[],
  begins: readonly Dim[],
  ends: readonly Dim[],
  steps?: readonly number[],
): Value {
  const pick = (list: readonly Dim[]): number[] =>
    axes.map((axis) => {
      const item = list[axis]!
      if (typeof item !== 'number') throw e.refuse('a slice whose limits are computed while the model runs')
      return item
    })
  const inputs = [x, e.ints(pick(begins)), e.ints(pick(ends)), e.ints(axes)]
  return e.node('Slice', steps && pick(steps).some((step) => step !== 1) ? [...inputs, e.ints(pick(steps))] : inputs)
}

/** The elements of a small tensor of whole numbers, as far as they are known. */
function vector(e: Emitter, value: Value): readonly Dim[] {
  const content = e.content(value)
  if (!content) throw e.refuse('a slice whose limits are computed while the model runs')
  return content
}

/** Limits per axis, with bit masks of which of them count: https://www.tensorflow.org/api_docs/python/tf/strided_slice */
const stridedSlice: NodeRule = ({ e, input, attributes, numbers }) => {
  const x = input(0)
  const rank = e.rank(x)
  const [begin, end, steps] = [vector(e, input(1)), vector(e, input(2)), numbers(3, 'strides')]
  if (begin.length !== end.length || begin.length !== steps.length) throw e.fail('its begin, end and strides are not of one length')
  const mask = (name: string): ((index: number) => boolean) => {
    const bits = attributes.int(name, 0)
    return (index) => ((bits >> index) & 1) === 1
  }
  const [beginMask, endMask, ellipsis, newAxis, shrink] = [
    'begin_mask',
    'end_mask',
    'ellipsis_mask',
    'new_axis_mask',
    'shrink_axis_mask',
  ].map(mask)
  const consumed = begin.filter((_, index) => !ellipsis!(index) && !newAxis!(index)).length
  const [begins, ends, strides]: [Dim[], Dim[], number[]] = [[], [], []]
  const [dropped, added]: [number[], number[]] = [[], []]
  let made = 0
  const whole = (): void => {
    begins.push(0)
    ends.push(END)
    strides.push(1)
    made++
  }
  begin.forEach((from, index) => {
    if (ellipsis!(index)) {
      for (let count = rank - consumed; count > 0; count--) whole()
    } else if (newAxis!(index)) {
      added.push(made++)
    } else if (shrink!(index)) {
      dropped.push(begins.length)
      begins.push(from)
      ends.push(from === -1 ? END : typeof from === 'number' ? from + 1 : from)
      strides.push(1)
    } else {
      const step = steps[index]!
      if (step === 0) throw e.fail('a stride is 0')
      begins.push(beginMask!(index) ? (step > 0 ? 0 : END) : from)
      ends.push(endMask!(index) ? (step > 0 ? END : -END) : endOf(e, x, begins.length - 1, end[index]!, step))
      strides.push(step)
      made++
    }
  })
  if (begins.length > rank) throw e.fail(`it slices more axes than the ${rank} of its input`)
  while (begins.length < rank) whole()
  const axes = begins.flatMap((from, axis) => (from === 0 && ends[axis] === END && strides[axis] === 1 ? [] : [axis]))
  const part = axes.length > 0 ? sliced(e, x, axes, begins, ends, strides) : x
  const squeezed = e.squeeze(part, dropped)
  return added.length > 0 ? e.unsqueeze(squeezed, added) : squeezed
}

/** The size of the axis itself is its end. */
function endOf(e: Emitter, x: Value, axis: number, end: Dim, step: number): Dim {
  return typeof end === 'string' && end === e.shape(x)[axis] && step > 0 ? END : end
}

const gather: NodeRule = ({ e, input, inputs, number, attributes }) => {
  const [x, indices] = [input(0), e.cast(input(1), 'int32')]
  const axis = e.axis(inputs.length > 2 ? number(2, 'axis') : 0, e.rank(x))
  const batch = attributes.int('batch_dims', 0)
  if (batch === 0) return e.node('Gather', [x, indices], { axis })
  if (batch !== axis || e.rank(indices) <= batch) throw e.refuse(`a gather of ${batch} batch dimensions along axis ${axis}`)
  return e.node('GatherND', [x, e.cast(e.unsqueeze(indices, [e.rank(indices)]), 'int64')], { batch_dims: batch })
}

const concat =
  (axisFirst: boolean): NodeRule =>
  ({ e, inputs, number }) => {
    if (inputs.length < 2) throw e.fail('it concatenates nothing')
    const values = axisFirst ? inputs.slice(1) : inputs.slice(0, -1)
    const axis = number(axisFirst ? 0 : inputs.length - 1, 'axis')
    // TensorFlow.js leaves out what is empty.
    const filled = values.filter((value) => !e.shape(value).includes(0) || values.length === 1)
    if (filled.length === 1) return filled[0]!
    return e.node('Concat', matched(e, filled), { axis: e.axis(axis, e.rank(filled[0]!)) })
  }

const pack: NodeRule = ({ e, inputs, input, attributes }) => {
  const axis = e.axis(attributes.int('axis', 0), e.rank(input(0)) + 1)
  return e.node(
    'Concat',
    matched(e, inputs).map((value) => e.unsqueeze(value, [axis])),
    { axis },
  )
}

const unpack: NodeRule = ({ e, input, attributes }) => {
  const axis = e.axis(attributes.int('axis', 0), e.rank(input(0)))
  const count = e.fixed(input(0), axis)
  checkParts(e, count)
  return splitInto(
    e,
    input(0),
    axis,
    Array.from({ length: count }, () => 1),
  ).map((part) => e.squeeze(part, [axis]))
}

/** Each part is a value: numbers come from the file and may be anything. */
function checkParts(e: Emitter, count: number): void {
  if (!(count >= 1 && count <= 10_000)) throw e.refuse(`a tensor that is taken apart into ${count}`)
}

function splitInto(e: Emitter, x: Value, axis: number, sizes: readonly number[]): Value[] {
  if (sizes.length === 1) return [x]
  return e.nodes('Split', [x, e.ints(sizes)], { axis }, sizes.length)
}

const split: NodeRule = ({ e, input, number, attributes }) => {
  const axis = e.axis(number(0, 'axis'), e.rank(input(1)))
  const count = attributes.int('num_split', 1)
  const size = e.fixed(input(1), axis)
  checkParts(e, count)
  if (!(count >= 1 && size % count === 0)) throw e.fail(`${size} cannot be split into ${count} equal parts`)
  return splitInto(
    e,
    input(1),
    axis,
    Array.from({ length: count }, () => size / count),
  )
}

const splitV: NodeRule = ({ e, input, number, numbers }) => {
  const axis = e.axis(number(2, 'axis'), e.rank(input(0)))
  const sizes = numbers(1, 'sizes')
  checkParts(e, sizes.length)
  if (!sizes.includes(-1)) return splitInto(e, input(0), axis, sizes)
  const rest = e.fixed(input(0), axis) - sizes.reduce((sum, size) => sum + Math.max(size, 0), 0)
  return splitInto(
    e,
    input(0),
    axis,
    sizes.map((size) => (size === -1 ? rest : size)),
  )
}

function reversed(e: Emitter, x: Value, axes: readonly number[]): Value {
  if (axes.length === 0) return x
  const all = (value: number): Value => e.ints(axes.map(() => value))
  return e.node('Slice', [x, all(-1), all(-END), e.ints(axes), all(-1)])
}

const scatter: NodeRule = ({ e, input }) => {
  const zeros = e.node('Expand', [e.scalar(0, e.type(input(1))), e.int64(input(2))])
  return e.node('ScatterND', [zeros, e.cast(input(0), 'int64'), input(1)], { reduction: 'add' })
}

export const sliceOps: NodeRules = {
  Slice: slice,
  StridedSlice: stridedSlice,
  Gather: gather,
  GatherV2: gather,
  GatherNd: ({ e, input }) => e.node('GatherND', [input(0), e.cast(input(1), 'int64')]),
  ConcatV2: concat(false),
  Concat: concat(true),
  Pack: pack,
  Unpack: unpack,
  Split: split,
  SplitV: splitV,
  Tile: ({ e, input }) => e.node('Tile', [input(0), e.int64(input(1))]),
  Reverse: ({ e, input, numbers }) =>
    reversed(
      e,
      input(0),
      numbers(1, 'axes').flatMap((flag, axis) => (flag ? [axis] : [])),
    ),
  ReverseV2: ({ e, input, numbers }) =>
    reversed(
      e,
      input(0),
      numbers(1, 'axes').map((axis) => e.axis(axis, e.rank(input(0)))),
    ),
  ScatterNd: scatter,
  TensorScatterUpdate: ({ e, input }) => e.node('ScatterND', [input(0), e.cast(input(1), 'int64'), input(2)]),
}

/** Where: the places of what is true, one row each. */
export const where: NodeRule = ({ e, input }: NodeCall) =>
  e.cast(e.transpose(e.node('NonZero', [e.cast(input(0), 'bool')]), [1, 0]), 'int32')
