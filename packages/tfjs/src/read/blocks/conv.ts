import { type AttributeLike, Tensor, type Value, permuted } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import { type Padding, channelsFirst, padsOf } from './window.ts'

/** A convolution as TensorFlow describes it; one number for each spatial axis. */
export interface ConvOptions {
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly padding: Padding
  /** Whether the channels come last. */
  readonly isLast: boolean
  readonly bias?: Value | undefined
}

/** @param kernel `[...spatial, in, out]`; fewer input channels than the tensor has make groups. */
export function conv(e: Emitter, x: Value, kernel: Value, options: ConvOptions): Value {
  const rank = e.rank(x)
  checkRank(e, x, kernel)
  const shape = e.shape(kernel)
  const spatial = Array.from({ length: rank - 2 }, (_, axis) => axis)
  const weights = e.transpose(kernel, [rank - 1, rank - 2, ...spatial])
  const channels = e.shape(x)[options.isLast ? rank - 1 : 1]
  const inputs = shape[rank - 2]
  const group = typeof channels === 'number' && typeof inputs === 'number' ? channels / inputs : 1
  if (!(Number.isInteger(group) && group >= 1)) throw e.fail(`its kernel reads ${inputs} channels, and its input has ${channels}`)
  return slide(e, x, weights, sizes(e, kernel, 0), group, options)
}

/** @param kernel `[...spatial, in, multiplier]`: each input channel by itself. */
export function depthwise(e: Emitter, x: Value, kernel: Value, options: ConvOptions): Value {
  const rank = e.rank(x)
  checkRank(e, x, kernel)
  const [channels, multiplier] = [e.fixed(kernel, rank - 2), e.fixed(kernel, rank - 1)]
  const spatial = sizes(e, kernel, 0)
  const perm = [rank - 2, rank - 1, ...spatial.map((_, axis) => axis)]
  const dims = [channels * multiplier, 1, ...spatial]
  const { tensor } = kernel
  // One constant, under the kernel's own name.
  const weights = tensor
    ? e.derived(kernel.name, 'depthwise', () => permuted(tensor, perm).reshape(dims))
    : e.reshape(e.transpose(kernel, perm), dims)
  return slide(e, x, weights, spatial, channels, options)
}

/**
 * The gradient of a convolution by its input, which TensorFlow calls a transposed convolution.
 * @param kernel `[...spatial, out, in]`.
 * @param output the spatial sizes of the output, where the model gives them.
 */
export function convTranspose(e: Emitter, x: Value, kernel: Value, options: ConvOptions, output?: readonly (number | undefined)[]): Value {
  const rank = e.rank(x)
  checkRank(e, x, kernel)
  const spatial = sizes(e, kernel, 0)
  const weights = e.transpose(kernel, [rank - 1, rank - 2, ...spatial.map((_, axis) => axis)])
  if (options.dilations.some((dilation) => dilation !== 1)) throw e.refuse('a transposed convolution with dilation')
  if (typeof options.padding !== 'string') throw e.refuse('a transposed convolution with explicit padding')
  const before: number[] = []
  const after: number[] = []
  const extra: number[] = []
  spatial.forEach((size, axis) => {
    const stride = options.strides[axis]!
    if (!(stride >= 1)) throw e.fail('its strides must be at least 1')
    const source = e.shape(x)[axis + (options.isLast ? 1 : 2)]
    const wanted = output?.[axis]
    const full = typeof source === 'number' ? (source - 1) * stride + size : undefined
    const total =
      wanted !== undefined && full !== undefined ? full - wanted : options.padding === 'same' ? size - stride : Math.min(size - stride, 0)
    before.push(options.padding === 'same' ? Math.max(Math.floor(total / 2), 0) : 0)
    after.push(Math.max(total, 0) - before.at(-1)!)
    extra.push(Math.max(-total, 0))
  })
  return channelsFirst(e, x, options.isLast, (first) =>
    e.node('ConvTranspose', options.bias ? [first, weights, options.bias] : [first, weights], {
      ...(options.strides.some((stride) => stride !== 1) ? { strides: [...options.strides] } : {}),
      ...([...before, ...after].some(Boolean) ? { pads: [...before, ...after] } : {}),
      ...(extra.some(Boolean) ? { output_padding: extra } : {}),
    }),
  )
}

function slide(e: Emitter, x: Value, weights: Value, kernel: readonly number[], group: number, options: ConvOptions): Value {
  const { strides, dilations, isLast, bias } = options
  const shape = e.shape(x)
  const spatial = isLast ? shape.slice(1, -1) : shape.slice(2)
  const attributes: Record<string, AttributeLike> = {
    kernel_shape: [...kernel],
    ...(strides.some((stride) => stride !== 1) ? { strides: [...strides] } : {}),
    ...(dilations.some((dilation) => dilation !== 1) ? { dilations: [...dilations] } : {}),
    ...(group !== 1 ? { group } : {}),
    ...padsOf(e, { kernel, ...options }, spatial),
  }
  return channelsFirst(e, x, isLast, (first) => e.node('Conv', bias ? [first, weights, bias] : [first, weights], attributes))
}

function sizes(e: Emitter, kernel: Value, from: number): number[] {
  return Array.from({ length: e.rank(kernel) - 2 }, (_, axis) => e.fixed(kernel, from + axis))
}

function checkRank(e: Emitter, x: Value, kernel: Value): void {
  if (e.rank(x) !== e.rank(kernel) || e.rank(x) < 3)
    throw e.fail(`a kernel of ${e.rank(kernel)} dimensions does not fit an input of ${e.rank(x)}`)
}

/** Adds a bias along the channels. */
export function addBias(e: Emitter, x: Value, bias: Value, isLast = true): Value {
  const rank = e.rank(x)
  const shape = e.shape(bias)
  if (isLast || shape.length !== 1 || rank < 3) return e.node('Add', [x, bias])
  return e.node('Add', [x, e.reshape(bias, [e.fixed(bias, 0), ...Array.from({ length: rank - 2 }, () => 1)])])
}

/** A constant of one number for each channel. */
export function perChannel(channels: number, value: number): Tensor {
  return Tensor.float32([channels], new Float32Array(channels).fill(value))
}
