import { Tensor, type Value } from '@whittle/ir'
import { resize } from '../blocks/resize.ts'
import type { Emitter } from '../emitter.ts'
import type { NodeCall, NodeRule, NodeRules } from './call.ts'
import { where } from './slices.ts'

const identity: NodeRule = ({ input }) => input(0)

const shapeOf = (e: Emitter, x: Value): Value => e.cast(e.node('Shape', [x]), 'int32')

/** A tensor of one number, of a shape that may be computed. */
function filled(e: Emitter, shape: Value, value: Value): Value {
  return e.node('Expand', [value, e.int64(shape)])
}

const like =
  (value: number): NodeRule =>
  ({ e, input }) =>
    e.node('Expand', [e.scalar(value, e.type(input(0))), e.node('Shape', [input(0)])])

const linSpace: NodeRule = ({ e, name, number }) => {
  const [start, stop, count] = [number(0, 'start'), number(1, 'stop'), number(2, 'count')]
  if (!(Number.isInteger(count) && count >= 1 && count <= 1_000_000)) throw e.fail(`it has ${count} numbers`)
  const step = count > 1 ? (stop - start) / (count - 1) : 0
  return e.constant(
    name,
    Tensor.float32(
      [count],
      Float32Array.from({ length: count }, (_, index) => start + index * step),
    ),
  )
}

const oneHot: NodeRule = ({ e, input, attributes }) => {
  const type = attributes.type('T', e.type(input(2)))
  const values = e.node('Concat', [e.unsqueeze(e.cast(input(3), type), [0]), e.unsqueeze(e.cast(input(2), type), [0])], { axis: 0 })
  return e.node('OneHot', [e.cast(input(0), 'int64'), e.int64(input(1)), values], { axis: attributes.int('axis', -1) })
}

export const sourceOps: NodeRules = {
  Identity: identity,
  StopGradient: identity,
  Snapshot: identity,
  FakeQuantWithMinMaxVars: identity,
  PlaceholderWithDefault: identity,
  Print: identity,
  IdentityN: ({ inputs }) => inputs,
  Shape: ({ e, input }) => shapeOf(e, input(0)),
  ShapeN: ({ e, inputs }) => inputs.map((value) => shapeOf(e, value)),
  Size: ({ e, input }) => e.cast(e.node('Size', [input(0)]), 'int32'),
  Rank: ({ e, input }) => e.scalar(e.rank(input(0)), 'int32'),
  Fill: ({ e, input }) => filled(e, input(0), input(1)),
  Ones: ({ e, input, attributes }) => filled(e, input(0), e.scalar(1, attributes.type('T', 'float32'))),
  Zeros: ({ e, input, attributes }) => filled(e, input(0), e.scalar(0, attributes.type('T', 'float32'))),
  OnesLike: like(1),
  ZerosLike: like(0),
  LinSpace: linSpace,
  Range: ({ e, input, attributes }) => {
    const type = attributes.type('Tidx', e.type(input(0)))
    return e.node(
      'Range',
      [0, 1, 2].map((index) => scalarOf(e, e.cast(input(index), type))),
    )
  },
  OneHot: oneHot,
  Where: where,
}

/** Range reads tensors without dimensions. */
function scalarOf(e: Emitter, value: Value): Value {
  return e.rank(value) === 0 ? value : e.reshape(value, [])
}

const resizing =
  (method: 'bilinear' | 'nearest'): NodeRule =>
  ({ e, input, attributes }) =>
    resize(e, input(0), input(1), {
      method,
      alignCorners: attributes.bool('align_corners', false),
      halfPixel: attributes.bool('half_pixel_centers', false),
    })

/**
 * Boxes `[y1, x1, y2, x2]` of pictures, each sampled at a grid of points: a GridSample of the boxes' own pictures. What lies outside is the
 * extrapolation value as a whole, not a mixture.
 */
const cropAndResize: NodeRule = (call) => {
  const { e, input, numbers, attributes } = call
  const method = attributes.word('method', 'bilinear')
  if (method !== 'bilinear') throw e.refuse(`crops by method '${method}'; bilinear ones can be read`)
  const [height, width] = numbers(3, 'size') as [number, number]
  if (!(height >= 1 && width >= 1 && height <= 65_536 && width <= 65_536)) throw e.fail(`a crop of ${height} x ${width} cannot be`)
  const image = e.node('Gather', [input(0), e.cast(input(2), 'int32')], { axis: 0 })
  const side = (index: number): Value => e.node('Slice', [input(1), e.ints([index]), e.ints([index + 1]), e.ints([1])])
  // In units of the picture: 0 is the centre of its first pixel, 1 that of its last.
  const points = (from: Value, to: Value, count: number): Value => {
    if (count === 1) return e.node('Mul', [e.node('Add', [from, to]), e.scalar(0.5)])
    const steps = e.derived(`steps_${count}`, `steps ${count}`, () =>
      Tensor.float32(
        [1, count],
        Array.from({ length: count }, (_, index) => index / (count - 1)),
      ),
    )
    return e.node('Add', [from, e.node('Mul', [e.node('Sub', [to, from]), steps])])
  }
  const [ys, xs] = [points(side(0), side(2), height), points(side(1), side(3), width)]
  const inside = (at: Value): Value =>
    e.node('And', [e.node('GreaterOrEqual', [at, e.scalar(0)]), e.node('LessOrEqual', [at, e.scalar(1)])])
  const scaled = (at: Value): Value => e.node('Sub', [e.node('Mul', [at, e.scalar(2)]), e.scalar(1)])
  const grid = e.node(
    'Concat',
    [
      e.node('Expand', [e.unsqueeze(scaled(xs), [1, 3]), e.ints([1, height, width, 1])]),
      e.node('Expand', [e.unsqueeze(scaled(ys), [2, 3]), e.ints([1, height, width, 1])]),
    ],
    { axis: 3 },
  )
  const first = e.transpose(e.cast(image, 'float32'), [0, 3, 1, 2])
  const sampled = e.node('GridSample', [first, grid], { mode: 'linear', padding_mode: 'border', align_corners: 1 })
  const valid = e.node('And', [e.unsqueeze(inside(ys), [2, 3]), e.unsqueeze(inside(xs), [1, 3])])
  return e.node('Where', [valid, e.transpose(sampled, [0, 2, 3, 1]), e.scalar(attributes.float('extrapolation_value', 0))])
}

/** The boxes that stay, by falling score. */
function suppress({ e, input, inputs }: NodeCall, threshold: boolean): Value {
  const boxes = e.unsqueeze(input(0), [0])
  const scores = e.unsqueeze(input(1), [0, 1])
  const most = e.int64(input(2))
  const limits = [input(3), ...(threshold && inputs.length > 4 ? [input(4)] : [])].map((value) => e.reshape(e.cast(value, 'float32'), [1]))
  const chosen = e.node('NonMaxSuppression', [boxes, scores, most, ...limits])
  const column = e.node('Slice', [chosen, e.ints([2]), e.ints([3]), e.ints([1])])
  return e.cast(e.squeeze(column, [1]), 'int32')
}

const withScores: NodeRule = (call) => {
  const { e, inputs, number, input } = call
  if (inputs.length > 5 && number(5, 'soft_nms_sigma') !== 0) throw e.refuse('a soft suppression of boxes, which ONNX does not have')
  const chosen = suppress(call, true)
  return [chosen, e.node('Gather', [input(1), chosen], { axis: 0 })]
}

const padded: NodeRule = (call) => {
  const { e, attributes } = call
  if (attributes.bool('pad_to_max_output_size', false)) throw e.refuse('a suppression of boxes that is padded to a fixed size')
  const chosen = suppress(call, true)
  return [chosen, e.cast(e.node('Size', [chosen]), 'int32')]
}

export const imageOps: NodeRules = {
  ResizeBilinear: resizing('bilinear'),
  ResizeNearestNeighbor: resizing('nearest'),
  CropAndResize: cropAndResize,
  NonMaxSuppressionV2: (call) => suppress(call, false),
  NonMaxSuppressionV3: (call) => suppress(call, true),
  NonMaxSuppressionV4: padded,
  NonMaxSuppressionV5: withScores,
}
