import { Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { programOps } from '../src/write/write-program.ts'
import { both } from './program.ts'

type Case = (builder: GraphBuilder) => Value | Value[]

/** A picture of free height and width, first through a convolution, so that its channels lie last. */
function picture(b: GraphBuilder, channels = 4): Value {
  return b.node('Conv', [b.input('x', [1, 3, 'h', 'w']), b.weight('first', [channels, 3, 3, 3])], { pads: [1, 1, 1, 1] })
}

const unary = ['Abs', 'Asinh', 'Atan', 'Ceil', 'Cos', 'Erf', 'Exp', 'Floor', 'Neg', 'Reciprocal', 'Relu', 'Round', 'Sigmoid', 'Sign', 'Sin']
const composed = ['Elu', 'Gelu', 'HardSigmoid', 'HardSwish', 'LeakyRelu', 'Mish', 'Softplus', 'Softsign', 'Tan', 'Tanh', 'Sinh', 'Cosh']
const domain01 = ['Acos', 'Asin', 'Atanh', 'Log', 'Sqrt', 'Acosh']

const cases: Record<string, Case> = {
  ...Object.fromEntries([...unary, ...composed].map((op): [string, Case] => [op, (b) => b.node(op, [picture(b)])])),
  ...Object.fromEntries(
    domain01.map((op): [string, Case] => [
      op,
      (b) => {
        const inside = b.node('Sigmoid', [picture(b)])
        return b.node(op, [op === 'Acosh' ? b.node('Add', [inside, b.constant('one', 1)]) : inside])
      },
    ]),
  ),
  'Conv, dense, with strides, dilations and uneven padding': (b) =>
    b.node('Conv', [b.input('x', [2, 3, 'h', 'w']), b.weight('k', [5, 3, 3, 2]), b.weight('bias', [5])], {
      strides: [2, 1],
      dilations: [1, 2],
      pads: [1, 0, 2, 1],
    }),
  'Conv, depthwise, with two kernels a channel': (b) =>
    b.node('Conv', [picture(b), b.weight('k', [8, 1, 3, 3]), b.weight('bias', [8])], { group: 4, pads: [1, 1, 1, 1] }),
  'Conv in groups': (b) => b.node('Conv', [picture(b), b.weight('k', [6, 2, 3, 3]), b.weight('bias', [6])], { group: 2 }),
  'Conv over one axis': (b) =>
    b.node('Conv', [b.input('x', [2, 3, 20]), b.weight('k', [4, 3, 5]), b.weight('bias', [4])], { strides: [2], pads: [2, 1] }),
  'Conv that pads to the same size': (b) =>
    b.node('Conv', [b.input('x', [1, 3, 'h', 'w']), b.weight('k', [4, 3, 4, 3])], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  'ConvTranspose whose windows touch': (b) =>
    b.node('ConvTranspose', [picture(b), b.weight('k', [4, 3, 2, 2]), b.weight('bias', [3])], { strides: [2, 2] }),
  'activations after a convolution': (b) => {
    const x = picture(b)
    const clip = b.node('Clip', [x, b.constant('zero', 0), b.constant('six', 6)])
    const next = (value: Value, op: string, attributes = {}): Value =>
      b.node(op, [b.node('Conv', [value, b.weight(`k_${op}`, [4, 4, 1, 1])])], attributes)
    return next(next(next(next(clip, 'Relu'), 'LeakyRelu', { alpha: 0.2 }), 'Elu'), 'Sigmoid')
  },
  'MaxPool, dilated': (b) =>
    b.node('MaxPool', [picture(b)], { kernel_shape: [2, 3], strides: [1, 2], dilations: [2, 1], pads: [1, 1, 0, 1] }),
  'MaxPool that rounds up': (b) => b.node('MaxPool', [picture(b)], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  AveragePool: (b) => b.node('AveragePool', [picture(b)], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  'AveragePool that counts its padding': (b) =>
    b.node('AveragePool', [picture(b)], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
  GlobalAveragePool: (b) => b.node('GlobalAveragePool', [picture(b)]),
  GlobalMaxPool: (b) => b.node('GlobalMaxPool', [picture(b)]),
  'arithmetic with numbers, channels and values': (b) => {
    const x = picture(b)
    const y = b.node('Mul', [b.node('Add', [x, b.weight('channels', [4, 1, 1])]), b.constant('two', 2)])
    return b.node('Sub', [b.node('Div', [y, b.constant('three', [3])]), b.node('Mul', [x, b.node('GlobalAveragePool', [y])])])
  },
  'what is true and what is not': (b) => {
    const [x, y] = [picture(b), picture2(b)]
    const [less, atLeast] = [b.node('Less', [x, y]), b.node('GreaterOrEqual', [x, y])]
    const either = b.node('Or', [less, b.node('And', [atLeast, b.node('Equal', [x, x])])])
    const kept = b.node('Cast', [b.node('Identity', [b.node('Xor', [either, less])])], { to: 1 })
    return b.node('Cast', [b.node('Dropout', [kept])], { to: 6 })
  },
  'Max, Min and comparisons': (b) => {
    const [x, y] = [picture(b), b.node('Relu', [picture2(b)])]
    const chosen = b.node('Where', [b.node('Greater', [x, y]), x, y])
    return [b.node('Max', [x, y]), b.node('Min', [chosen, x]), b.node('Cast', [b.node('Not', [b.node('LessOrEqual', [x, y])])], { to: 1 })]
  },
  'Max, Min, Pow, comparisons and choices among values of several shapes': (b) => {
    const x = picture(b)
    const mean = b.node('GlobalAveragePool', [x])
    const row = b.node('ReduceMax', [x, b.constant('rows', b.int64([1, 2]))])
    const numbers = [b.constant('tenth', 0.1), b.weight('channels', [4, 1, 1])] as const
    const near = b.node('And', [b.node('GreaterOrEqual', [x, mean]), b.node('Less', [row, numbers[1]])])
    return [
      b.node('Max', [x, numbers[0]]),
      b.node('Min', [mean, row]),
      b.node('Pow', [b.node('Abs', [x]), b.node('Abs', [row])]),
      b.node('Where', [near, x, numbers[0]]),
      b.node('Where', [b.node('Equal', [mean, numbers[1]]), row, x]),
      b.node('Where', [b.node('Greater', [b.input('y', [3, 'n']), numbers[0]]), b.constant('one', 1), b.weight('list', [3, 1])]),
    ]
  },
  Pow: (b) =>
    ['two', 'half', 'three'].map((name, at) => b.node('Pow', [b.node('Abs', [picture2(b, name)]), b.constant(name, [2, 0.5, 3][at]!)])),
  'PRelu of channels': (b) => b.node('PRelu', [picture(b), b.weight('slopes', [4, 1, 1], 1)]),
  'Clip, one-sided': (b) => b.node('Clip', [picture(b), b.constant('low', -0.25)]),
  BatchNormalization: (b) =>
    b.node('BatchNormalization', [
      b.node('Relu', [picture(b)]),
      b.weight('s', [4]),
      b.weight('b', [4]),
      b.weight('m', [4]),
      b.constant('v', [1, 2, 3, 4]),
    ]),
  'LayerNormalization over two axes': (b) =>
    b.node('LayerNormalization', [b.input('x', [2, 3, 'n', 8]), b.weight('s', [8]), b.weight('b', [8])], { axis: -1 }),
  'Softmax of channels, and of the last axis': (b) => {
    const x = picture(b)
    return [
      b.node('Softmax', [x], { axis: 1 }),
      b.node('Softmax', [x], { axis: -1 }),
      b.node('LogSoftmax', [b.input('y', [3, 5])], { axis: 0 }),
    ]
  },
  'MatMul with weights, a sum and an activation': (b) =>
    b.node('Relu', [b.node('Add', [b.node('MatMul', [b.input('x', [2, 'n', 6]), b.weight('w', [6, 5])]), b.weight('bias', [5])])]),
  'MatMul of batches': (b) => b.node('MatMul', [b.input('x', [2, 3, 'n', 6]), b.input('y', [2, 3, 6, 4])]),
  'MatMul of one matrix by many': (b) => b.node('MatMul', [b.input('x', [1, 5, 6]), b.input('y', [3, 6, 4])]),
  Gemm: (b) => b.node('Gemm', [b.input('x', ['n', 6]), b.weight('w', [5, 6]), b.weight('c', [5])], { transB: 1, alpha: 0.5, beta: 1.5 }),
  reductions: (b) => {
    const x = picture(b)
    const axes = (name: string, values: number[]): Value => b.constant(name, b.int64(values))
    return [
      b.node('ReduceMean', [x, axes('hw', [2, 3])]),
      b.node('ReduceSum', [x, axes('c', [1])], { keepdims: 0 }),
      b.node('ReduceMax', [x, axes('w', [-1])], { keepdims: 0 }),
      b.node('ReduceMin', [x, axes('h', [2])]),
      b.node('ReduceL2', [x, axes('ch', [1, 2])]),
      b.node('ReduceSumSquare', [x, axes('all', [0, 1, 2, 3])], { keepdims: 0 }),
      b.node('ReduceProd', [b.node('Sigmoid', [x]), axes('last', [3])]),
    ]
  },
  'ArgMax and ArgMin': (b) => {
    const x = picture(b)
    return [b.node('ArgMax', [x], { axis: 1 }), b.node('ArgMin', [x], { axis: -1, keepdims: 0 }), b.node('ArgMax', [x], { axis: 3 })]
  },
  'Transpose, to where the channels already lie, and elsewhere': (b) => {
    const x = picture(b)
    return [b.node('Transpose', [x], { perm: [0, 2, 3, 1] }), b.node('Transpose', [x], { perm: [3, 0, 1, 2] })]
  },
  'Reshape, Flatten, Squeeze and Unsqueeze': (b) => {
    const x = b.node('GlobalAveragePool', [picture(b)])
    return [
      b.node('Reshape', [x, b.constant('shape', b.int64([0, -1, 2]))]),
      b.node('Flatten', [x]),
      b.node('Squeeze', [x, b.constant('hw', b.int64([2, 3]))]),
      b.node('Unsqueeze', [x, b.constant('front', b.int64([0, -1]))]),
    ]
  },
  'a shape that is computed': (b) => {
    const x = picture(b)
    const shape = b.node('Shape', [x])
    const width = b.node('Slice', [shape, b.constant('s', b.int64([3])), b.constant('e', b.int64([4])), b.constant('a', b.int64([0]))])
    const height = b.node('Gather', [shape, b.constant('two', b.int64([2]))])
    const area = b.node('Mul', [width, height])
    const to = b.node('Concat', [b.constant('one', b.int64([1])), b.constant('four', b.int64([4])), area], { axis: 0 })
    return b.node('Reshape', [x, to])
  },
  'Concat and Split of channels and of rows': (b) => {
    const x = picture(b)
    const [first, second] = b.nodes('Split', [x, b.constant('parts', b.int64([1, 3]))], { axis: 1 }, { outputs: ['one', 'three'] })
    return [b.node('Concat', [second!, x, first!], { axis: 1 }), b.node('Concat', [x, x], { axis: 2 })]
  },
  'Slice, backwards and in steps': (b) => {
    const list = (name: string, values: number[]): Value => b.constant(name, b.int64(values))
    return b.node('Slice', [picture(b), list('s', [-1, 1]), list('e', [-1000, 1000]), list('a', [3, 1]), list('t', [-2, 1])])
  },
  'Slice at numbers that are computed of shapes': (b) => {
    const list = (name: string, values: number[]): Value => b.constant(name, b.int64(values))
    const x = picture(b)
    const half = (value: Value, name: string): Value => b.node('Div', [value, list(name, [2])])
    const height = b.node('Shape', [x], { start: 2, end: 3 })
    const sizes = b.node('Shape', [x], { start: 2 })
    return [
      b.node('Slice', [x, list('none', [0]), half(height, 'two'), list('h', [2])]),
      b.node('Slice', [x, half(sizes, 'halves'), sizes, list('hw', [2, -1]), list('t', [1, 2])]),
      b.node('Slice', [b.input('y', [2, 50]), list('from', [1, 0]), b.node('Concat', [list('end', [2]), height], { axis: 0 })]),
    ]
  },
  'Gather of rows, by indices that are given and by constants': (b) => {
    const table = b.weight('table', [10, 4])
    return [
      b.node('Gather', [table, b.input('i', [2, 3], 'int64')]),
      b.node('Gather', [picture(b), b.constant('pick', b.int64([2, -1]))], { axis: 1 }),
    ]
  },
  'Pad, constant and reflected': (b) => {
    const x = picture(b)
    return [
      b.node('Pad', [x, b.constant('p', b.int64([0, 1, 2, 0, 0, 0, 1, 3])), b.constant('fill', 0.5)]),
      b.node('Pad', [x, b.constant('q', b.int64([0, 0, 1, 2, 0, 0, 2, 1]))], { mode: 'reflect' }),
    ]
  },
  Tile: (b) => b.node('Tile', [b.input('x', [2, 1, 3]), b.constant('r', b.int64([1, 2, 2]))]),
  Expand: (b) => b.node('Expand', [b.input('x', [2, 1, 3]), b.constant('e', b.int64([4, 2, 5, 3]))]),
  DepthToSpace: (b) => b.node('DepthToSpace', [picture(b, 8)], { blocksize: 2 }),
  'Resize, nearest and linear': (b) => {
    const x = picture(b)
    const scales = b.constant('scales', [1, 1, 2, 2])
    const sizes = b.constant('sizes', b.int64([1, 4, 11, 7]))
    const resize = (inputs: (Value | undefined)[], mode: string, coordinates: string, rounding = 'floor'): Value =>
      b.node('Resize', [x, undefined, ...inputs], { mode, coordinate_transformation_mode: coordinates, nearest_mode: rounding })
    return [
      resize([scales], 'nearest', 'asymmetric'),
      resize([scales], 'nearest', 'half_pixel', 'round_prefer_floor'),
      resize([scales], 'linear', 'half_pixel'),
      resize([undefined, sizes], 'linear', 'align_corners'),
      resize([undefined, sizes], 'linear', 'asymmetric'),
    ]
  },
  'whole numbers, in and out': (b) => b.node('Add', [b.input('x', [2, 3], 'int64'), b.constant('ten', Tensor.of('int64', [1], [10]))]),
}

function picture2(b: GraphBuilder, name = 'second'): Value {
  return b.node('Conv', [b.graph.inputs[0] ?? b.input('x', [1, 3, 'h', 'w']), b.weight(name, [4, 3, 3, 3])], { pads: [1, 1, 1, 1] })
}

describe('a model as a program of TensorFlow.js kernels gives what onnxruntime gives', () => {
  it.each(Object.entries(cases))('%s', async (_, build) => {
    const model = buildModel((b) => [build(b)].flat().forEach((value) => b.output(value)))
    const { got, want } = await both(model, { h: 9, w: 12, n: 7 })
    for (const [name, tensor] of Object.entries(want)) {
      expect(got[name]!.dims).toEqual(tensor.dims)
      expect(got[name]!.data.length).toBe(tensor.size)
      const [a, b] = [tensor.toNumbers(), Array.from(got[name]!.data as ArrayLike<number>, Number)]
      const scale = Math.max(...a.map(Math.abs), 1e-6)
      a.forEach((value, at) => expect(Math.abs(value - b[at]!) / scale).toBeLessThan(1e-4))
    }
  })

  it('covers every op that the writer knows', () => {
    const seen = new Set<string>()
    for (const build of Object.values(cases))
      for (const node of buildModel((b) => void [build(b)].flat().forEach((value) => b.output(value))).graph.nodes) seen.add(node.type)
    expect(programOps.filter((op) => !seen.has(op))).toEqual([])
  })
})
