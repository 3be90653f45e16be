import type { Value } from '@whittle/ir'
import { type Builder, fixedShape, product, range } from './builder.ts'
import type { Window } from './window.ts'

/**
 * The gradient of a convolution's kernel `[O, C/group, ...]`, out of `x` `[N, C, ...]` and `dy` `[N, O, ...]`. Three forms give the same.
 *
 * Measured on onnxruntime-node 1.30, one thread, the best of five on a machine that was busy, so roughly: milliseconds for 8 pictures, of the
 * forward pass, then as one convolution, as a product for each tap, and as one product of all taps put together.
 * - 32 to 32 channels, 28x28, 3x3: 11 / 26 / 2.9 / 17
 * - 64 to 128, 14x14, 3x3, stride 2: 1.2 / 12 / 2.6 / 11
 * - 96 depthwise, 28x28, 3x3: 4.8 / 17 / 4.0 / 10
 * - 96 depthwise, 14x14, 5x5, stride 2: 0.9 / 2.3 / 6.2 / 4.0
 * - 3 to 16, 56x56, 3x3, stride 2: 0.4 / 1.2 / 1.2 / 0.8
 *
 * And for 32 pictures, the times of the nodes alone, as a convolution, for each tap, and of all taps put together:
 * - 1 to 16, 28x28, 3x3: 0.75 / 1.9 / 0.6
 * - 16 to 32, 14x14, 3x3: 2.7 / 1.7 / 2.0
 */
export function kernelGradient(b: Builder, x: Value, dy: Value, kernel: Value, window: Window, group: number): Value {
  const taps = product(window.kernel)
  const dense = window.strides.every((stride) => stride === 1)
  const byTaps = group === 1 ? taps <= MOST_TAPS : dense && taps <= MOST_GROUPED_TAPS
  const together = byTaps && group === 1 && taps > 1 && fixedShape(kernel)![1]! <= FEW_CHANNELS
  return (together ? productOfTaps : byTaps ? tapProducts : asConvolution)(b, x, dy, kernel, window, group)
}

/** Each tap is a product with nodes of its own. */
const MOST_TAPS = 27
const MOST_GROUPED_TAPS = 9
/** Products with so few columns take more time than putting them together. */
const FEW_CHANNELS = 4

/** For each tap what it meets of `x`, multiplied with `dy` over all positions: `[O, positions] [positions, C]`, added up over the batch. */
function tapProducts(b: Builder, x: Value, dy: Value, kernel: Value, window: Window, group: number): Value {
  const [outputs, channels] = fixedShape(kernel)!
  const flat = (value: Value, each: number): Value => b.reshape(value, group === 1 ? [0, each, -1] : [0, group, each, -1])
  const turned = group === 1 ? [0, 2, 1] : [0, 1, 3, 2]
  const rows = flat(dy, outputs! / group)
  const parts = metByTaps(b, x, dy, window).map((met) => {
    const each = b.op('MatMul', [rows, b.transpose(flat(met, channels!), turned)])
    return b.reshape(b.sum(each, [0], false), [outputs!, channels!, 1])
  })
  return b.reshapeLike(b.concat(parts, 2), kernel)
}

/** One product of what all taps meet of `x`, `[taps * C, positions] [positions, O]`, added up over the batch. */
function productOfTaps(b: Builder, x: Value, dy: Value, kernel: Value, window: Window): Value {
  const [outputs, channels] = fixedShape(kernel)!
  const met = metByTaps(b, x, dy, window).map((part) => b.reshape(part, [0, channels!, -1]))
  const columns = b.transpose(b.reshape(dy, [0, outputs!, -1]), [0, 2, 1])
  const sum = b.sum(b.op('MatMul', [b.concat(met, 1), columns]), [0], false)
  return b.reshapeLike(b.transpose(b.reshape(sum, [met.length, channels!, outputs!]), [2, 1, 0]), kernel)
}

/** For each tap of the kernel what it meets of `x`: `[N, C, ...]` with the positions of `dy`. */
function metByTaps(b: Builder, x: Value, dy: Value, window: Window): Value[] {
  const { rank, strides, dilations, pads } = window
  const padded = pads.some((pad) => pad > 0) ? b.op('Pad', [x, b.ints([0, 0, ...pads.slice(0, rank), 0, 0, ...pads.slice(rank)])]) : x
  if (product(window.kernel) === 1 && strides.every((stride) => stride === 1)) return [padded]
  const axes = b.ints(range(2, rank + 2))
  const reach = reachOf(b, dy, window)
  return tapsOf(window.kernel).map((tap) => {
    const start = tap.map((at, axis) => at * dilations[axis]!)
    return b.op('Slice', [padded, b.ints(start), reach(start), axes, b.ints(strides)])
  })
}

/** Where the positions that one tap meets end, from where they start. */
function reachOf(b: Builder, dy: Value, { rank, strides }: Window): (start: readonly number[]) => Value {
  const sizes = fixedShape(dy, 2)
  if (sizes) return (start) => b.ints(start.map((at, axis) => at + (sizes[axis]! - 1) * strides[axis]! + 1))
  const steps = b.op('Sub', [b.dimsOf(dy, 2, rank + 2), b.ints(range(0, rank).map(() => 1))])
  const span = b.op('Mul', [steps, b.ints(strides)])
  return (start) => b.op('Add', [span, b.ints(start.map((at) => at + 1))])
}

/** The places in a kernel, the last axis fastest. */
function tapsOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>((places, extent) => places.flatMap((place) => range(0, extent).map((at) => [...place, at])), [[]])
}

/**
 * A convolution of `x` with `dy`, the batch taken for the channels, strides and dilations exchanged. Each group's channels stay a group of
 * their own: `[N, g, C/g, ...]` is turned to `[C/g, g * N, ...]`.
 */
function asConvolution(b: Builder, x: Value, dy: Value, kernel: Value, window: Window, group: number): Value {
  const { rank, strides, dilations, pads } = window
  const [, channels, ...extents] = fixedShape(kernel)!
  const spatial = range(2, rank + 2)
  const swap = [1, 0, ...spatial]
  let rows = b.transpose(x, swap)
  if (group > 1) {
    const sizes = b.dimsOf(x, 2, rank + 2)
    const split = b.op('Reshape', [x, b.concat([b.ints([0, group, channels!]), sizes])])
    const turned = b.transpose(split, [2, 1, 0, ...spatial.map((axis) => axis + 1)])
    rows = b.op('Reshape', [turned, b.concat([b.ints([channels!, -1]), sizes])])
  }
  const result = b.op('Conv', [rows, b.transpose(dy, swap)], { strides: dilations, dilations: strides, pads, group })
  // Where the strides do not come out even, there are further taps that the kernel does not have.
  const even = strides.every((stride) => stride === 1)
  const taps = even ? result : b.op('Slice', [result, b.ints(spatial.map(() => 0)), b.ints(extents), b.ints(spatial)])
  return b.transpose(taps, swap)
}
