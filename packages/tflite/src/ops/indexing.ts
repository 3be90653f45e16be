import type { Value } from '@whittle/ir'
import type { Layout, Lowering } from '../lowering.ts'
import type { Row } from './row.ts'

const END = 2 ** 31 - 1

function slice(l: Lowering): void {
  const { op } = l
  const [input, output] = [op.input(0), op.output()]
  const rank = l.rank(input)
  const begin = l.constant(op.input(1))?.toNumbers()
  const size = l.constant(op.input(2))?.toNumbers()
  if (!begin || !size) {
    // A size of -1 would reach to the end, and only constants say that it is none.
    if (size?.includes(-1) || !size) throw op.refuse('its size is computed while the model runs; Whittle reads constants there')
    const starts = l.int64(op.input(1))
    return l.give(output, l.node('Slice', [l.last(input), starts, l.node('Add', [starts, l.ints(size)])]))
  }
  if (begin.length !== rank || size.length !== rank) throw op.fail(`[${begin}] and [${size}] do not fit an input of [${l.dims(input)}]`)
  l.keep(input, output, (value, layout) =>
    part(
      l,
      value,
      begin,
      size.map((count, axis) => (count < 0 ? END : begin[axis]! + count)),
      begin.map(() => 1),
      layout,
      l.dims(input),
    ),
  )
}

/** A Slice of the axes that are cut. */
function part(
  l: Lowering,
  value: Value,
  starts: readonly number[],
  ends: readonly number[],
  steps: readonly number[],
  layout: Layout,
  dims: readonly number[],
): Value {
  const axes = starts.flatMap((start, axis) => {
    const isWhole = start === 0 && steps[axis] === 1 && (ends[axis] === END || (dims[axis]! >= 0 && ends[axis]! >= dims[axis]!))
    return isWhole ? [] : [axis]
  })
  if (axes.length === 0) return l.node('Identity', [value])
  const pick = (numbers: readonly number[]): Value => l.ints(axes.map((axis) => numbers[axis]!))
  const stepped = axes.some((axis) => steps[axis] !== 1)
  return l.node('Slice', [
    value,
    pick(starts),
    pick(ends),
    l.ints(axes.map((axis) => l.axisIn(axis, layout))),
    ...(stepped ? [pick(steps)] : []),
  ])
}

/** Python's slices: masks say where a bound is left out, where an axis is added, and where one is dropped. */
function stridedSlice(l: Lowering): void {
  const { op } = l
  const [input, output] = [op.input(0), op.output()]
  const rank = l.rank(input)
  const [begin, end, steps] = [1, 2, 3].map((index) => l.numbers(op.input(index), ['', 'begin', 'end', 'strides'][index]!)) as [
    number[],
    number[],
    number[],
  ]
  if (begin.length !== end.length || begin.length !== steps.length || steps.includes(0)) throw op.fail('its bounds differ in length')
  const mask = (name: string): ((index: number) => boolean) => {
    const bits = op.number(name)
    return (index) => ((bits >> index) & 1) === 1
  }
  const [beginMask, endMask, ellipsis, added, dropped] = ['beginMask', 'endMask', 'ellipsisMask', 'newAxisMask', 'shrinkAxisMask'].map(
    mask,
  ) as ((index: number) => boolean)[]
  const starts: number[] = []
  const ends: number[] = []
  const strides: number[] = []
  /** Of the result: an axis of the input, or undefined for one that is added. */
  const kept: (number | undefined)[] = []
  const whole = (): void => {
    kept.push(starts.length)
    starts.push(0)
    ends.push(END)
    strides.push(1)
  }
  begin.forEach((first, index) => {
    if (ellipsis!(index)) {
      const named = begin.filter((_, other) => other > index && !added!(other)).length
      while (starts.length < rank - named) whole()
      return
    }
    if (added!(index)) return void kept.push(undefined)
    const axis = starts.length
    if (axis >= rank) throw op.fail(`it cuts ${begin.length} axes of an input of ${rank}`)
    const step = steps[index]!
    if (dropped!(index)) {
      starts.push(first)
      ends.push(first === -1 ? END : first + 1)
      strides.push(1)
      return
    }
    kept.push(axis)
    starts.push(beginMask!(index) ? (step > 0 ? 0 : END) : first)
    const last = op.flag('offset') && !endMask!(index) ? first + end[index]! : end[index]!
    ends.push(endMask!(index) ? (step > 0 ? END : -END) : last)
    strides.push(step)
  })
  while (starts.length < rank) whole()
  const lost = starts.flatMap((_, axis) => (kept.includes(axis) ? [] : [axis]))
  const fresh = kept.flatMap((axis, index) => (axis === undefined ? [index] : []))
  if (lost.length === 0 && fresh.length === 0)
    return l.keep(input, output, (value, layout) => part(l, value, starts, ends, strides, layout, l.dims(input)))
  let value = part(l, l.last(input), starts, ends, strides, 'last', l.dims(input))
  if (lost.length > 0) value = l.node('Squeeze', [value, l.ints(lost)])
  if (fresh.length > 0) value = l.node('Unsqueeze', [value, l.ints(fresh)])
  l.give(output, value)
}

function gather(l: Lowering): void {
  const { op } = l
  if (op.number('batchDims') !== 0) throw op.refuse('gathering with batch dimensions is not supported; convert the model without them')
  const axis = l.axis(op.number('axis'), l.rank(op.input(0)))
  l.give(op.output(), l.node('Gather', [l.last(op.input(0)), l.last(op.input(1))], { axis }))
}

function oneHot(l: Lowering): void {
  const { op } = l
  const [indices, depth, on, off] = [0, 1, 2, 3].map((index) => l.last(op.input(index)))
  const values = l.node(
    'Concat',
    [off, on].map((value) => l.node('Unsqueeze', [value, l.ints([0])])),
    { axis: 0 },
  )
  l.give(op.output(), l.node('OneHot', [indices, depth, values], { axis: op.number('axis') }))
}

function reverse(l: Lowering): void {
  const { op } = l
  const [input, output] = [op.input(0), op.output()]
  const axes = l.numbers(op.input(1), 'axes').map((axis) => l.axis(axis, l.rank(input)))
  l.keep(input, output, (value, layout) => {
    const all = (number: number): Value => l.ints(axes.map(() => number))
    return l.node('Slice', [value, all(-1), all(-END), l.ints(axes.map((axis) => l.axisIn(axis, layout))), all(-1)])
  })
}

export const indexingRows: Readonly<Record<string, Row>> = {
  SLICE: { lower: slice, limits: 'constant sizes' },
  STRIDED_SLICE: { options: 'StridedSliceOptions', lower: stridedSlice, limits: 'constant bounds' },
  GATHER: { options: 'GatherOptions', lower: gather, limits: 'no batch dimensions' },
  GATHER_ND: { lower: (l) => l.give(l.op.output(), l.node('GatherND', [l.last(l.op.input(0)), l.cast(l.last(l.op.input(1)), 'int64')])) },
  EMBEDDING_LOOKUP: { lower: (l) => l.give(l.op.output(), l.node('Gather', [l.last(l.op.input(1)), l.last(l.op.input(0))], { axis: 0 })) },
  ONE_HOT: { options: 'OneHotOptions', lower: oneHot },
  REVERSE_V2: { lower: reverse },
  RANGE: {
    lower: (l) =>
      l.give(
        l.op.output(),
        l.node(
          'Range',
          [0, 1, 2].map((index) => l.last(l.op.input(index))),
        ),
      ),
  },
  WHERE: {
    limits: 'with a condition alone',
    lower: (l) => l.give(l.op.output(), l.node('Transpose', [l.node('NonZero', [l.last(l.op.input(0))])], { perm: [1, 0] })),
  },
}
