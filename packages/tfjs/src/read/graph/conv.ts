import type { Value } from '@whittle/ir'
import { activate, leakyRelu } from '../blocks/activation.ts'
import { type ConvOptions, addBias, conv, convTranspose, depthwise } from '../blocks/conv.ts'
import { pool } from '../blocks/pool.ts'
import type { Padding } from '../blocks/window.ts'
import type { NodeCall, NodeRule, NodeRules } from './call.ts'

/** Numbers for the spatial axes out of a list with one for each axis. */
function spatialOf(call: NodeCall, name: string, axes: number, isLast: boolean, fallback?: number): number[] {
  const list = call.attributes.ints(name, fallback === undefined ? undefined : Array.from({ length: axes + 2 }, () => fallback))
  if (list.length === axes) return list
  if (list.length === 0 && fallback !== undefined) return Array.from({ length: axes }, () => fallback)
  if (list.length !== axes + 2) throw call.e.fail(`'${name}' has ${list.length} numbers, expected ${axes + 2}`)
  // TensorFlow.js reads strides of both layouts as if the channels came last.
  return isLast ? list.slice(1, -1) : list.slice(2)
}

function paddingOf(call: NodeCall, axes: number, isLast: boolean): Padding {
  const { attributes, e } = call
  const padding = attributes.word('padding')
  if (padding === 'same' || padding === 'valid') return padding
  if (padding !== 'explicit') throw e.refuse(`padding '${padding}'`)
  const list = attributes.ints('explicit_paddings')
  if (list.length !== 2 * (axes + 2)) throw e.fail(`'explicit_paddings' has ${list.length} numbers, expected ${2 * (axes + 2)}`)
  const own = isLast ? list.slice(2, -2) : list.slice(4)
  return { before: own.filter((_, index) => index % 2 === 0), after: own.filter((_, index) => index % 2 === 1) }
}

function isLastOf({ attributes }: NodeCall): boolean {
  return !attributes.word('data_format', 'nhwc').startsWith('nc')
}

function optionsOf(call: NodeCall, axes: number): ConvOptions {
  const dilated = DILATED.get(call)
  if (dilated) return dilated
  const isLast = isLastOf(call)
  return {
    strides: spatialOf(call, 'strides', axes, isLast),
    dilations: spatialOf(call, 'dilations', axes, isLast, 1),
    padding: paddingOf(call, axes, isLast),
    isLast,
  }
}

/** Bias and activation, in the order in which a fused node names them. */
export function fused(call: NodeCall, y: Value, isLast: boolean, hasBias = false): Value {
  const { e, attributes } = call
  const ops = attributes.words('fused_ops')
  let next = hasBias ? 3 : 2
  let value = y
  for (const op of ops) {
    if (op === 'biasadd') {
      if (!hasBias) value = addBias(e, value, call.input(next++), isLast)
    } else if (op === 'prelu') value = e.node('PRelu', [value, call.input(next++)])
    else if (op === 'leakyrelu') value = leakyRelu(e, value, attributes.float('leakyrelu_alpha', 0.2))
    else if (op === 'fusedbatchnorm') throw e.refuse('a fused batch normalization, which TensorFlow.js cannot run either')
    else value = activate(e, value, op)
  }
  return value
}

/** A constant bias goes into the convolution. */
function fusedBias(call: NodeCall): Value | undefined {
  const bias = call.attributes.words('fused_ops')[0] === 'biasadd' ? call.input(2) : undefined
  return bias && call.e.rank(bias) === 1 ? bias : undefined
}

const convolution =
  (axes: number): NodeRule =>
  (call) =>
    conv(call.e, call.input(0), call.input(1), optionsOf(call, axes))

const conv1d: NodeRule = (call) =>
  conv(call.e, call.input(0), call.input(1), {
    strides: [call.attributes.int('stride', 1)],
    dilations: [call.attributes.int('dilation', 1)],
    padding: paddingOf(call, 1, isLastOf(call)),
    isLast: isLastOf(call),
  })

const depthwiseConv: NodeRule = (call) => depthwise(call.e, call.input(0), call.input(1), optionsOf(call, 2))

const backpropInput: NodeRule = (call) => {
  const { e, input } = call
  const options = optionsOf(call, 2)
  const shape = e.known(input(0)) ?? e.content(input(0))
  const sizes = shape && (shape.length === 4 ? (options.isLast ? shape.slice(1, 3) : shape.slice(2)) : shape.slice(0, 2))
  return convTranspose(
    e,
    input(2),
    input(1),
    options,
    sizes?.map((size) => (typeof size === 'number' ? size : undefined)),
  )
}

const pooling =
  (kind: 'Max' | 'Average', axes: number): NodeRule =>
  (call) => {
    const isLast = isLastOf(call)
    const kernel = spatialOf(call, 'ksize', axes, isLast)
    return pool(
      call.e,
      call.input(0),
      kind,
      { kernel, strides: spatialOf(call, 'strides', axes, isLast), padding: paddingOf(call, axes, isLast) },
      isLast,
    )
  }

/** Options of convolutions that stand between blocks. */
const DILATED = new WeakMap<NodeCall, ConvOptions>()

/**
 * TensorFlow writes a convolution with dilation as one over blocks of the picture: SpaceToBatchND, convolution, BatchToSpaceND. Together they
 * are one with dilation again, padded as much as is not cropped afterwards.
 */
export function dilated(call: NodeCall): Value | undefined {
  const { e, numbers } = call
  const inner = call.source(0)
  const before = inner && Object.hasOwn(BLOCKWISE, inner.op) ? inner.source(0) : undefined
  if (!inner || before?.op !== 'SpaceToBatchND') return undefined
  const blocks = numbers(1, 'block shape')
  const [paddings, crops] = [before.numbers(2, 'paddings'), numbers(2, 'crops')]
  const options = optionsOf(inner, 2)
  const isPlain = [...options.strides, ...options.dilations].every((item) => item === 1) && options.padding === 'valid' && options.isLast
  const edges = paddings.map((padding, index) => padding - (crops[index] ?? NaN))
  if (!isPlain || blocks.length !== 2 || blocks.join() !== before.numbers(1, 'block shape').join() || edges.length !== 4) return undefined
  if (!edges.every((edge) => edge >= 0)) return undefined
  const padding = { before: [edges[0]!, edges[2]!], after: [edges[1]!, edges[3]!] }
  const wide: NodeCall = { ...inner, input: (index) => (index === 0 ? before.input(0) : inner.input(index)) }
  DILATED.set(wide, { ...options, dilations: blocks, padding })
  const result = BLOCKWISE[inner.op]!(wide)
  return e.rank(result as Value) === 4 ? (result as Value) : undefined
}

export const convOps: NodeRules = {
  Conv1D: conv1d,
  Conv2D: convolution(2),
  Conv3D: convolution(3),
  DepthwiseConv2d: depthwiseConv,
  DepthwiseConv2dNative: depthwiseConv,
  _FusedConv2D: (call) => {
    const bias = fusedBias(call)
    const options = optionsOf(call, 2)
    return fused(call, conv(call.e, call.input(0), call.input(1), { ...options, bias }), options.isLast, bias !== undefined)
  },
  FusedDepthwiseConv2dNative: (call) => {
    const bias = fusedBias(call)
    const options = optionsOf(call, 2)
    return fused(call, depthwise(call.e, call.input(0), call.input(1), { ...options, bias }), options.isLast, bias !== undefined)
  },
  Conv2DBackpropInput: backpropInput,
  AvgPool: pooling('Average', 2),
  AvgPool3D: pooling('Average', 3),
  MaxPool: pooling('Max', 2),
  MaxPool3D: pooling('Max', 3),
}

/** Convolutions that may stand between blocks. */
const BLOCKWISE: NodeRules = Object.fromEntries(
  ['Conv2D', '_FusedConv2D', 'DepthwiseConv2dNative', 'FusedDepthwiseConv2dNative'].map((op) => [op, convOps[op]!]),
)
