import { type Dim, Tensor, type Value } from '@whittle/ir'
import { channelsFirst } from '../blocks/window.ts'
import type { Emitter } from '../emitter.ts'
import type { NodeCall, NodeRule, NodeRules } from './call.ts'
import { dilated } from './conv.ts'

const cast: NodeRule = ({ e, input, attributes }) => e.cast(input(0), attributes.type('DstT'))

const squeeze: NodeRule = ({ e, input, attributes }) => {
  const axes = attributes.ints('squeeze_dims', attributes.ints('axis', []))
  if (axes.length > 0) return e.squeeze(input(0), axes)
  const shape = e.shape(input(0))
  return e.squeeze(
    input(0),
    shape.flatMap((dim, axis) => (dim === 1 ? [axis] : [])),
  )
}

/** The shape may be known, known but for free dimensions, or computed. */
const reshape: NodeRule = ({ e, input }) => {
  const [x, shape] = [input(0), input(1)]
  const content = e.content(shape) ?? e.known(shape)
  if (!content) return e.node('Reshape', [x, e.cast(shape, 'int64')], { allowzero: 0 })
  return reshapeTo(e, x, content)
}

export function reshapeTo(e: Emitter, x: Value, shape: readonly Dim[]): Value {
  const from = e.shape(x)
  const size = from.every((dim) => typeof dim === 'number') ? from.reduce((product, dim) => product * dim, 1) : undefined
  const open = shape.filter((dim) => dim === -1).length
  const rest = shape.reduce<number>((product, dim) => (typeof dim === 'number' && dim !== -1 ? product * dim : product), 1)
  if (open > 1) throw e.fail(`a shape of [${shape.join()}] leaves more than one dimension open`)
  const isFixed = shape.every((dim) => typeof dim === 'number')
  if (size !== undefined && isFixed) {
    if (open === 0 ? rest !== size : rest === 0 || size % rest !== 0)
      throw e.fail(`a tensor of [${from.join()}] cannot be reshaped to [${shape.join()}]`)
    return e.reshape(x, open === 0 ? shape : shape.map((dim) => (dim === -1 ? size / rest : dim)))
  }
  if (open === 0) return e.reshape(x, shape)
  // Free dimensions that stay in their place are copied; the open one is read off the rest.
  const kept = shape.map((dim, axis) => (typeof dim === 'number' ? dim : dim === from[axis] ? 0 : undefined))
  if (kept.includes(undefined))
    throw e.refuse(`the shape [${shape.join()}] depends on more than one free dimension; convert the model with fixed input shapes`)
  return e.node('Reshape', [x, e.ints(kept as number[])])
}

/** Pairs of `[before, after]` to what Pad reads. */
function pads(call: NodeCall): { axes: number; pads: number[] } {
  const { e, input, numbers } = call
  const list = numbers(1, 'paddings')
  const rank = e.rank(input(0))
  if (list.length !== 2 * rank) throw e.fail(`its paddings have ${list.length} numbers, expected ${2 * rank}`)
  return { axes: rank, pads: [...list.filter((_, index) => index % 2 === 0), ...list.filter((_, index) => index % 2 === 1)] }
}

const pad: NodeRule = (call) => {
  const { e, input, inputs, attributes } = call
  const type = e.type(input(0))
  const value =
    inputs.length > 2
      ? e.cast(input(2), type)
      : attributes.float('constant_value', 0) !== 0
        ? e.scalar(attributes.float('constant_value', 0), type)
        : undefined
  const { pads: list } = pads(call)
  if (!list.some(Boolean)) return input(0)
  return e.node('Pad', value ? [input(0), e.ints(list), value] : [input(0), e.ints(list)], { mode: 'constant' })
}

const mirrorPad: NodeRule = (call) => {
  const { e, input, attributes } = call
  const { pads: list } = pads(call)
  const mode = attributes.word('mode')
  if (mode !== 'reflect' && mode !== 'symmetric') throw e.refuse(`a padding of mode '${mode}'`)
  // A mirror that repeats the edge repeats nothing but it where it is one wide.
  if (mode === 'symmetric' && list.some((width) => width > 1)) return symmetric(e, input(0), list)
  return e.node('Pad', [input(0), e.ints(list)], { mode: mode === 'reflect' ? 'reflect' : 'edge' })
}

/** ONNX has no mirror that repeats the edge: each axis is gathered in the order of the mirrored indices. */
function symmetric(e: Emitter, x: Value, list: readonly number[]): Value {
  const rank = list.length / 2
  return list.slice(0, rank).reduce((value, before, axis) => {
    const after = list[axis + rank]!
    if (before === 0 && after === 0) return value
    const size = e.fixed(x, axis)
    if (before > size || after > size || size + before + after > 2 ** 20)
      throw e.fail(`an axis of ${size} cannot be mirrored by ${before} and ${after}`)
    const mirrored = Array.from({ length: size + before + after }, (_, index) => {
      const at = index - before
      return at < 0 ? -1 - at : at < size ? at : 2 * size - 1 - at
    })
    const indices = e.derived('mirrored', `mirrored ${mirrored.join()}`, () => Tensor.int64([mirrored.length], mirrored))
    return e.node('Gather', [value, indices], { axis })
  }, x)
}

const depthToSpace: NodeRule = ({ e, input, attributes }) =>
  channelsFirst(e, input(0), !attributes.word('data_format', 'nhwc').startsWith('nc'), (x) =>
    e.node('DepthToSpace', [x], { blocksize: attributes.int('block_size'), mode: 'DCR' }),
  )

/** Blocks of the picture become pictures of the batch: https://www.tensorflow.org/api_docs/python/tf/space_to_batch_nd */
const spaceToBatch: NodeRule = (call) => {
  const { e, input, numbers } = call
  const blocks = numbers(1, 'block shape')
  const paddings = numbers(2, 'paddings')
  checkBlocks(e, input(0), blocks, paddings)
  const rank = e.rank(input(0))
  const at = (index: number): number[] => [
    0,
    ...blocks.map((_, axis) => paddings[2 * axis + index]!),
    ...Array.from({ length: rank - 1 - blocks.length }, () => 0),
  ]
  const list = [...at(0), ...at(1)]
  const padded = list.some(Boolean) ? e.node('Pad', [input(0), e.ints(list)], { mode: 'constant' }) : input(0)
  const [batch, ...shape] = e.shape(padded)
  const inner = shape.slice(0, blocks.length).map((_, axis) => e.fixed(padded, axis + 1))
  const rest = shape.slice(blocks.length)
  inner.forEach((size, axis) => {
    if (size % blocks[axis]! !== 0) throw e.fail(`a size of ${size} cannot be split into blocks of ${blocks[axis]}`)
  })
  const split = e.reshape(padded, [batch!, ...inner.flatMap((size, axis) => [size / blocks[axis]!, blocks[axis]!]), ...rest])
  const perm = [
    ...blocks.map((_, axis) => 2 * axis + 2),
    0,
    ...blocks.map((_, axis) => 2 * axis + 1),
    ...rest.map((_, axis) => 2 * blocks.length + 1 + axis),
  ]
  const count = blocks.reduce((product, block) => product * block, 1)
  return e.reshape(e.transpose(split, perm), [times(batch!, count), ...inner.map((size, axis) => size / blocks[axis]!), ...rest])
}

/** The way back: https://www.tensorflow.org/api_docs/python/tf/batch_to_space */
const batchToSpace: NodeRule = (call) => dilated(call) ?? joinBlocks(call)

const joinBlocks: NodeRule = (call) => {
  const { e, input, numbers } = call
  const blocks = numbers(1, 'block shape')
  const crops = numbers(2, 'crops')
  checkBlocks(e, input(0), blocks, crops)
  const [batch, ...shape] = e.shape(input(0))
  const inner = shape.slice(0, blocks.length).map((_, axis) => e.fixed(input(0), axis + 1))
  const rest = shape.slice(blocks.length)
  const count = blocks.reduce((product, block) => product * block, 1)
  const origin = divided(e, batch!, count)
  const split = e.node('Reshape', [
    input(0),
    e.ints([
      ...blocks,
      typeof origin === 'number' ? origin : -1,
      ...inner,
      ...rest.map((_, axis) => e.fixed(input(0), axis + 1 + blocks.length)),
    ]),
  ])
  const perm = [
    blocks.length,
    ...blocks.flatMap((_, axis) => [blocks.length + 1 + axis, axis]),
    ...rest.map((_, axis) => 2 * blocks.length + 1 + axis),
  ]
  const whole = inner.map((size, axis) => size * blocks[axis]!)
  const joined = e.reshape(e.transpose(split, perm), [e.shape(split)[blocks.length]!, ...whole, ...rest])
  if (!crops.some(Boolean)) return joined
  const begins = blocks.map((_, axis) => crops[2 * axis]!)
  const ends = blocks.map((_, axis) => whole[axis]! - crops[2 * axis + 1]!)
  return e.node('Slice', [joined, e.ints(begins), e.ints(ends), e.ints(blocks.map((_, axis) => axis + 1))])
}

function checkBlocks(e: Emitter, x: Value, blocks: readonly number[], edges: readonly number[]): void {
  if (blocks.length < 1 || blocks.length >= e.rank(x) || edges.length !== 2 * blocks.length || blocks.some((block) => block < 1))
    throw e.fail('its block shape and paddings do not fit its input')
}

function times(dim: Dim, count: number): Dim {
  return typeof dim === 'number' ? dim * count : `${count}*${dim}`
}

function divided(e: Emitter, dim: Dim, count: number): Dim {
  if (typeof dim !== 'number') return dim
  if (dim % count !== 0) throw e.fail(`a batch of ${dim} is not made of blocks of ${count}`)
  return dim / count
}

export const transformOps: NodeRules = {
  Cast: cast,
  ExpandDims: ({ e, input, number }) => e.unsqueeze(input(0), [number(1, 'axis')]),
  Squeeze: squeeze,
  Reshape: reshape,
  EnsureShape: ({ input }) => input(0),
  Pad: pad,
  PadV2: pad,
  MirrorPad: mirrorPad,
  SpaceToBatchND: spaceToBatch,
  BatchToSpaceND: batchToSpace,
  DepthToSpace: depthToSpace,
  BroadcastTo: ({ e, input }) => e.node('Expand', [input(0), e.int64(input(1))]),
}
