import { Tensor, type Value } from '@whittle/ir'
import type { GraphBuilder } from './builder.ts'

/** Pieces of networks. Those on pictures take and give `[N, C, H, W]`, those on vectors `[N, F]`. */

/** Conv, BatchNormalization, Relu. */
export function convBnRelu(b: GraphBuilder, x: Value, from: number, to: number, attributes: Record<string, number | number[]> = {}): Value {
  const size = 3
  const pads = [1, 1, 1, 1]
  const conv = b.node('Conv', [x, b.weight('conv_w', [to, from, size, size])], { kernel_shape: [size, size], pads, ...attributes })
  return b.node('Relu', [batchNorm(b, conv, to)])
}

/** BatchNormalization with positive variances. */
export function batchNorm(b: GraphBuilder, x: Value, channels: number): Value {
  const positive = b
    .random([channels], 1)
    .toFloat32()
    .map((value) => 0.5 + Math.abs(value))
  return b.node(
    'BatchNormalization',
    [
      x,
      b.weight('bn_scale', [channels], 1),
      b.weight('bn_bias', [channels], 0.1),
      b.weight('bn_mean', [channels], 0.1),
      b.constant('bn_var', Tensor.float32([channels], positive)),
    ],
    { epsilon: 1e-5 },
  )
}

/** Expand, depthwise 3x3, project, add: MobileNet's block. */
export function depthwiseResidual(b: GraphBuilder, x: Value, channels: number): Value {
  const wide = channels * 2
  const expanded = b.node('Conv', [x, b.weight('expand_w', [wide, channels, 1, 1]), b.weight('expand_b', [wide], 0.1)])
  const relu = b.node('Clip', [expanded, b.constant('low', 0), b.constant('high', 6)])
  const depthwise = b.node('Conv', [relu, b.weight('depthwise_w', [wide, 1, 3, 3])], { group: wide, pads: [1, 1, 1, 1] })
  const projected = b.node('Conv', [batchNorm(b, depthwise, wide), b.weight('project_w', [channels, wide, 1, 1])])
  return b.node('Add', [x, projected])
}

/** HardSwish as exporters spell it out: `x * clip(x + 3, 0, 6) / 6`. */
export function spelledHardSwish(b: GraphBuilder, x: Value): Value {
  const shifted = b.node('Add', [x, b.constant('three', 3)])
  const clipped = b.node('Clip', [shifted, b.constant('zero', 0), b.constant('six', 6)])
  return b.node('Div', [b.node('Mul', [x, clipped]), b.constant('divisor', 6)])
}

/** Conv whose weights come from Constant nodes. */
export function convOfConstantNodes(b: GraphBuilder, x: Value, channels: number): Value {
  const kernel = b.constantNode('kernel', b.random([channels, channels, 3, 3]))
  const bias = b.constantNode('bias', b.random([channels], 0.1))
  return b.node('Conv', [x, kernel, bias], { pads: [1, 1, 1, 1] })
}

/** Two convolutions that share a kernel. */
export function sharedConvs(b: GraphBuilder, x: Value, channels: number): Value {
  const kernel = b.weight('shared_w', [channels, channels, 3, 3])
  const first = b.node('Relu', [b.node('Conv', [x, kernel], { pads: [1, 1, 1, 1] })])
  return b.node('Add', [first, b.node('Conv', [first, kernel], { pads: [1, 1, 1, 1] })])
}

/** An If on the sum of `x`, with weights in both branches: one an initializer, one a Constant node. */
export function branching(b: GraphBuilder, x: Value, channels: number): Value {
  const sum = b.node('ReduceSum', [x], { keepdims: 0 })
  const positive = b.node('Greater', [sum, b.constant('nothing', 0)])
  return b.branches(
    positive,
    (yes) => yes.node('Conv', [x, yes.weight('yes_w', [channels, channels, 1, 1])]),
    (no) => no.node('Conv', [x, no.constantNode('no_w', no.random([channels, channels, 1, 1]))]),
  )
}

/** Gemm (its kernel transposed), Relu, MatMul and Add. */
export function mlp(b: GraphBuilder, x: Value, from: number, to: number): Value {
  const hidden = 16
  const first = b.node('Gemm', [x, b.weight('gemm_w', [hidden, from]), b.weight('gemm_b', [hidden], 0.1)], { transB: 1 })
  const second = b.node('MatMul', [b.node('Relu', [first]), b.weight('matmul_w', [hidden, to])])
  return b.node('Add', [second, b.weight('matmul_b', [to], 0.1)])
}

/** LayerNormalization and self-attention with two heads, on `[N, T, F]`. */
export function attention(b: GraphBuilder, x: Value, features: number): Value {
  const heads = 2
  const width = features / heads
  const normal = b.node('LayerNormalization', [x, b.weight('ln_scale', [features], 1), b.weight('ln_bias', [features], 0.1)], { axis: -1 })
  const split = (name: string, perm: number[]): Value => {
    const projected = b.node('MatMul', [normal, b.weight(`${name}_w`, [features, features])])
    const parts = b.node('Reshape', [
      b.node('Add', [projected, b.weight(`${name}_b`, [features], 0.1)]),
      b.constant(`${name}_shape`, b.int64([0, 0, heads, width])),
    ])
    return b.node('Transpose', [parts], { perm })
  }
  const [query, key, value] = [split('query', [0, 2, 1, 3]), split('key', [0, 2, 3, 1]), split('value', [0, 2, 1, 3])]
  const scores = b.node('Mul', [b.node('MatMul', [query, key]), b.constant('scale', 1 / Math.sqrt(width))])
  const mixed = b.node('MatMul', [b.node('Softmax', [scores], { axis: -1 }), value])
  const joined = b.node('Reshape', [
    b.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }),
    b.constant('joined_shape', b.int64([0, 0, features])),
  ])
  return b.node('Add', [x, b.node('MatMul', [joined, b.weight('out_w', [features, features])])])
}

/** A bidirectional LSTM on `[T, N, F]`, giving `[T, N, 2 * hidden]`. */
export function lstm(b: GraphBuilder, x: Value, features: number, hidden: number): Value {
  const weights = [
    b.weight('lstm_w', [2, 4 * hidden, features], 0.3),
    b.weight('lstm_r', [2, 4 * hidden, hidden], 0.3),
    b.weight('lstm_b', [2, 8 * hidden], 0.1),
  ]
  const y = b.node('LSTM', [x, ...weights], { hidden_size: hidden, direction: 'bidirectional' })
  return b.node('Reshape', [b.node('Transpose', [y], { perm: [0, 2, 1, 3] }), b.constant('lstm_shape', b.int64([0, 0, -1]))])
}
