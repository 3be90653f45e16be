import { type Kernel, listOf, numberOf, tensorOf } from './kernel.ts'
import type { Attributes } from './program.ts'

/** Where a window stands on one axis. */
interface Span {
  readonly begin: number
  readonly end: number
  readonly out: number
}

/** Padding before and after, and how many positions there are: as ONNX has it. */
function spanOf(size: number, window: number, stride: number, pads: readonly [number, number], attributes: Attributes): Span {
  let [begin, end] = pads
  if (attributes['pad'] === 'same') {
    const total = Math.max((Math.ceil(size / stride) - 1) * stride + window - size, 0)
    begin = total >> 1
    end = total - begin
  }
  let out = Math.floor((size + begin + end - window) / stride) + 1
  if (attributes['ceil']) {
    out = Math.ceil((size + begin + end - window) / stride) + 1
    // The last window begins inside of the input, or inside of the padding before it.
    if ((out - 1) * stride >= size + begin) out--
    end = Math.max(end, (out - 1) * stride + window - size - begin)
  }
  return { begin, end, out }
}

function spansOf(
  shape: readonly number[],
  kernel: readonly number[],
  attributes: Attributes,
): { y: Span; x: Span; strides: readonly number[]; dilations: readonly number[] } {
  const strides = listOf(attributes, 'strides') ?? [1, 1]
  const dilations = listOf(attributes, 'dilations') ?? [1, 1]
  const [top = 0, left = 0, bottom = 0, right = 0] = listOf(attributes, 'pads') ?? []
  const span = (axis: 0 | 1, pads: readonly [number, number]): Span =>
    spanOf(shape[axis + 1]!, (kernel[axis]! - 1) * dilations[axis]! + 1, strides[axis]!, pads, attributes)
  return { y: span(0, [top, bottom]), x: span(1, [left, right]), strides, dilations }
}

/** FusedConv2D and FusedDepthwiseConv2D: x [N, H, W, C], filter [h, w, C, M], bias [M], slopes of a fused PRelu [M]. */
export const convolution: Kernel = (machine, name, inputs, attributes) => {
  const [x, filter] = [tensorOf(inputs[0]), tensorOf(inputs[1])]
  const [n, height, width, channels] = x.shape as [number, number, number, number]
  const [h, w, , last] = filter.shape as [number, number, number, number]
  const features = name === 'FusedDepthwiseConv2D' ? channels * last : last
  const { y, x: across, strides, dilations } = spansOf(x.shape, [h, w], attributes)
  const out = machine.make([n, y.out, across.out, features])
  const idOf = (at: number): number => (inputs[at] ? tensorOf(inputs[at]).buffer.id : 0)
  machine.call(
    name,
    ...[x.buffer.id, n, height, width, filter.buffer.id, h, w, idOf(2), y.begin, across.end, y.end, across.begin, 0],
    ...[...dilations, ...strides, channels, features, numberOf(attributes, 'activation', 0), idOf(3), numberOf(attributes, 'alpha', 0)],
    out.buffer.id,
  )
  return out
}

/** AvgPool and MaxPool of x [N, H, W, C]; without `kernel` over the whole picture. Padding does not count in an average. */
export const pool: Kernel = (machine, name, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const [n, height, width, channels] = x.shape as [number, number, number, number]
  const kernel = listOf(attributes, 'kernel') ?? [height, width]
  // XNNPACK refuses windows of one element.
  if (kernel[0]! * kernel[1]! === 1) return machine.reshape(x, x.shape)
  const { y, x: across, strides, dilations } = spansOf(x.shape, kernel, attributes)
  const out = machine.make([n, y.out, across.out, channels])
  const pads = [y.begin, across.end, y.end, across.begin]
  const head = [x.buffer.id, n, height, width, ...kernel, ...pads]
  if (name === 'MaxPool') machine.call(name, ...head, ...dilations, ...strides, channels, channels, out.buffer.id)
  else machine.call(name, ...head, ...strides, channels, out.buffer.id)
  return out
}

/** ResizeBilinear and ResizeNearestNeighbor of x [N, H, W, C] to `size` or by `scales`. */
export const resize: Kernel = (machine, name, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const [n, height, width, channels] = x.shape as [number, number, number, number]
  const scales = listOf(attributes, 'scales')
  const size = scales
    ? [Math.floor(height * scales[0]!), Math.floor(width * scales[1]!)]
    : (listOf(attributes, 'size') ?? inputs[1]!.ints!.slice(-2))
  const out = machine.make([n, size[0]!, size[1]!, channels])
  const flags = [attributes['corners'] ? 1 : 0, attributes['half'] ? 1 : 0]
  machine.call(name, x.buffer.id, n, height, width, channels, size[0]!, size[1]!, ...flags, out.buffer.id)
  return out
}

/**
 * DepthToSpace of x [N, H, W, C] to [N, H*block, W*block, C/block²]; channels in the order (row, column, channel). TensorFlow.js's own kernel
 * takes ten times as long.
 */
export const depthToSpace: Kernel = (machine, _, inputs, attributes) => {
  const x = tensorOf(inputs[0])
  const block = numberOf(attributes, 'block', 1)
  const [n, height, width, channels] = x.shape as [number, number, number, number]
  // Neighbours in a row of the result.
  const run = channels / block
  const out = machine.make([n, height * block, width * block, run / block])
  const [from, to] = [machine.view(x), machine.view(out)]
  let place = 0
  for (let row = 0; row < n * height; row++)
    for (let part = 0; part < block; part++)
      for (let column = 0; column < width; column++) {
        const begin = (row * width + column) * channels + part * run
        for (let at = begin; at < begin + run; at++) to[place++] = from[at]!
      }
  return out
}
