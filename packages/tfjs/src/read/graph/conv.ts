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
