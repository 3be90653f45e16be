import type { Value } from '@whittle/ir'
import { activate } from '../blocks/activation.ts'
import { type ConvOptions, conv, convTranspose, depthwise } from '../blocks/conv.ts'
import { pool } from '../blocks/pool.ts'
import type { LayerCall, LayerRule } from './call.ts'

/** `channels_first` or not. */
export function isChannelsLast({ config }: LayerCall): boolean {
  return config.choice('data_format', ['channelslast', 'channelsfirst'], 'channelslast') === 'channelslast'
}

function optionsOf(call: LayerCall, axes: number): Omit<ConvOptions, 'bias'> {
  const { config } = call
  return {
    strides: config.ints(
      'strides',
      axes,
      Array.from({ length: axes }, () => 1),
    ),
    dilations: config.ints(
      'dilation_rate',
      axes,
      Array.from({ length: axes }, () => 1),
    ),
    padding: config.choice<'valid' | 'same'>('padding', ['valid', 'same'], 'valid'),
    isLast: isChannelsLast(call),
  }
}

const biasOf = ({ config, weight }: LayerCall): Value | undefined => (config.bool('use_bias', true) ? weight('bias') : undefined)
const activated = ({ e, config }: LayerCall, y: Value): Value => activate(e, y, config.string('activation', 'linear'))

const convolution =
  (axes: number): LayerRule =>
  (call) =>
    activated(call, conv(call.e, call.x, call.weight('kernel'), { ...optionsOf(call, axes), bias: biasOf(call) }))

const transposed =
  (axes: number): LayerRule =>
  (call) =>
    activated(call, convTranspose(call.e, call.x, call.weight('kernel'), { ...optionsOf(call, axes), bias: biasOf(call) }))

const depthwiseConv: LayerRule = (call) =>
  activated(call, depthwise(call.e, call.x, call.weight('depthwise_kernel'), { ...optionsOf(call, 2), bias: biasOf(call) }))

const separable: LayerRule = (call) => {
  const options = optionsOf(call, 2)
  const inner = depthwise(call.e, call.x, call.weight('depthwise_kernel'), options)
  const point = { strides: [1, 1], dilations: [1, 1], padding: 'valid', isLast: options.isLast, bias: biasOf(call) } as const
  return activated(call, conv(call.e, inner, call.weight('pointwise_kernel'), point))
}

const pooling =
  (kind: 'Max' | 'Average', axes: number): LayerRule =>
  (call) => {
    const { config } = call
    const kernel = config.ints(
      'pool_size',
      axes,
      Array.from({ length: axes }, () => 2),
    )
    const strides = config.has('strides') ? config.ints('strides', axes) : kernel
    const padding = config.choice('padding', ['valid', 'same'], 'valid')
    return pool(call.e, call.x, kind, { kernel, strides, padding }, isChannelsLast(call))
  }

const globalPooling =
  (op: string, axes: number): LayerRule =>
  (call) => {
    const first = isChannelsLast(call) ? 1 : 2
    const spatial = Array.from({ length: axes }, (_, axis) => axis + first)
    return call.e.node(op, [call.x, call.e.ints(spatial)], { keepdims: 0 })
  }

export const convLayers: Readonly<Record<string, LayerRule>> = {
  Conv1D: convolution(1),
  Conv2D: convolution(2),
  Conv3D: convolution(3),
  Conv2DTranspose: transposed(2),
  Conv3DTranspose: transposed(3),
  DepthwiseConv2D: depthwiseConv,
  SeparableConv2D: separable,
}

export const poolLayers: Readonly<Record<string, LayerRule>> = {
  MaxPooling1D: pooling('Max', 1),
  MaxPooling2D: pooling('Max', 2),
  MaxPooling3D: pooling('Max', 3),
  AveragePooling1D: pooling('Average', 1),
  AveragePooling2D: pooling('Average', 2),
  AveragePooling3D: pooling('Average', 3),
  GlobalAveragePooling1D: globalPooling('ReduceMean', 1),
  GlobalAveragePooling2D: globalPooling('ReduceMean', 2),
  GlobalMaxPooling1D: globalPooling('ReduceMax', 1),
  GlobalMaxPooling2D: globalPooling('ReduceMax', 2),
}
