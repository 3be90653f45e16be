import { Tensor, type Value } from '@whittle/ir'
import type { Layout, Lowering } from '../lowering.ts'
import { MIRROR_PAD_MODE } from '../schema/tables.ts'
import { activate } from './activation.ts'
import type { Row } from './row.ts'

/** Dims for Reshape: one -1 where one is free. */
function dimsOf(l: Lowering, dims: readonly number[]): Value {
  if (dims.filter((dim) => dim < 0).length > 1)
    throw l.op.refuse('its output has more than one free dimension; convert the model with fixed input shapes')
  return l.ints(dims)
}

function reshape(l: Lowering): void {
  const { op } = l
  const [input, output] = [op.input(0), op.output()]
  const shape = op.optional(1)
  const option = op.numbers('newShape')
  const given = shape === undefined ? undefined : l.constant(shape)?.toNumbers()
  const dims = given ?? (shape === undefined ? (option.length > 0 ? option : l.dims(output)) : undefined)
  if (dims?.includes(0)) throw op.refuse('it makes a tensor of no elements')
  l.give(output, l.node('Reshape', [l.last(input), dims ? dimsOf(l, dims) : l.int64(shape!)]))
}

/** Adds or drops dimensions of one. */
function squeeze(l: Lowering): void {
  const { op } = l
  const input = op.input(0)
  const rank = l.rank(input)
  const listed = op.numbers('squeezeDims').map((axis) => l.axis(axis, rank))
  const axes = listed.length > 0 ? listed : l.dims(input).flatMap((dim, axis) => (dim === 1 ? [axis] : []))
  // Height and width of one can go from either layout.
  const left = [0, 1, 2, 3].filter((axis) => !axes.includes(axis))
  const isFree = l.isFirst(input) && axes.length > 0 && [0, 3, 1, 2].filter((axis) => left.includes(axis)).join() === left.join()
  const layout: Layout = isFree ? 'first' : 'last'
  const value = l.in(input, layout)
  l.give(op.output(), axes.length === 0 ? value : l.node('Squeeze', [value, l.ints(axes.map((axis) => l.axisIn(axis, layout)))]))
}

function expandDims(l: Lowering): void {
  const [input, output] = [l.op.input(0), l.op.output()]
  const axis = l.axis(l.numbers(l.op.input(1), 'axis')[0]!, l.rank(input) + 1)
  l.give(output, l.node('Unsqueeze', [l.last(input), l.ints([axis])]))
}

function concatenation(l: Lowering): void {
  const { op } = l
  const output = op.output()
  const axis = l.axis(op.number('axis'), l.rank(output))
  if (op.inputs.some((ref) => l.rank(ref) !== l.rank(output))) throw op.fail('its inputs differ in rank')
  l.together(op.inputs, output, (values, layout) => activate(l, l.node('Concat', values, { axis: l.axisIn(axis, layout) })))
}

/** `[[before, after], ...]` of each axis, in another layout, as ONNX's Pad lists them. */
function padsOf(l: Lowering, pads: readonly number[], layout: Layout): Value {
  const rank = pads.length / 2
  const order = Array.from({ length: rank }, (_, axis) => axis)
  const sorted = layout === 'first' ? [0, 3, 1, 2] : order
  return l.ints([...sorted.map((axis) => pads[2 * axis]!), ...sorted.map((axis) => pads[2 * axis + 1]!)])
}

function pad(l: Lowering): void {
  const { op } = l
  const [input, output] = [op.input(0), op.output()]
  const pads = l.numbers(op.input(1), 'padding')
  if (pads.length !== 2 * l.rank(input) || pads.some((count) => count < 0))
    throw op.fail(`its padding [${pads}] does not fit an input of [${l.dims(input)}]`)
  const mode = op.name === 'MIRROR_PAD' ? MIRROR_PAD_MODE[op.number('mode')] : 'CONSTANT'
  if (mode === 'SYMMETRIC') {
    if (pads.some((count) => count > 1))
      throw op.refuse('symmetric padding of more than one element has no form in ONNX; use reflect padding')
    return l.keep(input, output, (value, layout) => l.node('Pad', [value, padsOf(l, pads, layout)], { mode: 'edge' }))
  }
  const filler = op.name === 'PADV2' ? l.last(op.input(2)) : undefined
  const scalar =
    filler && l.rank(op.input(2)) > 0 ? l.node('Reshape', [filler, l.derived('empty', 'empty', () => Tensor.int64([0], []))]) : filler
  l.keep(input, output, (value, layout) =>
    mode === 'REFLECT'
      ? l.node('Pad', [value, padsOf(l, pads, layout)], { mode: 'reflect' })
      : l.node('Pad', [value, padsOf(l, pads, layout), ...(scalar ? [scalar] : [])]),
  )
}

function transpose(l: Lowering): void {
  const [input, output] = [l.op.input(0), l.op.output()]
  const rank = l.rank(input)
  const perm = l.numbers(l.op.input(1), 'permutation').map((axis) => l.axis(axis, rank))
  if (perm.length !== rank || new Set(perm).size !== rank) throw l.op.fail(`[${perm}] is no order of the axes of [${l.dims(input)}]`)
  if (perm.every((axis, index) => axis === index)) return l.keep(input, output, (value) => l.node('Identity', [value]))
  // What is held channels-first already may be what is asked for.
  if (l.isFirst(input)) {
    const held = perm.map((axis) => l.axisIn(axis, 'first'))
    if (held.every((axis, index) => axis === index)) return l.give(output, l.node('Identity', [l.first(input)]))
    return l.give(output, l.node('Transpose', [l.first(input)], { perm: held }))
  }
  l.give(output, l.node('Transpose', [l.last(input)], { perm }))
}

function depthToSpace(l: Lowering): void {
  const { op } = l
  const [input, output, blocksize] = [op.input(0), op.output(), op.number('blockSize')]
  if (blocksize < 1) throw op.fail(`its block size is ${blocksize}`)
  // Channels are split as [block, block, depth]: ONNX's DCR order.
  l.give(output, l.node('DepthToSpace', [l.first(input)], { blocksize, mode: 'DCR' }), 'first')
}

/** ONNX's SpaceToDepth gives [block, block, depth] too. */
function spaceToDepth(l: Lowering): void {
  const { op } = l
  const blocksize = op.number('blockSize')
  if (blocksize < 1) throw op.fail(`its block size is ${blocksize}`)
  l.give(op.output(), l.node('SpaceToDepth', [l.first(op.input(0))], { blocksize }), 'first')
}

function spaceToBatch(l: Lowering): void {
  const { op } = l
  const [input, output] = [op.input(0), op.output()]
  const block = l.numbers(op.input(1), 'block shape')
  const pads = l.numbers(op.input(2), 'padding')
  const count = block.length
  const dims = l.fixedDims(input)
  if (count < 1 || count >= dims.length || pads.length !== 2 * count || block.some((size) => size < 1))
    throw op.fail('its blocks do not fit its input')
  const rest = dims.slice(count + 1)
  const all = [0, 0, ...pads, ...rest.flatMap(() => [0, 0])]
  const padded = pads.some(Boolean) ? l.node('Pad', [l.last(input), padsOf(l, all, 'last')]) : l.last(input)
  const sizes = block.map((size, at) => (dims[at + 1]! + pads[2 * at]! + pads[2 * at + 1]!) / size)
  if (sizes.some((size) => !Number.isInteger(size))) throw op.fail('its blocks do not divide its input')
  const cut = l.reshape(padded, [dims[0]!, ...sizes.flatMap((size, at) => [size, block[at]!]), ...rest])
  const perm = [...block.map((_, at) => 2 * at + 2), 0, ...block.map((_, at) => 2 * at + 1), ...rest.map((_, at) => 2 * count + 1 + at)]
  const turned = l.node('Transpose', [cut], { perm })
  l.give(output, l.reshape(turned, [dims[0]! * block.reduce((a, b) => a * b, 1), ...sizes, ...rest]))
}

function batchToSpace(l: Lowering): void {
  const { op } = l
  const [input, output] = [op.input(0), op.output()]
  const block = l.numbers(op.input(1), 'block shape')
  const crops = l.numbers(op.input(2), 'crops')
  const count = block.length
  const dims = l.fixedDims(input)
  const batch = dims[0]! / block.reduce((a, b) => a * b, 1)
  if (count < 1 || count >= dims.length || crops.length !== 2 * count || !Number.isInteger(batch))
    throw op.fail('its blocks do not fit its input')
  const [sizes, rest] = [dims.slice(1, count + 1), dims.slice(count + 1)]
  const cut = l.reshape(l.last(input), [...block, batch, ...sizes, ...rest])
  const perm = [count, ...block.flatMap((_, at) => [count + 1 + at, at]), ...rest.map((_, at) => 2 * count + 1 + at)]
  const whole = l.reshape(l.node('Transpose', [cut], { perm }), [batch, ...sizes.map((size, at) => size * block[at]!), ...rest])
  if (!crops.some(Boolean)) return l.give(output, whole)
  const starts = block.map((_, at) => crops[2 * at]!)
  const ends = sizes.map((size, at) => size * block[at]! - crops[2 * at + 1]!)
  l.give(output, l.node('Slice', [whole, l.ints(starts), l.ints(ends), l.ints(sizes.map((_, at) => at + 1))]))
}

function pack(l: Lowering): void {
  const { op } = l
  const axis = l.axis(op.number('axis'), l.rank(op.output()))
  const parts = op.inputs.map((ref) => l.node('Unsqueeze', [l.last(ref), l.ints([axis])]))
  l.give(op.output(), l.node('Concat', parts, { axis }))
}

function unpack(l: Lowering): void {
  const { op } = l
  const axis = l.axis(op.number('axis'), l.rank(op.input(0)))
  const count = op.outputs.length
  const parts = count === 1 ? [l.last(op.input(0))] : l.nodes('Split', [l.last(op.input(0))], { axis, num_outputs: count }, count).outputs
  parts.forEach((part, index) => l.give(op.output(index), l.node('Squeeze', [part, l.ints([axis])])))
}

function split(l: Lowering, input: number, axisRef: number, sizes?: number): void {
  const { op } = l
  const axis = l.axis(l.numbers(axisRef, 'axis')[0]!, l.rank(input))
  const layout: Layout = l.isFirst(input) ? 'first' : 'last'
  const at = l.axisIn(axis, layout)
  const count = op.outputs.length
  const lengths = sizes === undefined ? undefined : l.numbers(sizes, 'sizes')
  const free = lengths?.indexOf(-1) ?? -1
  if (lengths && free >= 0) lengths[free] = l.fixed(input, axis) - lengths.reduce((sum, size) => sum + size, 1)
  const value = l.in(input, layout)
  if (count === 1) return l.give(op.output(), l.node('Identity', [value]), layout)
  const node = lengths
    ? l.nodes('Split', [value, l.ints(lengths)], { axis: at }, count)
    : l.nodes('Split', [value], { axis: at, num_outputs: count }, count)
  node.outputs.forEach((part, index) => l.give(op.output(index), part!, layout))
}

const broadcastTo: Row = {
  lower: (l) => l.give(l.op.output(), l.node('Expand', [l.last(l.op.input(0)), l.int64(l.op.input(1))])),
}

/** The shape of a tensor, as constants where it is known. */
function shape(l: Lowering): void {
  const { op } = l
  const [input, output] = [op.input(0), op.output()]
  const { type, dims } = { type: l.info(output).type, dims: l.dims(input) }
  if (dims.every((dim) => dim >= 0)) return l.setConstant(output, Tensor.of(type, [dims.length], dims))
  const value = l.node('Shape', [l.last(input)])
  l.give(output, type === 'int64' ? value : l.cast(value, type))
}

export const shapeRows: Readonly<Record<string, Row>> = {
  RESHAPE: { options: 'ReshapeOptions', lower: reshape },
  SQUEEZE: { options: 'SqueezeOptions', lower: squeeze },
  EXPAND_DIMS: { lower: expandDims },
  CONCATENATION: { options: 'ConcatenationOptions', lower: concatenation },
  PAD: { lower: pad },
  PADV2: { lower: pad },
  MIRROR_PAD: { options: 'MirrorPadOptions', lower: pad, limits: 'symmetric padding of at most 1' },
  TRANSPOSE: { lower: transpose },
  DEPTH_TO_SPACE: { options: 'DepthToSpaceOptions', lower: depthToSpace },
  SPACE_TO_DEPTH: { options: 'SpaceToDepthOptions', lower: spaceToDepth },
  SPACE_TO_BATCH_ND: { lower: spaceToBatch, limits: 'fixed sizes' },
  BATCH_TO_SPACE_ND: { lower: batchToSpace, limits: 'fixed sizes' },
  PACK: { options: 'PackOptions', lower: pack },
  UNPACK: { options: 'UnpackOptions', lower: unpack },
  SPLIT: { lower: (l) => split(l, l.op.input(1), l.op.input(0)) },
  SPLIT_V: { lower: (l) => split(l, l.op.input(0), l.op.input(2), l.op.input(1)) },
  TILE: { lower: (l) => l.give(l.op.output(), l.node('Tile', [l.last(l.op.input(0)), l.int64(l.op.input(1))])) },
  BROADCAST_TO: broadcastTo,
  SHAPE: { lower: shape },
  RANK: { lower: (l) => l.setConstant(l.op.output(), Tensor.of(l.info(l.op.output()).type, [], [l.rank(l.op.input(0))])) },
  FILL: { lower: (l) => l.give(l.op.output(), l.node('Expand', [l.last(l.op.input(1)), l.int64(l.op.input(0))])) },
  ZEROS_LIKE: {
    lower: (l) =>
      l.keep(l.op.input(0), l.op.output(), (value) =>
        l.node('ConstantOfShape', [l.node('Shape', [value])], {
          value: Tensor.of(l.isQuantized(l.op.output()) ? 'float32' : l.info(l.op.output()).type, [1], [0]),
        }),
      ),
  },
}
