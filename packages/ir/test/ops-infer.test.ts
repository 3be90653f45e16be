import {
  type AttributeLike,
  type Dim,
  type ElementType,
  type Model,
  ModelError,
  OptionError,
  Tensor,
  type Value,
  inferShapes,
  macsOf,
  weightsOf,
} from '@whittle/ir'
import { create } from '@bufbuild/protobuf'
import { type GraphBuilder, buildModel, differenceOf, models, runModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { CarriedType } from '../src/onnx/carried.ts'
import { TensorShapeProto_DimensionSchema, TypeProtoSchema } from '../src/onnx/gen/onnx_pb.ts'

type Input = { dims: number[]; type?: ElementType } | Tensor | undefined

/** One node on fixed inputs: inferred facts of each output beside what onnxruntime gives. */
async function check(op: string, inputs: Input[], attributes: Record<string, AttributeLike> = {}, outputs = 1, domain = ''): Promise<void> {
  const feeds: Record<string, Tensor> = {}
  const model = buildModel((b: GraphBuilder) => {
    const values = inputs.map((input, index): Value | undefined => {
      if (input === undefined || input instanceof Tensor) return input && b.constant(`c${index}`, input)
      const type = input.type ?? 'float32'
      const size = input.dims.reduce((product, dim) => product * dim, 1)
      feeds[`x${index}`] = Tensor.of(
        type,
        input.dims,
        Array.from({ length: size }, (_, at) => at % 2),
      )
      return b.input(`x${index}`, input.dims, type)
    })
    const names = Array.from({ length: outputs }, (_, index) => `y${index}`)
    for (const value of b.nodes(op, values, attributes, { domain, outputs: names })) b.output(value)
  })
  if (domain) model.opsets.set(domain, 1)
  const ran = await runModel(model, feeds)
  for (const value of model.graph.outputs) {
    const tensor = ran[value.name]!
    expect(`${value.elementType}[${value.shape}]`, `${op} ${value.name}`).toBe(`${tensor.type}[${tensor.dims}]`)
  }
}

const f = (...dims: number[]): Input => ({ dims })
const i64 = (...values: number[]): Tensor => Tensor.int64([values.length], values)
const scalar = (value: number): Tensor => Tensor.float32([], [value])
const w = (...dims: number[]): Tensor => Tensor.float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(0.5))

type Row = [title: string, op: string, inputs: Input[], attributes?: Record<string, AttributeLike>, outputs?: number, domain?: string]

const ROWS: Row[] = [
  [
    'strides, dilations and uneven pads',
    'Conv',
    [f(1, 4, 13, 11), w(6, 2, 3, 3)],
    { group: 2, strides: [2, 3], dilations: [2, 1], pads: [1, 0, 2, 1] },
  ],
  ['SAME_UPPER', 'Conv', [f(1, 1, 7, 8), w(2, 1, 3, 3)], { auto_pad: 'SAME_UPPER', strides: [2, 2] }],
  ['VALID', 'Conv', [f(1, 1, 7, 8), w(2, 1, 3, 3)], { auto_pad: 'VALID' }],
  ['one axis', 'Conv', [f(1, 2, 9), w(3, 2, 3)]],
  [
    'output padding',
    'ConvTranspose',
    [f(1, 4, 5, 6), w(4, 3, 3, 3)],
    { group: 2, strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
  ],
  ['output shape', 'ConvTranspose', [f(1, 2, 5, 5), w(2, 3, 3, 3)], { strides: [2, 2], output_shape: [10, 10] }],
  ['ceil mode', 'MaxPool', [f(1, 2, 7, 8)], { kernel_shape: [3, 2], strides: [2, 2], ceil_mode: 1 }, 2],
  [
    'ceil mode whose last window would start in the padding',
    'AveragePool',
    [f(1, 1, 4, 4)],
    { kernel_shape: [2, 2], strides: [3, 3], ceil_mode: 1, pads: [1, 1, 1, 1] },
  ],
  ['any', 'GlobalMaxPool', [f(1, 2, 7, 8)]],
  ['both transposed', 'Gemm', [f(3, 2), w(5, 3), w(5)], { transA: 1, transB: 1 }],
  ['batches that broadcast', 'MatMul', [f(2, 1, 3, 4), f(5, 4, 6)]],
  ['a vector on the left', 'MatMul', [f(4), f(2, 4, 3)]],
  ['a vector on the right', 'MatMul', [f(2, 3, 4), f(4)]],
  ['a contraction', 'Einsum', [f(2, 3, 4), f(2, 4, 5)], { equation: 'bij,bjk->bik' }],
  ['no arrow', 'Einsum', [f(2, 3), f(3, 4)], { equation: 'ij,jk' }],
  ['an ellipsis', 'Einsum', [f(2, 6, 3, 4), f(4, 5)], { equation: '...ij,jk->...ik' }],
  ['one direction', 'LSTM', [f(5, 2, 3), w(1, 16, 3), w(1, 16, 4)], { hidden_size: 4 }, 3],
  ['two directions', 'GRU', [f(5, 2, 3), w(2, 12, 3), w(2, 12, 4)], { hidden_size: 4, direction: 'bidirectional' }, 2],
  ['two directions', 'RNN', [f(5, 2, 3), w(2, 4, 3), w(2, 4, 4)], { hidden_size: 4, direction: 'bidirectional' }, 2],
  ['kept copies and a rest', 'Reshape', [f(2, 3, 4), i64(0, -1)]],
  ['default order', 'Transpose', [f(2, 3, 4)]],
  ['given axes', 'Squeeze', [f(1, 3, 1), i64(-1)]],
  ['no axes', 'Squeeze', [f(1, 3, 1)]],
  ['unsorted axes', 'Unsqueeze', [f(3, 4), i64(-1, 0)]],
  ['axis 0', 'Flatten', [f(2, 3, 4)], { axis: 0 }],
  ['negative axis', 'Flatten', [f(2, 3, 4)], { axis: -1 }],
  ['negative axis', 'Concat', [f(2, 3), f(2, 4)], { axis: -1 }],
  ['sizes', 'Split', [f(2, 7), i64(3, 4)], { axis: 1 }, 2],
  ['a smaller last part', 'Split', [f(7, 2)], { num_outputs: 3 }, 3],
  ['negative bounds and steps', 'Slice', [f(9, 8, 7), i64(-2, 1, 0), i64(-100, 7, 9223372036854775807), i64(0, 1, 2), i64(-2, 3, 2)]],
  ['a shape of smaller rank', 'Expand', [f(3, 1, 2), i64(4, 1)]],
  ['repeats', 'Tile', [f(2, 3), i64(2, 3)]],
  ['axes', 'Pad', [f(2, 3, 4), i64(1, 2, 0, 3), scalar(0), i64(0, 2)]],
  ['blocks', 'DepthToSpace', [f(1, 8, 2, 3)], { blocksize: 2 }],
  ['blocks', 'SpaceToDepth', [f(1, 2, 4, 6)], { blocksize: 2 }],
  ['indices of rank 2', 'Gather', [f(4, 5, 6), Tensor.int64([2, 3], [0, 1, 2, 3, 4, -1])], { axis: 1 }],
  ['depth below the rank', 'GatherND', [f(4, 5, 6), Tensor.int64([2, 2], [0, 1, 2, 3])]],
  ['indices of another size', 'GatherElements', [f(3, 4), Tensor.int64([2, 4], Array(8).fill(1))]],
  ['largest', 'TopK', [f(3, 9), i64(4)], {}, 2],
  ['any', 'OneHot', [{ dims: [2, 3], type: 'int64' }, Tensor.int64([], [7]), w(2)], { axis: 1 }],
  ['kept axes', 'ReduceMean', [f(2, 3, 4), i64(-1)]],
  ['dropped axes', 'ReduceSum', [f(2, 3, 4), i64(0, 2)], { keepdims: 0 }],
  ['all axes', 'ReduceMax', [f(2, 3, 4)], { keepdims: 0 }],
  ['no axes and nothing to do', 'ReduceSum', [f(2, 3), i64()], { noop_with_empty_axes: 1 }],
  ['dropped axis', 'ArgMax', [f(2, 3, 4)], { axis: 1, keepdims: 0 }],
  ['broadcast', 'Where', [{ dims: [3, 1], type: 'bool' }, f(1, 4), f(2, 1, 1)]],
  ['bool', 'Greater', [f(3, 1), f(4)]],
  ['to int32', 'Cast', [f(3, 4)], { to: 6 }],
  ['scales', 'Resize', [f(1, 2, 5, 7), undefined, Tensor.float32([4], [1, 1, 2, 1.5])]],
  ['sizes', 'Resize', [f(1, 2, 5, 7), undefined, undefined, i64(1, 2, 9, 3)]],
  [
    'sizes that keep the aspect ratio',
    'Resize',
    [f(1, 2, 5, 7), undefined, undefined, i64(10, 21)],
    { axes: [2, 3], keep_aspect_ratio_policy: 'not_larger' },
  ],
  ['numbers', 'Range', [scalar(1), scalar(10), scalar(2.5)]],
  ['a value', 'ConstantOfShape', [i64(2, 3)], { value: Tensor.int64([1], [7]) }],
  ['part of a shape', 'Shape', [f(2, 3, 4)], { start: 1 }],
  ['any', 'Size', [f(2, 3, 4)]],
  ['zero point', 'QuantizeLinear', [f(3, 4), scalar(0.1), Tensor.of('int8', [], [0])]],
  ['no zero point', 'QuantizeLinear', [f(3, 4), scalar(0.1)]],
  ['uint8', 'DequantizeLinear', [{ dims: [3, 4], type: 'uint8' }, scalar(0.1)]],
  ['any', 'DynamicQuantizeLinear', [f(3, 4)], {}, 3],
  [
    'uint8',
    'MatMulInteger',
    [
      { dims: [2, 3], type: 'uint8' },
      { dims: [3, 4], type: 'uint8' },
    ],
  ],
  ['uint8', 'ConvInteger', [{ dims: [1, 2, 5, 5], type: 'uint8' }, Tensor.of('uint8', [3, 2, 3, 3], Array(54).fill(1))]],
  ['statistics', 'LayerNormalization', [f(2, 3, 4), w(4), w(4)], {}, 2],
  ['any', 'InstanceNormalization', [f(2, 3, 4), w(3), w(3)]],
  ['any', 'GroupNormalization', [f(2, 4, 5), w(4), w(4)], { num_groups: 2 }],
  [
    '4 bits',
    'MatMulNBits',
    [f(2, 3, 32), Tensor.of('uint8', [5, 1, 16], Array(80).fill(7)), w(5)],
    { K: 32, N: 5, bits: 4, block_size: 32 },
    1,
    'com.microsoft',
  ],
  ['fused', 'SkipLayerNormalization', [f(2, 3, 4), f(2, 3, 4), w(4), w(4)], {}, 1, 'com.microsoft'],
  ['any', 'GridSample', [f(1, 2, 5, 6), f(1, 3, 4, 2)]],
]

const u8 = (...dims: number[]): Tensor => Tensor.of('uint8', dims, new Uint8Array(dims.reduce((a, b) => a * b, 1)).fill(3))
const i32 = (...values: number[]): Tensor => Tensor.of('int32', [values.length], values)
const ids = (...dims: number[]): Input => ({ dims, type: 'int32' })
const x8 = (...dims: number[]): Input => ({ dims, type: 'uint8' })
const zero = u8()
const scale = scalar(0.1)

/** com.microsoft's ops, with the kernels that onnxruntime has for the CPU. */
const MICROSOFT: Row[] = [
  ['both transposed', 'FusedMatMul', [f(2, 4, 3), w(2, 5, 4)], { transA: 1, transB: 1 }],
  ['a batch that moves', 'FusedMatMul', [f(3, 2, 4), f(2, 4, 5)], { transBatchA: 1 }],
  ['projected', 'Attention', [f(2, 3, 8), w(8, 24), w(24)], { num_heads: 2 }, 1],
  ['projected, other sizes', 'Attention', [f(2, 3, 8), w(8, 24), w(24)], { num_heads: 2, qkv_hidden_sizes: [8, 8, 8] }, 1],
  ['projected, with a cache', 'Attention', [f(2, 3, 8), w(8, 24), w(24), undefined, f(2, 2, 2, 5, 4)], { num_heads: 2 }, 2],
  ['cross', 'MultiHeadAttention', [f(2, 3, 8), f(2, 5, 8), f(2, 5, 12)], { num_heads: 2 }],
  [
    'with a cache',
    'MultiHeadAttention',
    [f(2, 3, 8), f(2, 3, 8), f(2, 3, 8), undefined, undefined, undefined, f(2, 2, 4, 4), f(2, 2, 4, 4)],
    { num_heads: 2 },
    3,
  ],
  [
    'packed',
    'GroupQueryAttention',
    [f(1, 3, 64), undefined, undefined, undefined, undefined, i32(2), Tensor.of('int32', [], [3])],
    { num_heads: 4, kv_num_heads: 2 },
  ],
  ['quantized', 'QAttention', [x8(2, 3, 8), u8(8, 24), w(24), scale, scale, undefined, zero, zero], { num_heads: 2 }, 1],
  ['every position', 'RotaryEmbedding', [f(2, 3, 8), i64(0), w(6, 2), w(6, 2)], { num_heads: 2 }],
  ['with segments', 'EmbedLayerNormalization', [ids(2, 3), ids(2, 3), w(5, 8), w(4, 8), w(2, 8), w(8), w(8)], {}, 2],
  ['float32 output', 'QGemm', [x8(2, 3), scale, zero, u8(5, 3), scale, zero], { transB: 1 }],
  ['uint8 output', 'QGemm', [x8(2, 3), scale, zero, u8(3, 5), scale, zero, i32(1, 2, 3, 4, 5), scale, zero]],
  ['batches', 'DynamicQuantizeMatMul', [f(2, 3, 4), u8(4, 5), scale, zero]],
  ['batches', 'MatMulIntegerToFloat', [x8(2, 3, 4), u8(4, 5), scale, scale]],
  ['4 bits', 'MatMulBnb4', [f(2, 64), u8(64), Tensor.float32([2], [1, 1])], { K: 64, N: 2, block_size: 64, quant_type: 1 }],
  [
    'two directions',
    'DynamicQuantizeLSTM',
    [f(5, 2, 3), u8(2, 3, 16), u8(2, 4, 16), undefined, undefined, undefined, undefined, undefined, w(2), u8(2), w(2), u8(2)],
    { hidden_size: 4, direction: 'bidirectional' },
    3,
  ],
  ['channels first', 'QLinearAveragePool', [x8(1, 3, 7, 8), scale, zero, scale, zero], { kernel_shape: [3, 3], strides: [2, 2] }],
  ['channels last', 'QLinearAveragePool', [x8(1, 7, 8, 3), scale, zero, scale, zero], { kernel_shape: [3, 3], channels_last: 1 }],
  ['channels last', 'QLinearGlobalAveragePool', [x8(1, 7, 8, 3), scale, zero, scale, zero], { channels_last: 1 }],
  [
    'channels last',
    'QLinearConv',
    [x8(1, 7, 8, 4), scale, zero, u8(6, 4, 3, 3), scale, zero, scale, zero],
    { channels_last: 1, strides: [2, 2] },
  ],
  ['two parts', 'QLinearConcat', [scale, zero, x8(2, 3), scale, zero, x8(2, 4), scale, zero], { axis: 1 }],
  ['broadcast', 'QLinearMul', [x8(2, 3), scale, zero, u8(3), scale, zero, scale, zero]],
  ['any', 'QLinearSigmoid', [x8(2, 3), scale, zero, scale, zero]],
  ['any', 'QLinearLeakyRelu', [x8(2, 3), scale, zero, scale, zero]],
  ['any', 'QLinearSoftmax', [x8(2, 3), scale, zero, scale, zero], { opset: 13 }],
  ['broadcast', 'QLinearWhere', [{ dims: [2, 1], type: 'bool' }, u8(2, 3), scale, zero, u8(3), scale, zero, scale, zero]],
  ['channels last', 'NhwcMaxPool', [x8(1, 7, 8, 3)], { kernel_shape: [3, 3], strides: [2, 2] }],
  ['bias', 'BiasGelu', [f(2, 3, 4), w(4)]],
  ['4 bits', 'GatherBlockQuantized', [u8(5, 16), { dims: [2, 3], type: 'int64' }, w(5, 1)], { bits: 4, block_size: 32, quantize_axis: 1 }],
  ['a new axis', 'ExpandDims', [f(2, 3), Tensor.of('int32', [], [-1])]],
  ['square', 'Inverse', [w(2, 2)]],
  ['upper', 'Trilu', [f(3, 4)]],
  ['pads', 'Pad', [f(2, 3), i64(1, 0, 0, 2)]],
  ['numbers', 'Range', [scalar(1), scalar(9), scalar(3)]],
  ['regions', 'CropAndResize', [f(1, 2, 8, 8), w(3, 4), Tensor.of('int32', [3], [0, 0, 0]), Tensor.of('int32', [2], [4, 5])]],
  ['any', 'SkipSimplifiedLayerNormalization', [f(2, 3, 4), f(2, 3, 4), w(4)]],
]

/** Kernels of ai.onnx beside ONNX's own cases (ops-onnx-cases.test.ts), where onnxruntime knows the op. */
const LATER: Row[] = [
  ['one sided', 'STFT', [f(1, 128, 1), Tensor.int64([], [8]), undefined, Tensor.int64([], [16])]],
  ['one sided', 'DFT', [f(1, 10, 1), undefined, Tensor.int64([], [1])], { onesided: 1 }],
  ['double', 'HannWindow', [Tensor.int64([], [10])], { output_datatype: 11 }],
  ['bins', 'MelWeightMatrix', [Tensor.int64([], [8]), Tensor.int64([], [16]), Tensor.int64([], [8192]), scalar(0), scalar(4000)]],
  ['axes', 'CenterCropPad', [f(4, 5, 6), i64(3, 8)], { axes: [0, 2] }],
  ['blocks', 'Col2Im', [f(1, 8, 9), i64(4, 4), i64(2, 2)]],
  ['given output', 'MaxUnpool', [f(1, 1, 2, 2), Tensor.int64([1, 1, 2, 2], [1, 3, 9, 11])], { kernel_shape: [2, 2], strides: [2, 2] }],
  ['regions', 'MaxRoiPool', [f(1, 2, 6, 6), w(3, 5)], { pooled_shape: [2, 3] }],
  ['batches', 'Det', [f(4, 2, 2)]],
]

describe('one node: inferred type and shape are those of the run', () => {
  test.each(ROWS)('%s: %s', async (_title, op, inputs, attributes, outputs, domain) => check(op, inputs, attributes, outputs, domain))
  test.each(LATER)('%s: %s', async (_title, op, inputs, attributes, outputs) => check(op, inputs, attributes, outputs))
  test.each(MICROSOFT)('%s: com.microsoft.%s', async (_title, op, inputs, attributes, outputs) =>
    check(op, inputs, attributes, outputs, 'com.microsoft'),
  )
})

describe('symbolic dimensions', () => {
  const shapeOf = (build: (b: GraphBuilder) => Value): Dim[] | undefined => {
    const model = buildModel((b) => void b.output(build(b), 'y'))
    return model.graph.outputs[0]!.shape
  }

  test('are carried through windows, joins and reshapes', () => {
    const x = (b: GraphBuilder): Value => b.input('x', ['N', 4, 'H', 'W'])
    const pool = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }
    expect(shapeOf((b) => b.node('MaxPool', [x(b)], pool))).toEqual(['N', 4, 'floor((H+1)/2)', 'floor((W+1)/2)'])
    expect(shapeOf((b) => b.node('Flatten', [x(b)]))).toEqual(['N', '4*H*W'])
    expect(shapeOf((b) => b.node('Reshape', [x(b), b.constant('t', i64(0, 2, 2, -1))]))).toEqual(['N', 2, 2, 'H*W'])
    expect(
      shapeOf((b) => {
        const input = x(b)
        return b.node('Concat', [input, input], { axis: 2 })
      }),
    ).toEqual(['N', 4, '2*H', 'W'])
  })

  test('are followed through arithmetic on shapes', () => {
    const shape = shapeOf((b) => {
      const x = b.input('x', ['N', 'T', 8])
      const dims = b.node('Shape', [x])
      const part = (from: number, to: number): Value =>
        b.node('Slice', [dims, b.constant('from', i64(from)), b.constant('to', i64(to)), b.constant('axes', i64(0))])
      const last = b.node('Gather', [dims, b.constant('at', Tensor.int64([], [2]))], { axis: 0 })
      const half = b.node('Div', [last, b.constant('two', Tensor.int64([], [2]))])
      const heads = b.node('Unsqueeze', [half, b.constant('zero', i64(0))])
      return b.node('Reshape', [x, b.node('Concat', [part(0, 2), b.constant('pair', i64(2)), heads], { axis: 0 })])
    })
    expect(shape).toEqual(['N', 'T', 2, 4])
  })

  test('can be pinned by name and by input', () => {
    const model = models.convBnRelu()
    inferShapes(model, { dims: { N: 3 } })
    expect(model.graph.outputs[0]!.shape).toEqual([3, 8, 6, 6])
    const other = models.convBnRelu()
    inferShapes(other, { dims: { x: [5, 4, 6, 6] } })
    expect(other.graph.outputs[0]!.shape).toEqual([5, 8, 6, 6])
  })

  test("of the model's outputs keep the file's names unless an input has them", () => {
    const model = models.convBnRelu()
    model.graph.outputs[0]!.shape = ['batch', 8, 6, 6]
    inferShapes(model)
    expect(model.graph.outputs[0]!.shape).toEqual(['batch', 8, 6, 6])
  })

  test('that only a run tells get a name of their own', () => {
    expect(shapeOf((b) => b.node('NonZero', [b.input('x', ['N', 4])]))).toEqual([2, 'y_dim1'])
  })
})

describe('what cannot be is an error that names the node and its shapes', () => {
  const fails = (op: string, inputs: number[][], attributes: Record<string, AttributeLike>, message: RegExp): void => {
    const build = (): unknown =>
      buildModel(
        (b) =>
          void b.output(
            b.node(
              op,
              inputs.map((dims, index) => b.input(`x${index}`, dims)),
              attributes,
            ),
          ),
      )
    expect(build).toThrow(ModelError)
    expect(build).toThrow(message)
  }

  test('broken broadcasts, products, convolutions and joins', () => {
    fails('Add', [[2, 3], [4]], {}, /Add '.*': dimensions 3 and 4 do not broadcast; its inputs are 'x0' float32\[2,3\], 'x1' float32\[4\]/)
    fails(
      'MatMul',
      [
        [2, 3],
        [4, 5],
      ],
      {},
      /inner dimensions: 3 and 4 must be equal/,
    )
    fails(
      'Conv',
      [
        [1, 3, 8, 8],
        [4, 2, 3, 3],
      ],
      {},
      /channels of the input and of the kernel: 3 and 2/,
    )
    fails(
      'Conv',
      [
        [1, 2, 2, 2],
        [4, 2, 3, 3],
      ],
      {},
      /the window of 3 does not fit into 2/,
    )
    fails(
      'Concat',
      [
        [2, 3],
        [4, 4],
      ],
      { axis: 1 },
      /axis 0: 4 and 2 must be equal/,
    )
    fails('Transpose', [[2, 3]], { perm: [0, 2] }, /perm \[0,2\] does not fit rank 2/)
  })

  test('an output whose declared shape or type is another', () => {
    const model = models.mlp()
    model.graph.outputs[0]!.shape = ['N', 6]
    expect(() => inferShapes(model)).toThrow(/output 'y' is declared as float32\[N,6\], and Add 'y' gives float32\[N,5\]/)
    const typed = models.mlp()
    typed.graph.outputs[0]!.elementType = 'int64'
    expect(() => inferShapes(typed)).toThrow(/declared as int64/)
  })

  test('pins that fit nothing', () => {
    expect(() => inferShapes(models.mlp(), { dims: { M: 2 } })).toThrow(OptionError)
    expect(() => inferShapes(models.mlp(), { dims: { M: 2 } })).toThrow(/free dimensions are 'N'/)
    expect(() => inferShapes(models.mlp(), { dims: { x: [1, 13] } })).toThrow(/input 'x' is \[N,12\], which \[1,13\] does not fit/)
    expect(() => inferShapes(models.mlp(), { dims: { z: [1, 12] } })).toThrow(/no input 'z'/)
  })
})

test('ops that the table does not have stay unknown, and are named with what follows from them', () => {
  const model = buildModel((b) => {
    const strange = b.node('Strange', [b.input('x', [2])], {}, { domain: 'org.example', name: 'odd' })
    b.output(b.node('Relu', [strange]))
  })
  const { unknown } = inferShapes(model)
  expect(unknown.map(({ at }) => at)).toEqual(["org.example.Strange 'odd'", "Relu 'relu_out'"])
  expect(unknown[0]!.why).toContain('op table')
  expect(unknown[1]!.why).toContain("'strange_out'")
})

describe('control flow', () => {
  test('a branch that cannot run with these shapes leaves the If to the other branch', () => {
    const model = buildModel((b) => {
      const x = b.input('x', [2, 3])
      const y = b.branches(
        b.input('c', [], 'bool'),
        (yes) => yes.node('Squeeze', [x, yes.constant('axis', i64(0))]),
        (no) => no.node('Relu', [x]),
      )
      b.output(y, 'y')
    })
    expect(model.graph.outputs[0]!.shape).toEqual([2, 3])
    expect(inferShapes(model).unknown[0]!.why).toMatch(/then_branch cannot run with these shapes.*squeezed axis 0: 2 and 1/)
  })

  test('a Loop: carried shapes that grow become free, scanned outputs get the number of trips', async () => {
    const model = buildModel((b) => {
      const x = b.input('x', [1, 2])
      const [grown] = b.nodes('Loop', [b.constant('trips', Tensor.int64([], [3])), undefined, x], {}, { outputs: ['grown', 'steps'] })
      const node = grown!.producer!
      const body = b.graph.addSubgraph(node, 'body')
      body.addInput('step', 'int64', [])
      const condition = body.addInput('going', 'bool', [])
      const carried = body.addInput('carried', 'float32')
      const joined = body.addNode({ op: 'Concat', inputs: [carried, x], outputs: ['joined'], attributes: { axis: 0 } }).output
      const sum = body.addNode({ op: 'ReduceSum', inputs: [carried], outputs: ['sum'], attributes: { keepdims: 0 } }).output
      const on = body.addNode({ op: 'Identity', inputs: [condition], outputs: ['on'] }).output
      body.setOutputs([on, joined, sum])
      node.attributes.set('body', { type: 'graph', value: body })
      for (const value of node.outputs) b.output(value!)
    })
    const [grown, steps] = model.graph.outputs
    expect(grown!.shape).toEqual(['grown_dim0', 2])
    expect(steps!.shape).toEqual([3])
    const ran = await runModel(model, { x: Tensor.float32([1, 2], [1, 2]) })
    expect(ran['grown']!.dims).toEqual([4, 2])
    expect(differenceOf(Tensor.float32([3], [3, 6, 9]), ran['steps']!)).toBe(0)
  })
})

describe('sequences and optionals', () => {
  const declare = (value: Value, dims: number[]): void => {
    const dim = dims.map((size) => create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(size) } }))
    const tensor = create(TypeProtoSchema, { value: { case: 'tensorType', value: { elemType: 1, shape: { dim } } } })
    const sequence = create(TypeProtoSchema, { value: { case: 'sequenceType', value: { elemType: tensor } } })
    value.opaqueType = new CarriedType(sequence)
  }

  test('what the file says that a sequence holds is what its elements are', () => {
    const model = buildModel((b) => {
      const sequence = b.graph.addInput('s')
      declare(sequence, [2, 3])
      b.output(b.node('SequenceAt', [sequence, b.constant('at', Tensor.int64([], [0]))]), 'y')
    })
    expect(model.graph.outputs[0]).toMatchObject({ elementType: 'float32', shape: [2, 3] })
    expect(inferShapes(model).unknown).toEqual([])
    expect(model.graph.inputs[0]).toMatchObject({ elementType: undefined, shape: undefined })
  })

  test('how many there are is followed, and what is made of them has so many rows', async () => {
    const model = buildModel((b) => {
      const at = (index: number): Value => b.constant(`at${index}`, Tensor.int64([], [index]))
      const x = b.input('x', [6, 3])
      const three = b.node('SequenceConstruct', [x, x, x])
      const two = b.node('SequenceErase', [b.node('SequenceInsert', [b.node('SequenceErase', [three, at(0)]), x]), at(1)])
      const parts = b.node('SplitToSequence', [x, b.constant('four', Tensor.int64([], [4]))], { axis: 0 })
      const ones = b.node('SplitToSequence', [x], { axis: 1, keepdims: 0 })
      b.output(b.node('ConcatFromSequence', [three], { axis: 0 }), 'joined')
      b.output(b.node('ConcatFromSequence', [two], { axis: 1, new_axis: 1 }), 'stacked')
      b.output(b.node('ConcatFromSequence', [ones], { axis: 0, new_axis: 1 }), 'turned')
      b.output(
        b.node('ConstantOfShape', [b.node('Reshape', [b.node('SequenceLength', [parts]), b.constant('one', b.int64([1]))])]),
        'length',
      )
      b.output(
        b.node('ConcatFromSequence', [b.node('SequenceInsert', [b.node('SequenceEmpty', [], { dtype: 1 }), x])], { axis: 0 }),
        'alone',
      )
    })
    const ran = await runModel(model, { x: Tensor.float32([6, 3], new Float32Array(18)) })
    expect(ran['length']!.dims).toEqual([2])
    expect(model.graph.outputs.map(({ name, shape }) => [name, shape])).toEqual(Object.entries(ran).map(([name, { dims }]) => [name, dims]))
  })

  test('elements that a Loop puts into an empty sequence differ in what the body alone knows', async () => {
    const model = buildModel((b) => {
      const x = b.input('x', [4, 2])
      const empty = b.node('SequenceEmpty', [], { dtype: 1 })
      const yes = b.constant('yes', Tensor.of('bool', [], [1]))
      const [all] = b.nodes('Loop', [b.constant('trips', Tensor.int64([], [3])), yes, empty], {}, { outputs: ['all', 'steps'] })
      const node = all!.producer!
      const body = b.graph.addSubgraph(node, 'body')
      const step = body.addInput('step', 'int64', [])
      body.addInput('going', 'bool', [])
      const carried = body.addInput('carried')
      const add = (op: string, inputs: Value[], name: string, attributes: Record<string, AttributeLike> = {}): Value =>
        body.addNode({ op, inputs, outputs: [name], attributes }).output
      const one = body.addInitializer('one', Tensor.int64([1], [1]))
      const zero = body.addInitializer('zero', Tensor.int64([1], [0]))
      const end = add('Add', [add('Reshape', [step, one], 'flat'), one], 'end')
      const rows = add('Slice', [x, zero, end], 'rows')
      const on = body.addInitializer('on', Tensor.of('bool', [], [1]))
      body.setOutputs([
        add('Identity', [on], 'still'),
        add('SequenceInsert', [carried, rows], 'longer'),
        add('ReduceSum', [rows], 'sum', { keepdims: 0 }),
      ])
      node.attributes.set('body', { type: 'graph', value: body })
      const at = (index: number): Value => b.constant(`at${index}`, Tensor.int64([], [index]))
      b.output(node.outputs[1]!)
      b.output(b.node('SequenceAt', [all!, at(0)]), 'first')
      b.output(b.node('SequenceAt', [all!, at(2)]), 'third')
      b.output(b.node('ConcatFromSequence', [all!], { axis: 0 }), 'joined')
    })
    expect(model.graph.outputs.map(({ shape }) => shape)).toEqual([[3], ['first_dim0', 2], ['third_dim0', 2], ['joined_dim0', 2]])
    const ran = await runModel(model, { x: Tensor.float32([4, 2], new Float32Array(8)) })
    expect(Object.values(ran).map(({ dims }) => dims)).toEqual([[3], [1, 2], [3, 2], [6, 2]])
  })

  test('elements that differ have a free dimension once they are taken out, and a stack of them a new axis', async () => {
    const model = buildModel((b) => {
      const sequence = b.node('SequenceConstruct', [b.input('x', ['N', 3]), b.input('z', [4, 3])])
      b.output(b.node('SequenceAt', [sequence, b.constant('at', Tensor.int64([], [1]))]), 'one')
      b.output(b.node('ConcatFromSequence', [sequence], { axis: 0 }), 'all')
    })
    expect(model.graph.outputs.map((value) => value.shape)).toEqual([
      ['one_dim0', 3],
      ['all_dim0', 3],
    ])
    const feeds = { x: Tensor.float32([2, 3], [1, 2, 3, 4, 5, 6]), z: Tensor.float32([4, 3], new Float32Array(12)) }
    const ran = await runModel(model, feeds)
    expect([ran['one']!.dims, ran['all']!.dims]).toEqual([
      [4, 3],
      [6, 3],
    ])
  })
})

describe('weights', () => {
  const axesOf = (op: string, dims: number[][], attributes: Record<string, AttributeLike> = {}): unknown => {
    const model = buildModel(
      (b) =>
        void b.output(
          b.node(
            op,
            [b.input('x', [2, 3, 4, 4].slice(0, dims[0]!.length)), ...dims.slice(1).map((d, i) => b.weight(`w${i}`, d))],
            attributes,
          ),
        ),
    )
    return weightsOf(model).map(({ role, outputAxis, inputAxis }) => [role, outputAxis, inputAxis])
  }

  test('have the roles and axes of their op', () => {
    expect(axesOf('Conv', [[2, 3, 4, 4], [5, 3, 1, 1], [5]])).toEqual([
      ['kernel', 0, 1],
      ['bias', 0, undefined],
    ])
    expect(axesOf('ConvTranspose', [[2, 3, 4, 4], [3, 5, 1, 1], [5]])).toEqual([
      ['kernel', 1, 0],
      ['bias', 0, undefined],
    ])
    expect(axesOf('Gemm', [[2, 3], [3, 5], [5]])).toEqual([
      ['kernel', 1, 0],
      ['bias', 0, undefined],
    ])
    expect(
      axesOf(
        'Gemm',
        [
          [2, 3],
          [5, 3],
        ],
        { transB: 1 },
      ),
    ).toEqual([['kernel', 0, 1]])
    expect(
      axesOf('MatMul', [
        [2, 3],
        [3, 5],
      ]),
    ).toEqual([['kernel', 1, 0]])
    expect(
      axesOf(
        'Einsum',
        [
          [2, 3],
          [5, 3],
        ],
        { equation: 'bi,oi->bo' },
      ),
    ).toEqual([['kernel', 0, 1]])
    expect(
      axesOf('PRelu', [
        [2, 3, 4, 4],
        [3, 1, 1],
      ]),
    ).toEqual([['scale', 0, undefined]])
  })

  test('a shared value is listed once a use, a constant A of MatMul has its rows as output channels', () => {
    expect(weightsOf(models.sharedWeights())).toHaveLength(2)
    const model = buildModel((b) => void b.output(b.node('MatMul', [b.weight('a', [7, 3]), b.input('x', [3, 2])])))
    expect(weightsOf(model)[0]).toMatchObject({ input: 0, role: 'kernel', outputAxis: 0, inputAxis: 1 })
  })

  test('indices and shapes are none, embeddings and recurrent kernels are', () => {
    expect(weightsOf(models.embedding()).map(({ role }) => role)).toEqual(['embedding', 'kernel'])
    expect(weightsOf(models.lstm()).map(({ role }) => role)).toEqual(['kernel', 'recurrent', 'bias'])
  })

  test('a table of which a Slice takes the first rows is an embedding, by the axis that is cut', () => {
    const ints = (...values: number[]): Tensor => Tensor.int64([values.length], values)
    const sliced = (axes: number[] | undefined): Model =>
      buildModel((b) => {
        const [length] = [
          b.node('Slice', [b.node('Shape', [b.input('x', ['N', 'S', 8])]), b.constant('one', ints(1)), b.constant('two', ints(2))]),
        ]
        const inputs = [
          b.weight('positions', [1, 16, 8]),
          b.constant('start', ints(0)),
          length!,
          ...(axes ? [b.constant('axes', ints(...axes))] : []),
        ]
        b.output(b.node('Add', [b.node('Slice', inputs), b.constant('zero', 0)]), 'y')
      })
    for (const axis of [1, -2])
      expect(weightsOf(sliced([axis]))).toMatchObject([{ role: 'embedding', outputAxis: 2, inputAxis: 1, value: { name: 'positions' } }])
    expect(weightsOf(sliced(undefined))).toMatchObject([{ role: 'embedding', outputAxis: 2, inputAxis: 0 }])
    expect(weightsOf(sliced([2]))[0]!.outputAxis).toBeUndefined()
  })
})

test('multiply-accumulates of grouped, transposed, recurrent and matrix products', () => {
  const macs = (build: (b: GraphBuilder) => Value): number | undefined => macsOf(buildModel((b) => void b.output(build(b)))).total
  expect(macs((b) => b.node('Conv', [b.input('x', [1, 4, 5, 5]), b.weight('w', [6, 2, 3, 3])], { group: 2 }))).toBe(6 * 3 * 3 * 2 * 9)
  expect(macs((b) => b.node('ConvTranspose', [b.input('x', [1, 4, 5, 5]), b.weight('w', [4, 3, 2, 2])], { strides: [2, 2] }))).toBe(
    4 * 25 * 3 * 4,
  )
  expect(macs((b) => b.node('MatMul', [b.input('x', [2, 3, 4]), b.weight('w', [4, 5])]))).toBe(2 * 3 * 4 * 5)
  expect(macs((b) => b.node('Einsum', [b.input('x', [2, 3, 4]), b.weight('w', [4, 5])], { equation: 'bij,jk->bik' }))).toBe(2 * 3 * 4 * 5)
  const heads = { q_num_heads: 2, kv_num_heads: 2 }
  const scored = (b: GraphBuilder): Value =>
    b.node('Attention', [b.input('q', [1, 3, 8]), b.input('k', [1, 5, 8]), b.input('v', [1, 5, 12])], heads)
  expect(macs(scored)).toBe(2 * 3 * 5 * 4 + 2 * 3 * 5 * 6)
  const lstm = models.lstm()
  inferShapes(lstm, { dims: { N: 2 } })
  expect(macsOf(lstm).total).toBe(5 * 2 * 2 * 12 * (4 + 3))
})
