import type { Node, Value } from '@whittle/ir'
import { commonOrder, orderOf } from './elementwise.ts'
import { type ProgramWriter, type Ref, axisIn, memoryType, unsupported } from './writer.ts'

export function transpose(writer: ProgramWriter, node: Node): void {
  const x = node.inputs[0]!
  const rank = writer.rank(x)
  const perm = node.ints('perm') ?? Array.from({ length: rank }, (_, at) => rank - 1 - at)
  // From where the value already lies: often that is what the model asks for.
  if (writer.has(x, 'last')) {
    const from = perm.map((axis) => axisIn(axis, rank, 'last'))
    const same = from.every((axis, at) => axis === at)
    return writer.give(node.output, same ? writer.last(x) : writer.emit('Transpose', [writer.last(x)], { perm: from }), 'plain')
  }
  writer.give(node.output, writer.emit('Transpose', [writer.plain(x)], { perm }), 'plain')
}

export function identity(writer: ProgramWriter, node: Node): void {
  const x = node.inputs[0]!
  for (const form of ['ints', 'last', 'plain'] as const)
    if (writer.has(x, form)) return writer.give(node.output, form === 'ints' ? writer.ints(x) : writer.in(x, form), form)
  writer.give(node.output, writer.plain(x), 'plain')
}

export function reshape(writer: ProgramWriter, node: Node): void {
  const [x, shape] = node.inputs as [Value, Value]
  if (writer.has(x, 'ints')) return writer.give(node.output, writer.emit('ShapeInts', [writer.ints(x)], { scalar: scalar(node) }), 'ints')
  const zero = node.int('allowzero', 0) === 1 || undefined
  const known = shape.tensor?.toNumbers()
  const inputs = known ? [writer.plain(x)] : [writer.plain(x), writer.ints(shape)]
  writer.give(node.output, writer.emit('Reshape', inputs, { shape: known, zero }), 'plain')
}

export function flatten(writer: ProgramWriter, node: Node): void {
  const x = node.inputs[0]!
  const rank = writer.rank(x)
  const axis = node.int('axis', 1)
  writer.give(node.output, writer.emit('Flatten', [writer.plain(x)], { axis: axis < 0 ? axis + rank : axis }), 'plain')
}

/** Squeeze and Unsqueeze, of tensors and of whole numbers. */
export function squeeze(writer: ProgramWriter, node: Node): void {
  const [x, given] = node.inputs as [Value, Value?]
  if (writer.has(x, 'ints')) return writer.give(node.output, writer.emit('ShapeInts', [writer.ints(x)], { scalar: scalar(node) }), 'ints')
  const rank = writer.rank(node.type === 'Unsqueeze' ? node.output : x)
  const ones = (x.shape ?? []).flatMap((dim, at) => (dim === 1 ? [at] : []))
  const axes = given ? given.tensor?.toNumbers() : (node.ints('axes') ?? ones)
  if (!axes) throw unsupported(`the axes of ${node.describe()} are not constant`)
  const places = axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b)
  const kernel = node.type === 'Unsqueeze' ? 'ExpandDims' : 'Squeeze'
  writer.give(node.output, writer.emit(kernel, [writer.plain(x)], { axes: places }), 'plain')
}

function scalar(node: Node): true | undefined {
  const rank = node.output.shape?.length
  if (rank !== 0 && rank !== 1) throw unsupported(`${node.describe()} gives a shape of ${rank ?? 'unknown'} axes`)
  return rank === 0 || undefined
}

export function concat(writer: ProgramWriter, node: Node): void {
  const values = node.inputs.map((value) => value!)
  if (values.some((value) => writer.has(value, 'ints')))
    return writer.give(
      node.output,
      writer.emit(
        'JoinInts',
        values.map((value) => writer.ints(value)),
      ),
      'ints',
    )
  const rank = writer.rank(node.output)
  const order = commonOrder(writer, values, rank)
  const axis = axisIn(node.int('axis', 0), rank, order)
  const refs = values.map((value) => writer.in(value, order))
  writer.give(node.output, writer.emit('Concat', refs, { axis }), order)
}

/** Slice at numbers that are constants or that were computed of shapes; which axes, in which steps, is constant. */
export function slice(writer: ProgramWriter, node: Node): void {
  const [x, starts, ends, axes, steps] = node.inputs as [Value, Value, Value, Value?, Value?]
  const count = (starts.tensor?.dims ?? starts.shape)?.[0]
  if (typeof count !== 'number') throw unsupported(`how many axes ${node.describe()} cuts is not known`)
  const numbers = (value: Value | undefined, fallback: (at: number) => number): number[] => {
    if (!value) return Array.from({ length: count }, (_, at) => fallback(at))
    if (!value.tensor) throw unsupported(`where ${node.describe()} cuts is not constant`)
    return value.tensor.toNumbers().map((number) => Math.min(Math.max(number, -(2 ** 31)), 2 ** 31 - 1))
  }
  const step = numbers(steps, () => 1)
  const computed = [starts, ends].some((value) => writer.has(value, 'ints'))
  const bounds = (at: number): Record<string, number> => ({ begin: numbers(starts, () => 0)[at]!, end: numbers(ends, () => 0)[at]! })
  if (writer.has(x, 'ints'))
    return writer.give(node.output, writer.emit('PickInts', [writer.ints(x)], { ...bounds(0), step: step[0] }), 'ints')
  const rank = writer.rank(x)
  const order = orderOf(writer, x)
  const one = (value: Value, at: number): Ref =>
    count === 1 ? writer.ints(value) : writer.emit('PickInts', [writer.ints(value)], { begin: at, end: at + 1 })
  let result = writer.in(x, order)
  numbers(axes, (at) => at).forEach((axis, at) => {
    const attributes = { axis: axisIn(axis, rank, order), step: step[at] === 1 ? undefined : step[at] }
    result = computed
      ? writer.emit('Slice', [result, one(starts, at), one(ends, at)], attributes)
      : writer.emit('Slice', [result], { ...attributes, ...bounds(at) })
  })
  writer.give(node.output, result, order)
}

export function split(writer: ProgramWriter, node: Node): void {
  const [x, sizes] = node.inputs as [Value, Value?]
  const rank = writer.rank(x)
  const order = orderOf(writer, x)
  const given = node.int('axis', 0)
  const axis = axisIn(given, rank, order)
  const count = node.outputs.length
  const dim = x.shape?.[given < 0 ? given + rank : given]
  const each = typeof dim === 'number' ? Math.ceil(dim / count) : undefined
  const parts = sizes ? sizes.tensor?.toNumbers() : each && node.outputs.map((_, at) => Math.min(each, (dim as number) - at * each))
  if (!parts) throw unsupported(`the parts of ${node.describe()} are not constant`)
  let begin = 0
  node.outputs.forEach((output, at) => {
    const end = begin + parts[at]!
    if (output) writer.give(output, writer.emit('Slice', [writer.in(x, order)], { axis, begin, end }), order)
    begin = end
  })
}

export function gather(writer: ProgramWriter, node: Node): void {
  const [x, indices] = node.inputs as [Value, Value]
  const rank = writer.rank(x)
  if (writer.has(x, 'ints')) return writer.give(node.output, writer.emit('PickInts', [writer.ints(x), writer.ints(indices)]), 'ints')
  const axis = node.int('axis', 0)
  const at = indices.tensor || writer.has(indices, 'ints') ? writer.ints(indices) : writer.plain(indices)
  writer.give(node.output, writer.emit('Gather', [writer.plain(x), at], { axis: axis < 0 ? axis + rank : axis }), 'plain')
}

export function pad(writer: ProgramWriter, node: Node): void {
  const [x, given, value, some] = node.inputs as [Value, Value, Value?, Value?]
  const rank = writer.rank(x)
  const mode = node.string('mode', 'constant')
  const pads = given.tensor?.toNumbers()
  if (!pads || (value && !value.tensor)) throw unsupported(`the padding of ${node.describe()} is not constant`)
  if (mode !== 'constant' && mode !== 'reflect') throw unsupported(`${node.describe()} pads by '${mode}'`)
  const order = orderOf(writer, x)
  const axes = some ? some.tensor!.toNumbers() : Array.from({ length: rank }, (_, at) => at)
  const all = Array<number>(2 * rank).fill(0)
  axes.forEach((axis, at) => {
    const place = axisIn(axis, rank, order)
    all[place] = pads[at]!
    all[rank + place] = pads[axes.length + at]!
  })
  if (all.some((count) => count < 0)) throw unsupported(`${node.describe()} cuts off`)
  const ref = writer.in(x, order)
  const fill = value?.tensor!.toNumbers()[0] || undefined
  const result =
    mode === 'reflect' ? writer.emit('MirrorPad', [ref], { pads: all }) : writer.emit('PadV2', [ref], { pads: all, value: fill })
  writer.give(node.output, result, order)
}

/** Tile and Expand. */
export function tile(writer: ProgramWriter, node: Node): void {
  const [x, repeats] = node.inputs as [Value, Value]
  const expand = node.type === 'Expand' || undefined
  const known = repeats.tensor?.toNumbers()
  const inputs = known ? [writer.plain(x)] : [writer.plain(x), writer.ints(repeats)]
  writer.give(node.output, writer.emit('Tile', inputs, { repeats: known, expand }), 'plain')
}

export function depthToSpace(writer: ProgramWriter, node: Node): void {
  const x = node.inputs[0]!
  if (node.string('mode', 'DCR') !== 'DCR') throw unsupported(`${node.describe()} has its channels in the order CRD`)
  writer.give(node.output, writer.emit('DepthToSpace', [writer.last(x)], { block: node.int('blocksize', 1) }), 'last')
}

/** Shape, whose numbers stay outside of the WebAssembly's memory. */
export function shape(writer: ProgramWriter, node: Node): void {
  const x = node.inputs[0]!
  const rank = writer.rank(x)
  const order = orderOf(writer, x)
  const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + rank : at, 0), rank)
  const [begin, end] = [clamp(node.int('start', 0)), clamp(node.int('end', rank))]
  const axes = Array.from({ length: Math.max(end - begin, 0) }, (_, at) => axisIn(begin + at, rank, order))
  const all = order === 'plain' && begin === 0 && end === rank
  writer.give(node.output, writer.emit('Shape', [writer.in(x, order)], { axes: all ? undefined : axes }), 'ints')
}

const INT_OPS: Readonly<Record<string, string>> = { Add: 'add', Sub: 'sub', Mul: 'mul', Div: 'div', Max: 'max', Min: 'min' }

/** Arithmetic of what shapes gave. @returns false where it is not that. */
export function intArithmetic(writer: ProgramWriter, node: Node): boolean {
  const [a, b] = node.inputs as [Value, Value]
  const op = INT_OPS[node.type]
  const one = (value: Value): boolean => writer.has(value, 'ints') || value.tensor !== undefined
  if (!op || !b || !(one(a) && one(b)) || (a.tensor && b.tensor) || memoryType(node.output.elementType) !== 'int32') return false
  writer.give(node.output, writer.emit('IntArithmetic', [writer.ints(a), writer.ints(b)], { op }), 'ints')
  return true
}

/** Resize of pictures in the forms of TensorFlow. */
export function resize(writer: ProgramWriter, node: Node): void {
  const [x, , scales, sizes] = node.inputs as [Value, Value?, Value?, Value?]
  const mode = node.string('mode', 'nearest')
  const from = node.string('coordinate_transformation_mode', 'half_pixel')
  const rank = writer.rank(x)
  const factors = scales?.tensor?.size ? scales.tensor.toNumbers() : undefined
  if (rank !== 4 || node.attributes.has('axes') || node.int('antialias', 0) === 1 || (mode !== 'nearest' && mode !== 'linear'))
    throw unsupported(`${node.describe()} resizes in a way that it has no kernel for`)
  if (factors ? factors[0] !== 1 || factors[1] !== 1 : !sizes) throw unsupported(`${node.describe()} resizes more than pictures`)
  const corners = from === 'align_corners' || undefined
  const half = from === 'half_pixel' || from === 'pytorch_half_pixel' || undefined
  if (!corners && !half && from !== 'asymmetric') throw unsupported(`${node.describe()} takes its coordinates by '${from}'`)
  if (mode === 'nearest') {
    const whole = factors?.every(Number.isInteger)
    const rounding = node.string('nearest_mode', 'round_prefer_floor')
    // Whole factors repeat elements in every way of rounding from the middle.
    const repeats = whole && half && rounding.startsWith('round')
    if (!repeats && !(from === 'asymmetric' && rounding === 'floor')) throw unsupported(`${node.describe()} rounds in another way`)
    const result = writer.emit('ResizeNearestNeighbor', sizeInputs(), { scales: factors?.slice(2), size: fixed() })
    return writer.give(node.output, result, 'last')
  }
  writer.give(node.output, writer.emit('ResizeBilinear', sizeInputs(), { scales: factors?.slice(2), size: fixed(), corners, half }), 'last')

  function fixed(): number[] | undefined {
    return factors ? undefined : sizes!.tensor?.toNumbers().slice(2)
  }
  function sizeInputs(): number[] {
    return factors || sizes!.tensor ? [writer.last(x)] : [writer.last(x), writer.ints(sizes!)]
  }
}
