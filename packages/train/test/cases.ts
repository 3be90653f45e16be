import { type AttributeLike, Tensor } from '@whittle/ir'
import type { Case, Numbers } from './harness.ts'
import { windowCases } from './window-cases.ts'

type Attributes = Record<string, AttributeLike>
const float = (value: number): AttributeLike => ({ type: 'float', value })
const ints = (values: number[]): Tensor => Tensor.int64([values.length], values)
const title = (attributes: Attributes): string =>
  Object.entries(attributes)
    .map(([key, value]) => ` ${key}=${JSON.stringify(value)}`)
    .join('')

/** A node of inputs that are all differentiated. */
const plain = (rule: string, dims: number[][], attributes: Attributes = {}, numbers: Numbers = 'normal'): Case => ({
  rule,
  name: `${rule} ${dims.map((item) => `[${item}]`).join(' ')}${title(attributes)}`,
  build: ({ b, x }) =>
    b.node(
      rule,
      dims.map((item, index) => x(`x${index}`, item, numbers)),
      attributes,
    ),
})

/** A node whose first input is differentiated, the others int64 or other constants. */
const withConstants = (
  rule: string,
  dims: number[],
  constants: (Tensor | number | undefined)[],
  attributes: Attributes = {},
  numbers: Numbers = 'normal',
): Case => ({
  rule,
  name: `${rule} [${dims}] of ${constants.map((item) => (item instanceof Tensor ? `[${item.toNumbers()}]` : item)).join(' ')}${title(attributes)}`,
  build: ({ b, x }) =>
    b.node(rule, [x('x', dims, numbers), ...constants.map((item) => (item === undefined ? undefined : b.constant('c', item)))], attributes),
})

const BROADCAST = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [
    [2, 1],
    [3, 1, 4],
  ],
  [[], [2, 2]],
]

const elementwise: Case[] = [
  ...['Add', 'Sub', 'Mul'].flatMap((op) => BROADCAST.map((dims) => plain(op, dims))),
  ...BROADCAST.map((dims) => plain('Div', dims, {}, 'positive')),
  plain('Pow', [[2, 3], [3]], {}, 'positive'),
  withConstants('Pow', [2, 3], [2]),
  withConstants('Pow', [2, 3], [Tensor.int64([], [3])]),
  ...['Max', 'Min'].map(
    (op) =>
      ({
        ...plain(op, [[3, 2], [2], [3, 1]]),
        build: ({ b, x }) => {
          const one = x('one', [12], 'distinct')
          const parts = b.nodes('Split', [one], { num_outputs: 3 }, { outputs: ['p', 'q', 'r'] })
          return b.node(op, [parts[0]!, parts[1]!, b.node('Slice', [parts[2]!, b.constant('s', ints([0])), b.constant('e', ints([1]))])])
        },
      }) as Case,
  ),
  plain('Sum', [[2, 3], [3], [2, 1]]),
  plain('Mean', [[2, 3], [3]]),
  {
    rule: 'Where',
    name: 'Where, all three broadcast',
    build: ({ b, x }) => {
      const condition = b.constant('c', Tensor.of('bool', [2, 1], Uint8Array.of(1, 0)))
      return b.node('Where', [condition, x('p', [2, 3]), x('q', [3])])
    },
  },
  ...['Neg', 'Exp', 'Sin', 'Cos', 'Erf', 'Identity'].map((op) => plain(op, [[2, 3]])),
  ...['Sqrt', 'Log', 'Reciprocal'].map((op) => plain(op, [[2, 3]], {}, 'positive')),
  plain('Abs', [[2, 3]], {}, 'distinct'),
  withConstants('Clip', [20], [-0.4, 0.6], {}, 'distinct'),
  withConstants('Clip', [20], [undefined, 0.2], {}, 'distinct'),
  plain('Cast', [[2, 3]], { to: 1 }),
  plain('Dropout', [[2, 3]]),
]

const activation: Case[] = [
  ...['Relu', 'LeakyRelu', 'Elu', 'Celu', 'Selu', 'ThresholdedRelu'].map((op) => plain(op, [[40]], {}, 'distinct')),
  ...['LeakyRelu', 'Elu', 'Celu', 'ThresholdedRelu'].map((op) => plain(op, [[20]], { alpha: float(0.4) }, 'distinct')),
  ...['Sigmoid', 'Tanh', 'Softplus', 'Mish', 'Gelu'].map((op) => plain(op, [[2, 5]])),
  plain('Softsign', [[10]], {}, 'distinct'),
  plain('Gelu', [[2, 5]], { approximate: 'tanh' }),
  plain('HardSigmoid', [[60]], {}, 'distinct'),
  plain('HardSigmoid', [[40]], { alpha: float(0.5), beta: float(0.4) }, 'distinct'),
  plain('HardSwish', [[72]], {}, 'distinct'),
  plain(
    'PRelu',
    [
      [2, 4, 3],
      [4, 1],
    ],
    {},
    'distinct',
  ),
  plain('PRelu', [[2, 4], [1]], {}, 'distinct'),
  ...['Softmax', 'LogSoftmax'].flatMap((op) => [plain(op, [[2, 3, 2]]), plain(op, [[2, 3, 2]], { axis: 1 })]),
]

const matmul: Case[] = [
  ...[
    [
      [2, 3],
      [3, 4],
    ],
    [
      [2, 2, 3],
      [3, 4],
    ],
    [
      [2, 2, 3],
      [2, 3, 2],
    ],
    [
      [3, 1, 2, 3],
      [2, 3, 2],
    ],
    [
      [2, 3],
      [2, 3, 2],
    ],
    [[3], [3, 2]],
    [[2, 3], [3]],
    [[3], [3]],
    [[3], [2, 3, 2]],
    [[2, 2, 3], [3]],
  ].map((dims) => plain('MatMul', dims)),
  plain('Gemm', [[2, 3], [3, 4], [4]]),
  plain(
    'Gemm',
    [
      [2, 3],
      [4, 3],
      [2, 1],
    ],
    { transB: 1, alpha: float(0.5), beta: float(2) },
  ),
  plain(
    'Gemm',
    [
      [3, 2],
      [3, 4],
    ],
    { transA: 1 },
  ),
  plain('Gemm', [[3, 2], [4, 3], []], { transA: 1, transB: 1, alpha: float(2) }),
]

const channels = (rule: string, dims: number[], attributes: Attributes = {}): Case => ({
  rule,
  name: `${rule} [${dims}]${title(attributes)}`,
  build: ({ b, x }) => b.node(rule, [x('x', dims), x('scale', [dims[1]!]), x('bias', [dims[1]!])], attributes),
})

const normalization: Case[] = [
  ...[
    [2, 3],
    [2, 3, 4],
    [2, 3, 2, 2],
  ].map((dims): Case => ({
    rule: 'BatchNormalization',
    name: `BatchNormalization [${dims}]`,
    build: ({ b, x }) => {
      const statistics = [b.constant('mean', [0.1, -0.2, 0.3]), b.constant('variance', [0.5, 1, 2])]
      return b.node('BatchNormalization', [x('x', dims), x('scale', [3]), x('bias', [3]), ...statistics], { epsilon: 0.01 })
    },
  })),
  plain('LayerNormalization', [[2, 3, 4], [4], [4]]),
  plain(
    'LayerNormalization',
    [
      [2, 3, 4],
      [3, 4],
    ],
    { axis: 1, epsilon: 0.1 },
  ),
  channels('InstanceNormalization', [2, 3, 5]),
  channels('InstanceNormalization', [2, 2, 2, 3], { epsilon: 0.1 }),
  channels('GroupNormalization', [2, 4, 3], { num_groups: 2 }),
  channels('GroupNormalization', [1, 6, 2, 2], { num_groups: 3, epsilon: 0.1 }),
]

const reduction: Case[] = [
  ...['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL1', 'ReduceL2', 'ReduceSumSquare', 'ReduceLogSumExp'].flatMap((op) => [
    withConstants(op, [2, 3, 4], [ints([1])], {}, 'distinct'),
    withConstants(op, [2, 3, 2], [ints([-1, 0])], { keepdims: 0 }, 'distinct'),
    plain(op, [[2, 3]], { keepdims: 0 }, 'distinct'),
  ]),
  withConstants('ReduceLogSum', [2, 3], [ints([1])], {}, 'positive'),
  withConstants('ReduceSum', [2, 3], [ints([])], { noop_with_empty_axes: 1 }),
  ...([{}, { reverse: 1 }, { exclusive: 1 }] as Attributes[]).map((attributes) =>
    withConstants('CumSum', [2, 4], [Tensor.int64([], [1])], attributes),
  ),
]

const shape: Case[] = [
  withConstants('Reshape', [2, 6], [ints([3, -1])]),
  withConstants('Reshape', [2, 3, 4], [ints([0, -1])]),
  plain('Flatten', [[2, 3, 2]], { axis: 2 }),
  withConstants('Squeeze', [2, 1, 3], [ints([1])]),
  withConstants('Unsqueeze', [2, 3], [ints([0, -1])]),
  plain('Transpose', [[2, 3, 4]]),
  plain('Transpose', [[2, 3, 4]], { perm: [1, 2, 0] }),
  plain(
    'Concat',
    [
      [2, 1],
      [2, 3],
      [2, 2],
    ],
    { axis: -1 },
  ),
  plain('Concat', [[2, 1]], { axis: 0 }),
  {
    rule: 'Split',
    name: 'Split, one part unread',
    build: ({ b, x }) => {
      const parts = b.nodes('Split', [x('x', [2, 6]), b.constant('sizes', ints([1, 2, 3]))], { axis: 1 }, { outputs: ['p', 'q', 'r'] })
      return [parts[0]!, b.node('Exp', [parts[2]!])]
    },
  },
  withConstants('Slice', [4, 5], [ints([1, -3]), ints([3, 9])]),
  withConstants('Slice', [4, 5], [ints([1]), ints([5]), ints([1]), ints([2])]),
  withConstants('Slice', [4, 5], [ints([-1]), ints([-9]), ints([-2]), ints([-1])]),
  {
    rule: 'Slice',
    name: 'Slice that takes nothing',
    build: ({ b, x }) => {
      const whole = x('x', [4, 2])
      const none = b.node('Slice', [whole, b.constant('s', ints([3])), b.constant('e', ints([1]))])
      return b.node('Concat', [none, whole], { axis: 0 })
    },
  },
  withConstants('Pad', [2, 3], [ints([1, 0, 0, 2])]),
  withConstants('Pad', [2, 3], [ints([1, -1, 0, 2]), 0.5]),
  withConstants('Pad', [2, 3], [ints([1, 2]), undefined, ints([1])]),
  ...['reflect', 'edge', 'wrap'].map((mode) => withConstants('Pad', [2, 3], [ints([0, 1, 1, 2])], { mode })),
  withConstants('Expand', [3, 1], [ints([2, 1, 4])]),
  withConstants('Expand', [2, 3], [ints([1, 3])]),
  withConstants('Tile', [2, 3], [ints([2, 3])]),
  plain('DepthToSpace', [[2, 8, 2, 3]], { blocksize: 2 }),
  { ...plain('DepthToSpace', [[2, 8, 2, 3]], { blocksize: 2, mode: 'CRD' }), fixedOnly: 'its blocks are split by number' },
  plain('SpaceToDepth', [[2, 2, 4, 6]], { blocksize: 2 }),
  plain('Trilu', [[2, 3, 4]]),
  withConstants('Trilu', [3, 3], [Tensor.int64([], [-1])], { upper: 0 }),
]

const indexing: Case[] = [
  withConstants('Gather', [4, 3], [ints([1, 1, -1])]),
  withConstants('Gather', [2, 4, 2], [Tensor.int64([2, 2], [0, 2, 2, -4])], { axis: 1 }),
  withConstants('Gather', [2, 3], [Tensor.int64([], [2])], { axis: -1 }),
  withConstants('Gather', [2, 3], [Tensor.of('int32', [2], Int32Array.of(1, 0))], { axis: 1 }),
  withConstants('GatherElements', [2, 3], [Tensor.int64([2, 2], [0, 0, 2, 1])], { axis: 1 }),
  withConstants('GatherND', [2, 3, 2], [Tensor.int64([2, 2], [0, 1, 0, 1])]),
]

const resize = (dims: number[], how: { scales?: number[]; sizes?: number[] }, attributes: Attributes): Case =>
  withConstants(
    'Resize',
    dims,
    how.scales ? [undefined, Tensor.float32([dims.length], how.scales)] : [undefined, undefined, ints(how.sizes!)],
    attributes,
  )

const resizing: Case[] = [
  resize([1, 2, 2, 3], { scales: [1, 1, 2, 2] }, { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }),
  resize([1, 2, 3, 4], { scales: [1, 1, 2, 0.5] }, { mode: 'linear' }),
  resize([1, 1, 3, 2], { sizes: [1, 1, 5, 3] }, { mode: 'linear', coordinate_transformation_mode: 'align_corners' }),
  resize([1, 1, 4, 3], { sizes: [1, 1, 7, 3] }, { mode: 'cubic' }),
  resize([1, 1, 6, 4], { sizes: [1, 1, 3, 4] }, { mode: 'linear', antialias: 1 }),
  resize([1, 2, 4], { scales: [1, 1, 1.6] }, { mode: 'nearest' }),
]

const inside = (level: number, low: number, high: number): boolean => level >= low && level <= high

const quantization: Case[] = [
  {
    rule: 'Round',
    name: 'Round: straight through',
    build: ({ b, x }) => b.node('Round', [x('x', [12], 'distinct')]),
    expected: (_, functional) => ({ x: functional }),
  },
  ...(['QuantizeLinear', 'DequantizeLinear'] as const).map((rule): Case => ({
    rule,
    name: `${rule}: straight through, and none where it is clipped`,
    build: ({ b, x }) => {
      const parameters = [b.constant('scale', Tensor.float32([], [0.01])), b.constant('zero', Tensor.of('uint8', [], Uint8Array.of(120)))]
      return b.node('DequantizeLinear', [b.node('QuantizeLinear', [x('x', [40], 'distinct'), ...parameters]), ...parameters])
    },
    expected: ({ x }, functional) => ({
      x: functional.map((item, index) => (inside(Math.round(x![index]! / 0.01) + 120, 0, 255) ? item : 0)),
    }),
  })),
  {
    rule: 'QuantizeLinear',
    name: 'QuantizeLinear with a scale for each channel, which is learned',
    build: ({ b, w }) => {
      const [x, scale] = [w('x', [2, 20], 'distinct'), w('scale', [2], 'positive')]
      const small = b.node('Mul', [scale, b.constant('hundredth', 0.01)])
      const zero = b.constant('zero', Tensor.of('int8', [2], new Int8Array(2)))
      return b.node('DequantizeLinear', [b.node('QuantizeLinear', [x, small, zero], { axis: 0 }), small, zero], { axis: 0 })
    },
    expected: ({ x, scale }, functional) => {
      const given = { x: functional.slice(), scale: [0, 0] }
      x!.forEach((item, index) => {
        const row = Math.floor(index / 20)
        const exact = item / (scale![row]! * 0.01)
        const level = Math.round(exact)
        const clipped = Math.min(Math.max(level, -128), 127)
        if (level !== clipped) given.x[index] = 0
        given.scale[row]! += functional[index]! * 0.01 * (level === clipped ? level - exact : clipped)
      })
      return given
    },
  },
]

export const cases: readonly Case[] = [
  ...elementwise,
  ...activation,
  ...matmul,
  ...windowCases,
  ...normalization,
  ...reduction,
  ...shape,
  ...indexing,
  ...resizing,
  ...quantization,
]
