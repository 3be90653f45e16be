import { type Model, Tensor, type Value } from '@whittle/ir'
import { batchNorm } from './blocks.ts'
import { type GraphBuilder, buildModel } from './builder.ts'

/**
 * A random small network with what ties channels to one another: residuals, concats, splits, groups, depthwise convolutions, shuffles, gates, merged and
 * split axes, attention, recurrent layers. The same seed gives the same model.
 */
export function randomStructure(seed: string): Model {
  return buildModel((b) => {
    const batch = b.rng.next() < 0.5 ? 'N' : 2
    const channels = 4 * (1 + b.rng.integer(3))
    let x = { value: b.node('Conv', [b.input('x', [batch, 3, 8, 8]), b.weight('stem_w', [channels, 3, 1, 1])]), channels, size: 8 }
    for (let step = 1 + b.rng.integer(4); step > 0; step--) {
      x = pick(b, PICTURES)(b, x)
      // Groups and halves need numbers that divide.
      if (x.channels % 4 !== 0) x = conv(b, x, 8)
    }
    if (b.rng.next() < 0.2) b.output(b.node('Relu', [x.value]), 'features')
    b.output(pick(b, HEADS)(b, x), 'y')
  }, seed)
}

interface Picture {
  /** `[N, channels, size, size]` */
  readonly value: Value
  readonly channels: number
  readonly size: number
}

type Step = (b: GraphBuilder, x: Picture) => Picture

function pick<T>(b: GraphBuilder, list: readonly T[]): T {
  return list[b.rng.integer(list.length)]!
}

const ACTIVATIONS = ['Relu', 'Sigmoid', 'HardSwish', 'Tanh', 'Identity', 'Elu']

/** A convolution with what may follow it. */
function conv(b: GraphBuilder, { value, channels, size }: Picture, to: number, options: { group?: number; kernel?: number } = {}): Picture {
  const { group = 1, kernel = pick(b, [1, 3]) } = options
  const inputs = [value, b.weight('conv_w', [to, channels / group, kernel, kernel])]
  if (b.rng.next() < 0.5) inputs.push(b.weight('conv_b', [to], 0.3))
  const pad = (kernel - 1) / 2
  let y = b.node('Conv', inputs, { group, pads: [pad, pad, pad, pad] })
  if (b.rng.next() < 0.3) y = batchNorm(b, y, to)
  if (b.rng.next() < 0.2) y = b.node('PRelu', [y, b.weight('slope', [to, 1, 1], 0.3)])
  return { value: b.node(pick(b, ACTIVATIONS), [y]), channels: to, size }
}

const shape = (b: GraphBuilder, dims: readonly number[]): Value => b.constant('shape', b.int64(dims))

const PICTURES: readonly Step[] = [
  (b, x) => conv(b, x, 4 * (1 + b.rng.integer(4))),
  (b, x) => conv(b, x, x.channels, { group: x.channels }),
  (b, x) => conv(b, x, 2 * x.channels, { group: x.channels }),
  (b, x) => conv(b, x, 2 * x.channels, { group: pick(b, [2, 4]) }),
  // Residuals, one of them with a bottleneck of depthwise convolutions.
  (b, x) => {
    const inner = conv(b, conv(b, x, 8), x.channels)
    return { ...x, value: b.node('Add', [x.value, inner.value]) }
  },
  (b, x) => {
    const wide = conv(b, x, 2 * x.channels, { kernel: 1 })
    const inner = conv(b, conv(b, wide, wide.channels, { group: wide.channels, kernel: 3 }), x.channels)
    return { ...x, value: b.node('Relu', [b.node('Sum', [inner.value, x.value])]) }
  },
  // Branches, joined.
  (b, x) => {
    const parts = [x, conv(b, x, 4), conv(b, x, 6)]
    return joined(b, parts.slice(b.rng.integer(2)), x.size)
  },
  (b, x) => {
    const [left, right] = [conv(b, x, 8), conv(b, x, 8)]
    return { ...left, value: b.node(pick(b, ['Mul', 'Max', 'Sub']), [left.value, right.value]) }
  },
  // Parts of the channels go their own ways.
  (b, x) => {
    const sizes = b.rng.next() < 0.5 ? [x.channels / 2, x.channels / 2] : [3, x.channels - 3]
    const equal = sizes[0] === sizes[1] && b.rng.next() < 0.5
    const inputs = equal ? [x.value] : [x.value, shape(b, sizes)]
    const parts = b.nodes(
      'Split',
      inputs,
      { axis: b.rng.next() < 0.5 ? 1 : -3, ...(equal ? { num_outputs: 2 } : {}) },
      { outputs: ['left', 'right'] },
    )
    const [left, right] = parts.map((value, at) => ({ value, channels: sizes[at]!, size: x.size })) as [Picture, Picture]
    return joined(b, [b.rng.next() < 0.5 ? conv(b, left, left.channels) : left, right], x.size)
  },
  (b, x) => {
    const from = b.rng.integer(3)
    const value = b.node('Slice', [x.value, shape(b, [from]), shape(b, [b.rng.next() < 0.5 ? -1 : 2 ** 31]), shape(b, [1])])
    const cut = value.graph.nodes.at(-1)!
    const to = Number(cut.inputs[2]!.tensor!.toNumbers()[0]) === -1 ? x.channels - 1 : x.channels
    return conv(b, { ...x, value, channels: to - from }, 8)
  },
  (b, x) => {
    const order = [...Array(x.channels).keys()].map((index) => (index * 5 + 1) % x.channels)
    const value = b.node(
      'Gather',
      [
        x.value,
        shape(
          b,
          order.map((index) => (b.rng.next() < 0.3 ? index - x.channels : index)),
        ),
      ],
      { axis: 1 },
    )
    return conv(b, { ...x, value }, 8)
  },
  // A shuffle of channels.
  (b, x) => {
    const groups = pick(b, [2, 4])
    const parts = b.node('Reshape', [x.value, shape(b, [0, groups, x.channels / groups, x.size, x.size])])
    const value = b.node('Reshape', [b.node('Transpose', [parts], { perm: [0, 2, 1, 3, 4] }), shape(b, [0, -1, x.size, x.size])])
    return conv(b, { ...x, value }, 2 * x.channels, { group: pick(b, [1, groups]) })
  },
  // Gates: by convolutions, or by Gemm on a flat vector.
  (b, x) => {
    const mean = { value: b.node('GlobalAveragePool', [x.value]), channels: x.channels, size: 1 }
    const gate = conv(b, conv(b, mean, 4, { kernel: 1 }), x.channels, { kernel: 1 })
    return { ...x, value: b.node('Mul', [x.value, b.node('HardSigmoid', [gate.value])]) }
  },
  (b, x) => {
    const mean = b.node('ReduceMean', [x.value, shape(b, [2, 3])], { keepdims: 0 })
    const hidden = b.node('Relu', [b.node('Gemm', [mean, b.weight('down', [6, x.channels]), b.weight('down_b', [6], 0.3)], { transB: 1 })])
    const gate = b.node('Sigmoid', [b.node('Gemm', [hidden, b.weight('up', [6, x.channels]), b.weight('up_b', [1, x.channels], 0.3)])])
    const wide = b.node('Unsqueeze', [gate, shape(b, [2, 3])])
    return { ...x, value: b.node('Mul', [wide, x.value]) }
  },
  // Channels that are nobody's.
  (b, x) => {
    const pads = [0, b.rng.integer(3), 0, 0, 0, 2, 0, 0]
    const channels = x.channels + pads[1]! + 2
    const value = b.node('Pad', [x.value, shape(b, pads), b.constant('zero', 0)])
    return { ...x, channels, value: b.node('Add', [conv(b, x, channels).value, value]) }
  },
  // Blocks of pixels.
  (b, x) => {
    const wide = conv(b, x, 12)
    const deep = b.node('DepthToSpace', [wide.value], { blocksize: 2, mode: pick(b, ['DCR', 'CRD']) })
    return conv(b, { value: b.node('MaxPool', [deep], { kernel_shape: [2, 2], strides: [2, 2] }), channels: 3, size: x.size }, 8)
  },
  (b, x) => {
    const deep = b.node('SpaceToDepth', [x.value], { blocksize: 2 })
    const scales = b.constant('scales', [1, 1, 2, 2])
    return conv(b, { ...x, value: b.node('Resize', [deep, undefined, scales], { mode: 'nearest' }), channels: 4 * x.channels }, 8)
  },
  (b, x) => {
    const group = pick(b, [1, 2, x.channels])
    const value = b.node('ConvTranspose', [x.value, b.weight('up_w', [x.channels, 2, 2, 2]), b.weight('up_b', [2 * group], 0.3)], {
      group,
      strides: [2, 2],
    })
    return { value: b.node('AveragePool', [value], { kernel_shape: [2, 2], strides: [2, 2] }), channels: 2 * group, size: x.size }
  },
  // Channels last, and scales beside them.
  (b, x) => {
    const last = b.node('Transpose', [x.value], { perm: [0, 2, 3, 1] })
    const mixed = b.node('MatMul', [b.node('Mul', [last, b.weight('scale', [x.channels], 1)]), b.weight('mix', [x.channels, 8])])
    const value = b.node('Transpose', [b.node('Add', [mixed, b.weight('mix_b', [8], 0.3)])], { perm: [0, 3, 1, 2] })
    return { ...x, value, channels: 8 }
  },
  (b, x) => {
    const [type, attributes] = pick(b, [
      ['InstanceNormalization', {}],
      ['GroupNormalization', { num_groups: pick(b, [2, x.channels / 2]) }],
    ] as const)
    if (x.channels % 2 !== 0) return x
    const value = b.node(type, [x.value, b.weight('norm_scale', [x.channels], 1), b.weight('norm_bias', [x.channels], 0.3)], attributes)
    return conv(b, { ...x, value }, 8)
  },
]

function joined(b: GraphBuilder, parts: readonly Picture[], size: number): Picture {
  const value = b.node('Concat', parts.map((part) => part.value), { axis: 1 }) // prettier-ignore
  return { value, channels: parts.reduce((sum, { channels }) => sum + channels, 0), size }
}

/** What gives the output. */
const HEADS: readonly ((b: GraphBuilder, x: Picture) => Value)[] = [
  (b, x) => {
    const small = b.node('MaxPool', [x.value], { kernel_shape: [4, 4], strides: [4, 4] })
    const features = x.channels * (x.size / 4) ** 2
    const flat = b.rng.next() < 0.5 ? b.node('Flatten', [small]) : b.node('Reshape', [small, shape(b, [0, -1])])
    const hidden = b.node('Relu', [b.node('Gemm', [flat, b.weight('fc_w', [features, 8]), b.weight('fc_b', [8], 0.3)])])
    return b.node('Softmax', [b.node('MatMul', [hidden, b.weight('out_w', [8, 5])])])
  },
  // Channels last when it is flattened, as TensorFlow does.
  (b, x) => {
    const small = b.node('AveragePool', [conv(b, x, 8).value], { kernel_shape: [4, 4], strides: [4, 4] })
    const flat = b.node('Flatten', [b.node('Transpose', [small], { perm: [0, 2, 3, 1] })])
    return b.node('Gemm', [flat, b.weight('fc_w', [6, 8 * (x.size / 4) ** 2])], { transB: 1 })
  },
  (b, x) => {
    const mean = b.node('Squeeze', [b.node('GlobalAveragePool', [x.value]), shape(b, [2, 3])])
    return b.node('Einsum', [mean, b.weight('out_w', [x.channels, 5])], { equation: 'nc,co->no' })
  },
  (b, x) => attended(b, tokens(b, x)),
  (b, x) => attended(b, { ...tokens(b, x), packed: true }),
  recurrent,
]

interface Tokens {
  /** `[N, length, width]` */
  readonly value: Value
  readonly length: number
  readonly width: number
  readonly packed?: boolean
}

function tokens(b: GraphBuilder, x: Picture): Tokens {
  const small = conv(b, { ...x, value: b.node('MaxPool', [x.value], { kernel_shape: [4, 4], strides: [4, 4] }) }, 16)
  const rows = b.node('Transpose', [b.node('Reshape', [small.value, shape(b, [0, 16, -1])])], { perm: [0, 2, 1] })
  return { value: b.node('Add', [rows, b.weight('places', [1, (x.size / 4) ** 2, 16], 0.3)]), length: (x.size / 4) ** 2, width: 16 }
}

/** Attention with heads, and a feed-forward layer; queries, keys and values from three products or from one. */
function attended(b: GraphBuilder, { value, length, width, packed }: Tokens): Value {
  const heads = pick(b, [2, 4, 8])
  const normal = b.node('LayerNormalization', [value, b.weight('ln_scale', [width], 1), b.weight('ln_bias', [width], 0.3)])
  const project = (to: number): Value =>
    b.node('Add', [b.node('MatMul', [normal, b.weight('p_w', [width, to])]), b.weight('p_b', [to], 0.3)])
  const each = width / heads
  let parts: Value[]
  if (packed) {
    const all = b.node('Reshape', [project(3 * width), shape(b, [0, length, 3, heads, each])])
    const turned = b.node('Transpose', [all], { perm: [2, 0, 3, 1, 4] })
    parts = [0, 1, 2].map((at) => b.node('Gather', [turned, b.constant('at', Tensor.int64([], [at]))], { axis: 0 }))
  } else
    parts = [0, 1, 2].map(() =>
      b.node('Transpose', [b.node('Reshape', [project(width), shape(b, [0, length, heads, each])])], { perm: [0, 2, 1, 3] }),
    )
  const [query, key, values] = parts as [Value, Value, Value]
  const scores = b.node('Mul', [b.node('MatMul', [query, b.node('Transpose', [key], { perm: [0, 1, 3, 2] })]), b.constant('factor', 0.4)])
  const mixed = b.node('Transpose', [b.node('MatMul', [b.node('Softmax', [scores]), values])], { perm: [0, 2, 1, 3] })
  const merged = b.node('Reshape', [mixed, shape(b, pick(b, [[0, 0, width], [0, length, -1]]))]) // prettier-ignore
  const sum = b.node('Add', [value, b.node('MatMul', [merged, b.weight('o_w', [width, width])])])
  const hidden = b.node('Gelu', [b.node('Add', [b.node('MatMul', [sum, b.weight('up_w', [width, 24])]), b.weight('up_b', [24], 0.3)])])
  const result = b.node('Add', [sum, b.node('MatMul', [hidden, b.weight('down_w', [24, width])])])
  return b.node('MatMul', [b.node('ReduceMean', [result, shape(b, [1])], { keepdims: 0 }), b.weight('out_w', [width, 5])])
}

/** Rows of the picture as steps of a recurrent layer. */
function recurrent(b: GraphBuilder, x: Picture): Value {
  const steps = b.node('Transpose', [b.node('ReduceMean', [x.value, shape(b, [3])], { keepdims: 0 })], { perm: [2, 0, 1] })
  const [type, gates] = pick(b, [['LSTM', 4], ['GRU', 3], ['RNN', 1]] as const) // prettier-ignore
  const directions = pick(b, [1, 2])
  const hidden = 6
  const weights = [
    b.weight('r_w', [directions, gates * hidden, x.channels], 0.4),
    b.weight('r_r', [directions, gates * hidden, hidden], 0.4),
    b.weight('r_b', [directions, 2 * gates * hidden], 0.3),
  ]
  const y = b.node(type, [steps, ...weights], { hidden_size: hidden, direction: directions === 2 ? 'bidirectional' : 'forward' })
  const joinedUp = b.node('Reshape', [b.node('Transpose', [y], { perm: [0, 2, 1, 3] }), shape(b, [0, 0, directions * hidden])])
  return b.node('MatMul', [joinedUp, b.weight('out_w', [directions * hidden, 5])])
}
