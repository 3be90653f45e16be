import type { Node } from '../../graph.ts'
import { Tensor } from '../../tensor.ts'
import { TensorProto_DataType } from '../gen/onnx_pb.ts'
import { type Rule, type UpgradeContext, constant, insert, intsToInput } from './context.ts'

/** Until opset 6, B was spread over A only where `broadcast` said so, its first axis laid on A's axis `axis`, by default on the last ones. */
const broadcast: Rule = {
  since: 7,
  late: true,
  rewrite(node: Node, context: UpgradeContext) {
    const axis = node.int('axis')
    const [a, b] = node.inputs
    node.attributes.delete('axis')
    if (!node.int('broadcast', 0) || !a || !b || axis === undefined) return void node.attributes.delete('broadcast')
    const [ranks, rankOfB] = [context.rankOf(a), context.rankOf(b)]
    node.attributes.delete('broadcast')
    if (ranks === undefined || rankOfB === undefined)
      context.refuse(node, 'it broadcasts along an axis, and the ranks of its inputs are not known')
    const first = (axis < 0 ? axis + ranks : axis) + rankOfB
    if (first >= ranks) return
    const axes = Array.from({ length: ranks - first }, (_, index) => rankOfB + index)
    const inputs = [b, constant(node, 'axes', Tensor.int64([axes.length], axes))]
    node.graph.setInput(node, 1, insert(node, { op: 'Unsqueeze', inputs }, 'column'))
  },
}

/** Attributes that said how to compute, and that have no meaning any more. */
const without = (since: number, ...names: string[]): Rule => ({
  since,
  rewrite: (node) => void names.forEach((name) => node.attributes.delete(name)),
})

const wholePower: Rule = {
  since: 2,
  rewrite(node) {
    if (node.attributes.get('p')?.type === 'float') node.attributes.set('p', { type: 'int', value: Math.round(node.float('p', 2)) })
  },
}

const inferenceOnly: Rule = {
  since: 7,
  rewrite(node: Node, context: UpgradeContext) {
    if (node.int('is_test', 1) === 0) context.refuse(node, 'it is meant for training (is_test=0)')
    node.attributes.delete('is_test')
  },
}

const overwrites = without(6, 'consumed_inputs')
const each = (names: string[], rules: Rule[]) => Object.fromEntries(names.map((name) => [name, rules]))

const ELEMENTWISE =
  'Abs Ceil Clip Elu Exp Floor HardSigmoid InstanceNormalization LeakyRelu Log Max Mean Min Neg Reciprocal Relu Sigmoid Sqrt Sum Tanh'
const EXPERIMENTAL = 'ATen Affine ConstantFill Crop DynamicSlice GRUUnit GivenTensorFill ImageScaler ParametricSoftplus Scale ScaledTanh'

/** What changed before opset 8. */
export const legacyRules: Readonly<Record<string, readonly Rule[]>> = {
  ...each(ELEMENTWISE.split(' '), [overwrites]),
  ...each(['Add', 'Sub', 'Mul', 'Div'], [overwrites, broadcast]),
  ...each(['Pow', 'And', 'Or', 'Xor', 'Greater', 'Less', 'Equal'], [broadcast]),
  ...each(['RNN', 'GRU', 'LSTM'], [without(7, 'output_sequence')]),
  ...each(['LpPool', 'GlobalLpPool'], [wholePower]),
  ...each(EXPERIMENTAL.split(' '), [{ since: 10, removed: 'the experimental op was removed' }]),
  Gemm: [without(7, 'broadcast')],
  BatchNormalization: [overwrites, inferenceOnly],
  Dropout: [overwrites, without(7, 'is_test')],

  Cast: [
    {
      since: 6,
      rewrite(node: Node, context: UpgradeContext) {
        const to = node.string('to', '')
        if (!to) return
        const code = TensorProto_DataType[to.toUpperCase() as keyof typeof TensorProto_DataType]
        if (!code) context.refuse(node, `there is no element type '${to}'`)
        node.attributes.set('to', { type: 'int', value: code })
      },
    },
  ],

  Concat: [
    {
      since: 4,
      rewrite(node) {
        if (!node.attributes.has('axis')) node.attributes.set('axis', { type: 'int', value: 1 })
      },
    },
  ],

  MeanVarianceNormalization: [
    {
      since: 9,
      rewrite(node: Node, context: UpgradeContext) {
        if (node.int('normalize_variance', 1) === 0) context.refuse(node, 'normalize_variance=0 was removed')
        const axes = node.int('across_channels', 0) ? [0, 1, 2, 3] : [0, 2, 3]
        for (const name of ['across_channels', 'normalize_variance']) node.attributes.delete(name)
        node.attributes.set('axes', { type: 'ints', value: axes })
      },
    },
  ],

  PRelu: [
    overwrites,
    {
      since: 7,
      late: true,
      // One slope for each channel, whatever the rank.
      rewrite(node: Node, context: UpgradeContext) {
        const [x, slope] = node.inputs
        if (!x || !slope || slope.tensor?.size === 1) return
        const rank = context.rankOf(x)
        const slopes = context.rankOf(slope)
        if (rank === undefined || slopes === undefined) context.refuse(node, 'the ranks of its inputs are not known')
        if (slopes !== 1 || rank < 3) return
        const axes = Array.from({ length: rank - 2 }, (_, index) => index + 1)
        const inputs = [slope, constant(node, 'axes', Tensor.int64([axes.length], axes))]
        node.graph.setInput(node, 1, insert(node, { op: 'Unsqueeze', inputs }, 'slope'))
      },
    },
  ],

  Pad: [
    {
      since: 2,
      rewrite(node) {
        const paddings = node.attributes.get('paddings')
        node.attributes.delete('paddings')
        if (paddings) node.attributes.set('pads', paddings)
      },
    },
  ],

  Reshape: [
    {
      since: 5,
      rewrite(node) {
        node.attributes.delete('consumed_inputs')
        intsToInput(node, 'shape', 1)
      },
    },
  ],

  Selu: [
    {
      since: 6,
      // The defaults had fewer digits.
      rewrite(node) {
        node.attributes.delete('consumed_inputs')
        if (!node.attributes.has('alpha')) node.attributes.set('alpha', { type: 'float', value: Math.fround(1.6732) })
        if (!node.attributes.has('gamma')) node.attributes.set('gamma', { type: 'float', value: Math.fround(1.0507) })
      },
    },
  ],

  Tile: [
    {
      since: 6,
      // One axis and how often, in place of how often for every axis.
      rewrite(node: Node, context: UpgradeContext) {
        const [x, tiles, axis] = node.inputs
        if (!x || !tiles || !axis) context.refuse(node, 'an input is missing')
        const one = constant(node, 'one', Tensor.int64([1], [1]))
        const whole = (value: typeof x, hint: string) => {
          const cast = insert(node, { op: 'Cast', inputs: [value], attributes: { to: TensorProto_DataType.INT64 } }, hint)
          return insert(node, { op: 'Reshape', inputs: [cast, one] }, hint)
        }
        const rank = insert(node, { op: 'Shape', inputs: [insert(node, { op: 'Shape', inputs: [x] }, 'shape')] }, 'rank')
        const ones = insert(node, { op: 'ConstantOfShape', inputs: [rank], attributes: { value: Tensor.int64([1], [1]) } }, 'ones')
        const repeats = insert(node, { op: 'ScatterElements', inputs: [ones, whole(axis, 'axis'), whole(tiles, 'tiles')] }, 'repeats')
        node.graph.setInput(node, 2, undefined)
        node.graph.setInput(node, 1, repeats)
      },
    },
  ],

  Upsample: [
    {
      since: 7,
      rewrite(node) {
        const scales = [1, 1, node.float('height_scale', 1), node.float('width_scale', 1)]
        for (const name of ['height_scale', 'width_scale']) node.attributes.delete(name)
        if (!node.attributes.has('scales')) node.attributes.set('scales', { type: 'floats', value: scales })
      },
    },
  ],
}
