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
  const [begins, sizes] = [e.content(input(1)), e.content(input(2))]
  if ((begins && begins.length !== rank) || (sizes && sizes.length !== rank))
    throw e.fail(`a slice of a tensor of ${rank} dimensions needs as many starts and sizes`)
  const ends = begins && sizes?.map((size, axis) => endAfter(begins[axis]!, size, e.shape(x)[axis]!))
  if (!begins || !ends?.every((end) => typeof end === 'number') || !begins.every((begin) => typeof begin === 'number'))
    return computedSlice(e, x, input(1), input(2))
  const axes = ends.flatMap((end, axis) => (begins[axis] === 0 && end === END ? [] : [axis]))
  return axes.length === 0 ? x : sliced(e, x, axes, begins, ends)
}

/** A size of -1 is all that is left; so is the axis's own from its start, whatever it is. */
function endAfter(begin: Dim, size: Dim, dim: Dim): Dim | undefined {
  if (size === -1 || (begin === 0 && size === dim)) return END
  return typeof size === 'number' && typeof begin === 'number' ? begin + size : undefined
}

/** Limits that only running the model tells. */
function computedSlice(e: Emitter, x: Value, begin: Value, size: Value): Value {
  const [starts, sizes] = [e.int64(begin), e.int64(size)]
  const ends = e.node('Where', [e.node('Less', [sizes, e.ints([0])]), e.ints([END]), e.node('Add', [starts, sizes])])
  return e.node('Slice', [x, starts, ends])
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

/** Limits per axis, with bit masks of which of them count: https://www.tensorflow.org/api_docs/python/tf/strided_slice */
const stridedSlice: NodeRule = (call) => {
  const { e, input, attributes, numbers } = call
  const x = input(0)
  const rank = e.rank(x)
  const [begin, end, steps] = [e.content(input(1)), e.content(input(2)), numbers(3, 'strides')]
  if (!begin || !end) return computedStrides(call, steps)
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
  if ([...begins, ...ends].some((limit) => typeof limit !== 'number')) return computedStrides(call, steps)
  const axes = begins.flatMap((from, axis) => (from === 0 && ends[axis] === END && strides[axis] === 1 ? [] : [axis]))
  const part = axes.length > 0 ? sliced(e, x, axes, begins, ends, strides) : x
  const squeezed = e.squeeze(part, dropped)
  return added.length > 0 ? e.unsqueeze(squeezed, added) : squeezed
}

/** The same for limits that only running the model tells. */
function computedStrides({ e, input, attributes }: NodeCall, steps: readonly number[]): Value {
  if (attributes.int('ellipsis_mask', 0) !== 0 || attributes.int('new_axis_mask', 0) !== 0)
    throw e.refuse('a slice whose limits are computed while the model runs, and that leaves axes out or adds some')
  if (steps.length > e.rank(input(0)) || steps.includes(0)) throw e.fail('its strides do not fit its input')
  const bits = (name: string): number[] => steps.map((_, index) => (attributes.int(name, 0) >> index) & 1)
  const chosen = (mask: number[], yes: Value, no: Value): Value =>
    mask.includes(1) ? e.node('Where', [e.cast(e.ints(mask), 'bool'), yes, no]) : no
  const [begin, shrink] = [e.int64(input(1)), bits('shrink_axis_mask')]
  const first = steps.map((step) => (step > 0 ? 0 : END))
  const last = steps.map((step) => (step > 0 ? END : -END))
  const starts = chosen(
    bits('begin_mask').map((bit, index) => (shrink[index] ? 0 : bit)),
    e.ints(first),
    begin,
  )
  const next = e.node('Add', [begin, e.ints([1])])
  // The element after the last one from the end, -1, is no element.
  const single = e.node('Where', [e.node('Equal', [next, e.ints([0])]), e.ints([END]), next])
  const ends = chosen(shrink, single, chosen(bits('end_mask'), e.ints(last), e.int64(input(2))))
  const strides = steps.map((step, index) => (shrink[index] ? 1 : step))
  const part = e.node('Slice', [input(0), starts, ends, e.ints(steps.map((_, axis) => axis)), e.ints(strides)])
  return e.squeeze(
    part,
    shrink.flatMap((bit, axis) => (bit ? [axis] : [])),
  )
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

const sparseToDense: NodeRule = ({ e, input, number }) => {
  const type = e.type(input(2))
  const rest = e.node('Expand', [e.scalar(number(3, 'default value'), type), e.int64(input(1))])
  const places = e.rank(input(0)) === 2 ? input(0) : e.unsqueeze(input(0), [e.rank(input(0))])
  const values =
    e.rank(input(2)) === 0 ? e.node('Expand', [input(2), e.node('Slice', [e.node('Shape', [places]), e.ints([0]), e.ints([1])])]) : input(2)
  return e.node('ScatterND', [rest, e.cast(places, 'int64'), values])
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
  SparseToDense: sparseToDense,
  TensorScatterUpdate: ({ e, input }) => e.node('ScatterND', [input(0), e.cast(input(1), 'int64'), input(2)]),
}

/** Where: the places of what is true, one row each. */
export const where: NodeRule = ({ e, input }: NodeCall) =>
  e.cast(e.transpose(e.node('NonZero', [e.cast(input(0), 'bool')]), [1, 0]), 'int32')
