import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Dim, Tensor } from '@whittle/ir'
import { describe, expect, it } from 'vitest'
import { opFamilies } from '../src/read/graph/table.ts'
import { type GraphCase, attr, expectSameGraph, floats, int, ints, node, noise } from './read-graph-oracle.ts'
import { opsOf } from './read-oracle.ts'

const same = (title: string, graph: GraphCase): void => {
  it(title, async () => {
    await expectSameGraph(graph)
  })
}
const x = (...dims: Dim[]): { x: Dim[] } => ({ x: dims })
const bools = (...values: number[]): Tensor => Tensor.of('bool', [values.length], values)
const convAttr = (padding: string, stride: number, dilation = 1): Record<string, unknown> => ({
  padding: attr.s(padding),
  strides: attr.ints(1, stride, stride, 1),
  dilations: attr.ints(1, dilation, dilation, 1),
  data_format: attr.s('NHWC'),
})

describe('convolutions', () => {
  for (const padding of ['SAME', 'VALID'])
    for (const stride of [1, 2]) {
      const picture = x('N', 7, 8, 3)
      same(`Conv2D ${padding} ${stride}`, node('Conv2D', convAttr(padding, stride), picture, { w: noise([3, 2, 3, 4]) }))
      same(`depthwise ${padding} ${stride}`, node('DepthwiseConv2dNative', convAttr(padding, stride), picture, { w: noise([3, 3, 3, 2]) }))
      const fusion = { ...convAttr(padding, stride), num_args: attr.i(1), fused_ops: attr.words('BiasAdd', 'Relu6') }
      same(`fused ${padding} ${stride}`, node('_FusedConv2D', fusion, picture, { w: noise([3, 3, 3, 4]), b: noise([4]) }))
      same(
        `fused depthwise ${padding} ${stride}`,
        node('FusedDepthwiseConv2dNative', fusion, picture, { w: noise([3, 3, 3, 1]), b: noise([3]) }),
      )
      for (const [kind, op] of [
        ['max', 'MaxPool'],
        ['average', 'AvgPool'],
      ] as const)
        same(`${kind} ${padding} ${stride}`, node(op, { ...convAttr(padding, stride), ksize: attr.ints(1, 3, 2, 1) }, picture))
    }
  for (const activation of ['Elu', 'Sigmoid', 'LeakyRelu'])
    same(
      `fused with ${activation}`,
      node('_FusedConv2D', { ...convAttr('SAME', 1), num_args: attr.i(1), fused_ops: attr.words('BiasAdd', activation) }, x(1, 4, 4, 3), {
        w: noise([3, 3, 3, 4]),
        b: noise([4]),
      }),
    )
  same(
    'fused with Prelu',
    node('_FusedConv2D', { ...convAttr('SAME', 1), num_args: attr.i(2), fused_ops: attr.words('BiasAdd', 'Prelu') }, x(1, 4, 4, 3), {
      w: noise([3, 3, 3, 4]),
      b: noise([4]),
      a: noise([1, 1, 4]),
    }),
  )
  same('dilated', node('Conv2D', convAttr('SAME', 1, 2), x(1, 9, 8, 3), { w: noise([3, 3, 3, 2]) }))
  same(
    'explicit padding',
    node('Conv2D', { ...convAttr('EXPLICIT', 2), explicit_paddings: attr.ints(0, 0, 1, 0, 0, 2, 0, 0) }, x(1, 7, 8, 3), {
      w: noise([3, 3, 3, 2]),
    }),
  )
  same(
    'Conv1D',
    node('Conv1D', { stride: attr.i(2), padding: attr.s('SAME'), data_format: attr.s('NWC'), dilation: attr.i(1) }, x(2, 9, 3), {
      w: noise([3, 3, 4]),
    }),
  )
  same(
    'Conv3D',
    node(
      'Conv3D',
      { strides: attr.ints(1, 2, 2, 2, 1), padding: attr.s('SAME'), data_format: attr.s('NDHWC'), dilations: attr.ints(1, 1, 1, 1, 1) },
      x(1, 5, 6, 5, 2),
      {
        w: noise([3, 3, 3, 2, 3]),
      },
    ),
  )
  for (const [op, kind] of [
    ['MaxPool3D', 'max'],
    ['AvgPool3D', 'average'],
  ] as const)
    same(
      `${kind} 3d`,
      node(op, { strides: attr.ints(1, 2, 2, 2, 1), ksize: attr.ints(1, 2, 2, 2, 1), padding: attr.s('SAME') }, x(1, 5, 4, 5, 2)),
    )
  for (const [padding, size] of [
    ['SAME', 9],
    ['SAME', 10],
    ['VALID', 11],
    ['VALID', 12],
  ] as const)
    it(`transposed ${padding} to ${size}`, async () => {
      const graph = node(
        'Conv2DBackpropInput',
        convAttr(padding, 2),
        x(1, 5, 5, 3),
        { w: noise([3, 3, 2, 3]), s: ints(1, size, size, 2) },
        ['s', 'w', 'x'],
      )
      await expectSameGraph(graph)
    })
})

describe('matrices', () => {
  for (const a of [false, true])
    for (const b of [false, true]) {
      same(
        `MatMul ${a} ${b}`,
        node('MatMul', { transpose_a: attr.b(a), transpose_b: attr.b(b) }, { x: a ? [4, 3] : [3, 4] }, { w: noise(b ? [5, 4] : [4, 5]) }),
      )
      same(
        `BatchMatMulV2 ${a} ${b}`,
        node('BatchMatMulV2', { adj_x: attr.b(a), adj_y: attr.b(b) }, { x: a ? [2, 4, 3] : [2, 3, 4], z: b ? [2, 5, 4] : [2, 4, 5] }),
      )
    }
  same(
    '_FusedMatMul',
    node('_FusedMatMul', { num_args: attr.i(1), fused_ops: attr.words('BiasAdd', 'Relu') }, x('N', 4), { w: noise([4, 5]), b: noise([5]) }),
  )
  same('Einsum', node('Einsum', { equation: attr.s('abc,cd->abd'), N: attr.i(2) }, x(2, 3, 4), { w: noise([4, 5]) }))
  same('Transpose', node('Transpose', {}, x(2, 3, 4), { p: ints(2, 0, 1) }))
})

describe('normalizations', () => {
  const moments = { s: noise([3], 's'), o: noise([3], 'o'), m: noise([3], 'm'), v: floats([3], 0.5, 1, 2) }
  for (const op of ['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'])
    same(op, node(op, { epsilon: attr.f(0.01), data_format: attr.s('NHWC') }, x(1, 4, 5, 3), moments))
  same('LRN', node('LRN', { depth_radius: attr.i(2), bias: attr.f(1.5), alpha: attr.f(0.3), beta: attr.f(0.7) }, x(1, 3, 3, 7)))
  for (const op of ['Softmax', 'LogSoftmax']) same(op, node(op, {}, x(2, 3, 4)))
  same('EuclideanNorm', node('EuclideanNorm', { keep_dims: attr.b(true) }, x(2, 3, 4), { a: ints(1) }))
})

describe('arithmetic', () => {
  for (const op of [
    'Add',
    'AddV2',
    'Sub',
    'Mul',
    'Minimum',
    'Maximum',
    'SquaredDifference',
    'RealDiv',
    'Div',
    'FloorMod',
    'Mod',
    'DivNoNan',
  ])
    same(op, node(op, {}, { x: [2, 3], z: [3] }))
  const whole = { x: Tensor.of('int32', [4], [7, -7, 8, -8]), z: Tensor.of('int32', [4], [2, 2, -3, -3]) }
  for (const op of ['Add', 'Sub', 'Mul', 'Div', 'FloorDiv', 'FloorMod', 'Maximum']) same(`${op} of whole numbers`, node(op, {}, whole))
  it('FloorDiv', async () => {
    // TensorFlow.js's plain back end takes the quotient of two floats for a whole number; its others do not.
    const graph = node('FloorDiv', {}, { x: [2, 3], z: [3] })
    const cast = { name: 'f', op: 'Cast', input: ['y'], attr: { DstT: attr.type('float32'), SrcT: attr.type('float32') } }
    await expectSameGraph({ ...graph, nodes: [...graph.nodes, cast], outputs: ['f'] })
  })
  same('Pow', node('Pow', {}, { x: floats([3], 0.5, 1, 2), z: floats([3], 2, -1, 0.5) }))
  same('AddN', node('AddN', {}, { x: [2, 3], y1: [2, 3], y2: [2, 3] }))
  same('BiasAdd', node('BiasAdd', { data_format: attr.s('NHWC') }, x(2, 3, 4), { b: noise([4]) }))
  same('DivNoNan by zero', node('DivNoNan', {}, { x: floats([3], 1, 0, -1), z: floats([3], 0, 0, 2) }))
  same('types that differ', node('Mul', {}, { x: floats([2], 0.5, 2), z: Tensor.of('int32', [2], [3, 4]) }))
})

describe('functions', () => {
  const names = [
    'Abs',
    'Atan',
    'Ceil',
    'Cos',
    'Cosh',
    'Elu',
    'Erf',
    'Exp',
    'Expm1',
    'Floor',
    'Neg',
    'Reciprocal',
    'Relu',
    'Relu6',
    'Round',
    'Selu',
    'Sigmoid',
  ]
  for (const op of [...names, 'Sin', 'Sign', 'Sinh', 'Softplus', 'Square', 'Tan', 'Tanh', 'Asinh']) same(op, node(op, {}, x(3, 4)))
  for (const op of ['Acos', 'Asin', 'Atanh', 'Sqrt', 'Rsqrt', 'Log', 'Log1p']) same(op, node(op, {}, { x: floats([3], 0.1, 0.5, 0.9) }))
  same('Atan2', node('Atan2', {}, { x: floats([9], 0, 1, -1, 0, 0, 2, 2, -2, -2), z: floats([9], 0, 0, 0, 1, -1, 3, -3, 3, -3) }))
  same('Acosh', node('Acosh', {}, { x: floats([3], 1.1, 2, 3) }))
  for (const op of ['IsNan', 'IsInf', 'IsFinite']) same(op, node(op, {}, { x: floats([4], NaN, Infinity, -Infinity, 1) }))
  same('ClipByValue', node('ClipByValue', {}, x(3, 4), { a: floats([], -0.5), b: floats([], 0.25) }))
  same('LeakyRelu', node('LeakyRelu', { alpha: attr.f(0.3) }, x(3, 4)))
  same('Prelu', node('Prelu', {}, x(3, 4), { a: noise([4]) }))
  same('Round of halves', node('Round', {}, { x: floats([4], 0.5, 1.5, 2.5, -0.5) }))
})

describe('logic', () => {
  for (const op of ['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual'])
    same(op, node(op, {}, { x: floats([3], 1, 2, 3), z: floats([3], 1, 3, 2) }))
  for (const op of ['LogicalAnd', 'LogicalOr']) same(op, node(op, {}, { x: bools(0, 0, 1, 1), z: bools(0, 1, 0, 1) }))
  same('LogicalNot', node('LogicalNot', {}, { x: bools(0, 1) }))
  for (const op of ['Select', 'SelectV2']) same(op, node(op, {}, { c: bools(0, 1, 1), x: [3], z: [3] }))
})

describe('reductions', () => {
  for (const op of ['Max', 'Mean', 'Min', 'Sum', 'Prod'])
    for (const keep of [false, true]) same(`${op} ${keep}`, node(op, { keep_dims: attr.b(keep) }, x(2, 3, 4), { a: ints(-1, 0) }))
  same('of no axis', node('Sum', { keep_dims: attr.b(false) }, x(2, 3), { a: Tensor.of('int32', [0], []) }))
  for (const op of ['All', 'Any'])
    same(op, node(op, { keep_dims: attr.b(false) }, { x: Tensor.of('bool', [2, 2], [1, 1, 0, 1]) }, { a: ints(1) }))
  for (const op of ['ArgMax', 'ArgMin']) same(op, node(op, {}, x(2, 3, 4), { a: int(1) }))
  for (const exclusive of [false, true])
    for (const reverse of [false, true])
      same(
        `Cumsum ${exclusive} ${reverse}`,
        node('Cumsum', { exclusive: attr.b(exclusive), reverse: attr.b(reverse) }, x(2, 3), { a: int(1) }),
      )
  it('TopKV2', async () => {
    const graph = node('TopKV2', { sorted: attr.b(true) }, x(2, 6), { k: int(3) })
    await expectSameGraph({ ...graph, outputs: ['y', 'y:1'] })
  })
})

describe('slices and joins', () => {
  same('Slice', node('Slice', {}, x(4, 5), { b: ints(1, 0), s: ints(2, -1) }))
  const strided = (begin: number[], end: number[], strides: number[], masks: Record<string, number>, dims: number[]): GraphCase =>
    node(
      'StridedSlice',
      Object.fromEntries(Object.entries(masks).map(([key, value]) => [key, attr.i(value)])),
      { x: dims },
      { b: ints(...begin), e: ints(...end), s: ints(...strides) },
    )
  same('StridedSlice', strided([1, 0], [3, 5], [1, 2], {}, [4, 5]))
  same('with masks', strided([1, 1], [0, 0], [1, -1], { begin_mask: 2, end_mask: 3 }, [4, 5]))
  same('that drops an axis', strided([1, -1], [2, 0], [1, 1], { shrink_axis_mask: 3 }, [4, 5, 2]))
  same('with an ellipsis', strided([0, 1], [0, 2], [1, 1], { ellipsis_mask: 1 }, [4, 5, 2]))
  same('with a new axis', strided([0, 0, 1], [0, 0, 3], [1, 1, 1], { new_axis_mask: 1, begin_mask: 2, end_mask: 2 }, [4, 5]))
  same('from the end', strided([-3], [-1], [1], {}, [5, 2]))
  // Limits that come from inputs are known only when the model runs.
  same('Slice at a computed place', node('Slice', {}, { x: [4, 5], b: ints(1, 2) }, { s: ints(2, -1) }))
  const computed = { x: [4, 5, 6], b: ints(1, 0, -1), e: ints(3, 4, 0) }
  for (const masks of [{}, { begin_mask: attr.i(2), end_mask: attr.i(1) }])
    it(`StridedSlice at a computed place, ${Object.keys(masks).length} masks`, async () => {
      const graph = node('StridedSlice', { ...masks, shrink_axis_mask: attr.i(4) }, computed, { s: ints(1, 1, 1) })
      await expectSameGraph(graph)
    })
  same(
    'SparseToDense',
    node('SparseToDense', {}, { i: Tensor.of('int32', [2, 1], [3, 1]) }, { s: ints(5), v: floats([2], 1, 2), d: floats([], -1) }),
  )
  same('SparseToDense of one value', node('SparseToDense', {}, { i: ints(3, 1) }, { s: ints(5), v: floats([], 2), d: floats([], -1) }))
  same('Gather', node('Gather', {}, x(4, 3), { i: ints(2, 0) }))
  same('GatherV2', node('GatherV2', { batch_dims: attr.i(0) }, x(4, 3), { i: Tensor.of('int32', [1, 2], [2, 0]), a: int(1) }))
  same(
    'GatherV2 of batches',
    node('GatherV2', { batch_dims: attr.i(1) }, x(2, 4, 3), { i: Tensor.of('int32', [2, 2], [2, 0, 1, 3]), a: int(1) }),
  )
  same('GatherNd', node('GatherNd', {}, x(4, 3), { i: Tensor.of('int32', [2, 2], [2, 0, 1, 1]) }))
  same('ConcatV2', node('ConcatV2', { N: attr.i(2) }, { x: [2, 3], z: [2, 4] }, { a: int(-1) }))
  same('Concat', node('Concat', { N: attr.i(2) }, { x: [2, 3], z: [2, 4] }, { a: int(1) }, ['a', 'x', 'z']))
  same('Pack', node('Pack', { axis: attr.i(1), N: attr.i(2) }, { x: [2, 3], z: [2, 3] }))
  for (const [op, attributes, constants, order] of [
    ['Unpack', { axis: attr.i(1), num: attr.i(3) }, {}, ['x']],
    ['Split', { num_split: attr.i(3) }, { a: int(1) }, ['a', 'x']],
    ['SplitV', {}, { s: ints(1, -1, 2), a: int(1) }, ['x', 's', 'a']],
  ] as const)
    it(op, async () => {
      const graph = node(op, attributes, { x: [2, op === 'SplitV' ? 5 : 3] }, constants as Record<string, Tensor>, [...order])
      await expectSameGraph({ ...graph, outputs: ['y', 'y:1', 'y:2'] })
    })
  same('Tile', node('Tile', {}, x(2, 3), { r: ints(2, 3) }))
  same('ReverseV2', node('ReverseV2', {}, x(2, 3, 4), { a: ints(2, 0) }))
  same('Reverse', node('Reverse', {}, x(2, 3), { a: bools(0, 1) }))
  same('ScatterNd', node('ScatterNd', {}, x(3), { i: Tensor.of('int32', [3, 1], [1, 4, 1]), s: ints(6) }, ['i', 'x', 's']))
  same('TensorScatterUpdate', node('TensorScatterUpdate', {}, x(5), { i: Tensor.of('int32', [2, 1], [1, 4]), u: noise([2]) }))
})

describe('transformations', () => {
  for (const type of ['int32', 'bool'])
    same(`Cast ${type}`, node('Cast', { DstT: attr.type(type), SrcT: attr.type('float32') }, { x: floats([4], 0, 1.7, -1.7, 3) }))
  same('ExpandDims', node('ExpandDims', {}, x(2, 3), { a: int(-2) }))
  same('Squeeze', node('Squeeze', { squeeze_dims: attr.ints(-1) }, x(2, 1, 3, 1)))
  same('Squeeze of all', node('Squeeze', {}, x(2, 1, 3, 1)))
  same('Reshape', node('Reshape', {}, x('N', 6), { s: ints(-1, 2, 3) }))
  same('Pad', node('Pad', {}, x(2, 3), { p: Tensor.of('int32', [2, 2], [1, 0, 2, 1]) }))
  same('PadV2', node('PadV2', {}, x(2, 3), { p: Tensor.of('int32', [2, 2], [1, 0, 2, 1]), v: floats([], 1.5) }))
  same('MirrorPad', node('MirrorPad', { mode: attr.s('REFLECT') }, x(4, 5), { p: Tensor.of('int32', [2, 2], [1, 2, 3, 1]) }))
  same('MirrorPad of one', node('MirrorPad', { mode: attr.s('SYMMETRIC') }, x(4, 5), { p: Tensor.of('int32', [2, 2], [1, 1, 0, 1]) }))
  same(
    'MirrorPad that repeats the edge',
    node('MirrorPad', { mode: attr.s('SYMMETRIC') }, x(4, 5), { p: Tensor.of('int32', [2, 2], [3, 2, 0, 4]) }),
  )
  same('SpaceToBatchND', node('SpaceToBatchND', {}, x('N', 5, 4, 3), { b: ints(2, 2), p: Tensor.of('int32', [2, 2], [1, 2, 0, 0]) }))
  same('BatchToSpaceND', node('BatchToSpaceND', {}, x(8, 3, 2, 3), { b: ints(2, 2), c: Tensor.of('int32', [2, 2], [1, 0, 0, 1]) }))
  same('DepthToSpace', node('DepthToSpace', { block_size: attr.i(2), data_format: attr.s('NHWC') }, x(1, 3, 4, 12)))
  same('BroadcastTo', node('BroadcastTo', {}, x(3, 1), { s: ints(2, 3, 4) }))
})

describe('pictures', () => {
  for (const [align, half] of [
    [false, false],
    [true, false],
    [false, true],
  ] as const)
    for (const op of ['ResizeBilinear', 'ResizeNearestNeighbor'])
      for (const size of [ints(8, 12), ints(7, 3)])
        same(
          `${op} ${align} ${half} ${size.toNumbers().join()}`,
          node(op, { align_corners: attr.b(align), half_pixel_centers: attr.b(half) }, x(2, 4, 6, 3), { s: size }),
        )
  same(
    'CropAndResize',
    node('CropAndResize', { method: attr.s('bilinear'), extrapolation_value: attr.f(0.5) }, x(2, 6, 5, 3), {
      b: floats([3, 4], 0.1, 0.2, 0.8, 0.9, 0, 0, 1, 1, -0.2, 0.5, 0.6, 1.3),
      i: ints(1, 0, 1),
      s: ints(3, 4),
    }),
  )
  const boxes = { b: floats([4, 4], 0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 2, 1, 3, 0, 2, 1, 2.5), s: floats([4], 0.5, 0.9, 0.2, 0.7) }
  const limits = { m: int(3), t: floats([], 0.5), l: floats([], 0.3) }
  same('NonMaxSuppressionV3', node('NonMaxSuppressionV3', {}, boxes, limits))
  it('NonMaxSuppressionV5', async () => {
    const graph = node('NonMaxSuppressionV5', {}, boxes, { ...limits, g: floats([], 0) })
    await expectSameGraph({ ...graph, outputs: ['y', 'y:1'] })
  })
  it('NonMaxSuppressionV4', async () => {
    const graph = node('NonMaxSuppressionV4', { pad_to_max_output_size: attr.b(false) }, boxes, limits)
    await expectSameGraph({ ...graph, outputs: ['y', 'y:1'] })
  })
})

describe('sources', () => {
  same('EnsureShape', node('EnsureShape', {}, x(2, 3), { s: ints(2, 3) }))
  for (const op of ['IdentityN', 'ShapeN'])
    it(op, async () => {
      const graph = node(op, { N: attr.i(2) }, { x: [2, 3], z: [4] })
      // TensorFlow.js gives sizes as floats here.
      const casts = ['y', 'y:1'].map((from, index) => ({
        name: `c${index}`,
        op: 'Cast',
        input: [from],
        attr: { DstT: attr.type('int32') },
      }))
      await expectSameGraph({ ...graph, nodes: [...graph.nodes, ...casts], outputs: ['c0', 'c1'] })
    })
  same('lists', {
    inputs: x(5, 3),
    constants: { item: ints(3), at: ints(4, 0) },
    nodes: [
      { name: 'l', op: 'TensorListFromTensor', input: ['x', 'item'], attr: { element_dtype: attr.type('float32') } },
      { name: 'y', op: 'TensorListGather', input: ['l', 'at', 'item'], attr: { element_dtype: attr.type('float32') } },
      { name: 'n', op: 'TensorListLength', input: ['l'] },
    ],
    outputs: ['y', 'n'],
  })
  for (const op of ['Identity', 'StopGradient', 'Snapshot', 'OnesLike', 'ZerosLike', 'Shape', 'Size', 'Rank', 'FakeQuantWithMinMaxVars'])
    same(op, node(op, {}, x('N', 3)))
  same('Fill', { ...node('Fill', { T: attr.type('float32') }, {}, { s: ints(2, 3), v: floats([], 0.5) }), inputs: x(1) })
  for (const op of ['Zeros', 'Ones']) same(op, { ...node(op, { T: attr.type('int32') }, {}, { s: ints(2, 3) }), inputs: x(1) })
  same('Range', { ...node('Range', { Tidx: attr.type('int32') }, {}, { a: int(1), b: int(9), c: int(3) }), inputs: x(1) })
  same('LinSpace', { ...node('LinSpace', {}, {}, { a: floats([], 1), b: floats([], 2), c: int(5) }), inputs: x(1) })
  same(
    'OneHot',
    node('OneHot', { axis: attr.i(-1), T: attr.type('float32') }, { i: ints(2, 0, 1) }, { d: int(4), a: floats([], 2), b: floats([], -1) }),
  )
  same('Where', node('Where', {}, { c: Tensor.of('bool', [2, 2], [1, 0, 1, 1]) }))
})

it('every op that can be read is compared here', () => {
  const text = readFileSync(fileURLToPath(import.meta.url), 'utf8')
  const ops = opFamilies.flatMap(({ rules }) => Object.keys(rules))
  // They are read as their twins, or printed to the console by the oracle.
  const twins = ['PlaceholderWithDefault', 'BatchMatMul', 'DepthwiseConv2d', 'NonMaxSuppressionV2', 'If', 'While', 'Print']
  expect(ops.filter((op) => !text.includes(`'${op}'`) && !twins.includes(op))).toEqual([])
})

describe('graphs', () => {
  it('shapes that are computed need no node at run time', async () => {
    const own = await expectSameGraph({
      inputs: x('N', 4, 6),
      constants: { b: ints(0), e: ints(1), s: ints(1), rest: int(-1) },
      nodes: [
        { name: 'shape', op: 'Shape', input: ['x'] },
        { name: 'n', op: 'StridedSlice', input: ['shape', 'b', 'e', 's'], attr: { shrink_axis_mask: attr.i(1) } },
        { name: 'to', op: 'Pack', input: ['n', 'rest'], attr: { axis: attr.i(0) } },
        { name: 'y', op: 'Reshape', input: ['x', 'to'] },
      ],
      outputs: ['y'],
    })
    expect(opsOf(own)).toEqual(['Reshape'])
  })

  it('a bias that is added later goes into the convolution, and Transposes meet', async () => {
    const own = await expectSameGraph({
      inputs: x('N', 8, 8, 3),
      constants: {
        w: noise([3, 3, 3, 4]),
        b: noise([4]),
        v: noise([1, 1, 4, 4]),
        p: Tensor.of('int32', [4, 2], [0, 0, 1, 1, 1, 1, 0, 0]),
        axes: ints(1, 2),
      },
      nodes: [
        { name: 'c', op: 'Conv2D', input: ['x', 'w'], attr: convAttr('SAME', 2) },
        { name: 'a', op: 'BiasAdd', input: ['c', 'b'] },
        { name: 'r', op: 'Relu6', input: ['a'] },
        { name: 'd', op: 'Pad', input: ['r', 'p'] },
        { name: 'e', op: 'Conv2D', input: ['d', 'v'], attr: convAttr('VALID', 1) },
        { name: 'f', op: 'AddV2', input: ['e', 'd'] },
        { name: 'y', op: 'Mean', input: ['f', 'axes'], attr: { keep_dims: attr.b(false) } },
      ],
      outputs: ['y'],
    })
    expect(opsOf(own)).toEqual(['Transpose', 'Conv', 'Clip', 'Pad', 'Conv', 'Add', 'ReduceMean'])
  })

  it('a picture is resized to the size of another, whatever that is', async () => {
    const graph: GraphCase = {
      inputs: { x: ['N', 'h', 'w', 3], z: ['N', 'H', 'W', 2] },
      constants: { b: ints(1), e: ints(3), s: ints(1), two: int(2) },
      nodes: [
        { name: 'shape', op: 'Shape', input: ['z'] },
        { name: 'size', op: 'StridedSlice', input: ['shape', 'b', 'e', 's'] },
        { name: 'larger', op: 'Mul', input: ['size', 'two'] },
        { name: 'y', op: 'ResizeBilinear', input: ['x', 'larger'], attr: { half_pixel_centers: attr.b(true) } },
      ],
      outputs: ['y'],
    }
    for (const size of [3, 4]) await expectSameGraph(graph, { x_dim1: 5, x_dim2: 4, z_dim1: size, z_dim2: size + 2 })
  })

  it('a convolution over blocks is one with dilation', async () => {
    const own = await expectSameGraph({
      inputs: x('N', 7, 6, 3),
      constants: {
        b: ints(2, 2),
        p: Tensor.of('int32', [2, 2], [2, 3, 2, 2]),
        c: Tensor.of('int32', [2, 2], [0, 1, 0, 0]),
        w: noise([3, 3, 3, 4]),
        bias: noise([4]),
      },
      nodes: [
        { name: 's', op: 'SpaceToBatchND', input: ['x', 'b', 'p'] },
        {
          name: 'f',
          op: '_FusedConv2D',
          input: ['s', 'w', 'bias'],
          attr: { ...convAttr('VALID', 1), num_args: attr.i(1), fused_ops: attr.words('BiasAdd', 'Relu') },
        },
        { name: 'y', op: 'BatchToSpaceND', input: ['f', 'b', 'c'] },
      ],
      outputs: ['y'],
    })
    expect(opsOf(own)).toEqual(['Transpose', 'Conv', 'Relu', 'Transpose'])
  })

  const argument = (name: string): object => ({ name, type: 'DT_FLOAT' })
  const func = (name: string, inputs: string[], nodeDef: object[], ret: string): object => ({
    signature: { name, inputArg: inputs.map(argument), outputArg: [argument('out')] },
    nodeDef,
    ret: { out: ret },
  })

  it('branches become an If', async () => {
    const library = {
      function: [
        func('yes', ['a'], [{ name: 'n', op: 'Neg', input: ['a'] }], 'n:y:0'),
        func('no', ['a'], [{ name: 'n', op: 'Mul', input: ['a', 'a'] }], 'n:z:0'),
      ],
    }
    for (const value of [1, -1]) {
      const own = await expectSameGraph({
        inputs: { x: floats([3], value, 2, 3), c: Tensor.of('bool', [], [value > 0 ? 1 : 0]) },
        nodes: [{ name: 'y', op: 'StatelessIf', input: ['c', 'x'], attr: { then_branch: attr.func('yes'), else_branch: attr.func('no') } }],
        outputs: ['y'],
        library,
      })
      expect(opsOf(own)).toContain('If')
    }
  })

  it('a loop becomes a Loop', async () => {
    const library = {
      function: [
        func('cond', ['a'], [{ name: 'm', op: 'Max', input: ['a', 'axis'] }, { name: 'l', op: 'Less', input: ['m', 'limit'] }], 'l:z:0'), // prettier-ignore
        func('body', ['a'], [{ name: 't', op: 'Mul', input: ['a', 'two'] }], 't:z:0'),
      ].map((item) => ({
        ...item,
        nodeDef: [
          ...(item as { nodeDef: object[] }).nodeDef,
          ...['axis', 'limit', 'two'].map((name) => ({ name, op: 'Const', attr: { dtype: attr.type('float32') } })),
        ],
      })),
    }
    const own = await expectSameGraph({
      inputs: { x: floats([3], 1, 2, 3) },
      constants: { axis: ints(0), limit: floats([], 20), two: floats([], 2) },
      nodes: [{ name: 'y', op: 'StatelessWhile', input: ['x'], attr: { cond: attr.func('cond'), body: attr.func('body') } }],
      outputs: ['y'],
      library,
    })
    expect(opsOf(own)).toContain('Loop')
  })

  it('a recurrent layer, a loop over lists of tensors, becomes a Loop', async () => {
    const shape = (name: string): object => ({ name, op: 'Const', attr: { dtype: attr.type('int32') } })
    const arguments_ = ['t', 'r', 'h', 'l'].map((name) => ({
      name,
      type: name === 't' ? 'DT_INT32' : name === 'h' ? 'DT_FLOAT' : 'DT_VARIANT',
    }))
    const float = { element_dtype: attr.type('float32') }
    const library = {
      function: [
        {
          signature: { name: 'cond', inputArg: arguments_, outputArg: [{ name: 'o', type: 'DT_BOOL' }] },
          nodeDef: [shape('steps'), { name: 'less', op: 'Less', input: ['t', 'steps'] }],
          ret: { o: 'less:z:0' },
        },
        {
          signature: {
            name: 'body',
            inputArg: arguments_,
            outputArg: ['o1', 'o2', 'o3', 'o4'].map((name) => ({ name, type: 'DT_FLOAT' })),
          },
          nodeDef: [
            shape('one'),
            shape('item'),
            { name: 'x', op: 'TensorListGetItem', input: ['l', 't', 'item'], attr: float },
            { name: 'sum', op: 'AddV2', input: ['x:item:0', 'h'] },
            { name: 'state', op: 'Tanh', input: ['sum:z:0'] },
            { name: 'written', op: 'TensorListSetItem', input: ['r', 't', 'state:y:0'], attr: float },
            { name: 'next', op: 'AddV2', input: ['t', 'one'] },
          ],
          ret: { o1: 'next:z:0', o2: 'written:output_handle:0', o3: 'state:y:0', o4: 'l' },
        },
      ],
    }
    for (const batch of [2, 'N'] as const) {
      const own = await expectSameGraph({
        inputs: { x: [batch, 3, 4], h: [batch, 4] },
        constants: { p: ints(1, 0, 2), item: ints(-1, 4), steps: int(3), one: int(1), zero: int(0) },
        nodes: [
          { name: 'turned', op: 'Transpose', input: ['x', 'p'] },
          { name: 'list', op: 'TensorListFromTensor', input: ['turned', 'item'], attr: float },
          { name: 'room', op: 'TensorListReserve', input: ['item', 'steps'], attr: float },
          {
            name: 'loop',
            op: 'StatelessWhile',
            input: ['zero', 'room', 'h', 'list'],
            attr: { cond: attr.func('cond'), body: attr.func('body') },
          },
          { name: 'all', op: 'TensorListStack', input: ['loop:1', 'item'], attr: { ...float, num_elements: attr.i(3) } },
          { name: 'y', op: 'Transpose', input: ['all', 'p'] },
        ],
        outputs: ['y', 'loop:2'],
        library,
      })
      expect(opsOf(own)).toContain('Loop')
    }
  })
})
