import type { Node, Value } from '@whittle/ir'
import { type Builder, fixedShape, range, shapeOf } from './builder.ts'

/** What convolutions and poolings share: how a window slides over the spatial axes, and its adjoint. */
export interface Window {
  /** Spatial axes. */
  readonly rank: number
  readonly kernel: number[]
  readonly strides: number[]
  readonly dilations: number[]
  /** At the begin of each axis, then at the end of each, as ONNX has them; what is added for the sake of `ceil_mode` is not among them. */
  readonly pads: number[]
}

/** The window of a Conv or of a pooling op, `auto_pad` resolved; a string says why it cannot be told. */
export function windowOf(node: Node, extents?: readonly number[]): Window | string {
  const input = node.inputs[0]
  if (!input?.shape) return 'the rank of its input is not known'
  const rank = input.shape.length - 2
  const kernel = node.ints('kernel_shape') ?? extents
  if (!kernel) return 'the spatial size of its kernel is not known'
  const strides = node.ints('strides') ?? Array<number>(rank).fill(1)
  const dilations = node.ints('dilations') ?? Array<number>(rank).fill(1)
  const same = node.string('auto_pad', 'NOTSET')
  const window = { rank, kernel: [...kernel], strides, dilations }
  if (same === 'VALID') return { ...window, pads: Array<number>(2 * rank).fill(0) }
  if (!same.startsWith('SAME')) return { ...window, pads: node.ints('pads') ?? Array<number>(2 * rank).fill(0) }
  const totals = kernel.map((extent, axis) => {
    const span = (extent - 1) * dilations[axis]! + 1
    const size = input.shape![axis + 2]!
    const stride = strides[axis]!
    if (stride === 1) return span - 1
    return typeof size === 'number' ? Math.max(0, (Math.ceil(size / stride) - 1) * stride + span - size) : undefined
  })
  if (totals.includes(undefined)) return `auto_pad ${same} with strides needs fixed spatial sizes: pin them with inferShapes or input=`
  const less = (totals as number[]).map((total) => Math.floor(total / 2))
  const more = (totals as number[]).map((total, axis) => total - less[axis]!)
  return { ...window, pads: same === 'SAME_UPPER' ? [...less, ...more] : [...more, ...less] }
}

/** What is left of the input behind the last window, for each axis; below 0 where that reaches beyond it. */
export function remainders(
  { kernel, strides, dilations, pads, rank }: Window,
  size: readonly number[],
  outputs: readonly number[],
): number[] {
  return kernel.map((extent, axis) => {
    const covered = (outputs[axis]! - 1) * strides[axis]! + (extent - 1) * dilations[axis]! + 1
    return size[axis]! + pads[axis]! + pads[axis + rank]! - covered
  })
}

/**
 * The adjoint of sliding: a ConvTranspose of `dy` (spatial axes those of `output`), cut or filled up to the spatial size of `input`.
 * What ConvTranspose lacks at the end is output_padding; where sizes are free it adds as much as there can be, and Slice takes it off.
 */
export function slideBack(b: Builder, dy: Value, kernel: Value, window: Window, group: number, input: Value, output: Value): Value {
  const { rank, strides, dilations, pads } = window
  const turned = group > 1 ? turnedPads(window, kernel, group) : undefined
  if (turned) {
    const ends = strides.map(() => -1)
    const from = range(2, rank + 2)
    const mirrored = b.op('Slice', [kernel, b.ints(ends), b.ints(window.kernel.map((extent) => -extent - 1)), b.ints(from), b.ints(ends)])
    return b.op('Conv', [dy, mirrored], { kernel_shape: window.kernel, dilations, pads: turned, group })
  }
  const [size, outputs] = [fixedShape(input, 2), fixedShape(output, 2)]
  const extra = size && outputs ? remainders(window, size, outputs) : strides.map((stride) => stride - 1)
  const exact = (size && outputs) || strides.every((stride) => stride === 1)
  const attributes = { strides, dilations, pads, group, kernel_shape: window.kernel }
  const result = b.op('ConvTranspose', [dy, kernel], extra.some((item) => item > 0) ? { ...attributes, output_padding: extra } : attributes)
  if (exact) return result
  const axes = range(2, rank + 2)
  return b.op('Slice', [result, b.ints(axes.map(() => 0)), b.dimsOf(input, 2, rank + 2), b.ints(axes)])
}

/**
 * The pads with which a depthwise convolution by the mirrored kernel slides back: where it has no strides it takes less time
 * than a ConvTranspose. Undefined where it cannot.
 */
function turnedPads({ kernel: extents, strides, dilations, pads, rank }: Window, kernel: Value, group: number): number[] | undefined {
  const [outputs, channels] = fixedShape(kernel, 0, 2) ?? []
  if (outputs !== group || channels !== 1 || strides.some((stride) => stride !== 1)) return undefined
  const turned = pads.map((pad, index) => (extents[index % rank]! - 1) * dilations[index % rank]! - pad)
  return turned.every((pad) => pad >= 0) ? turned : undefined
}

/** The spatial axes of a value `[N, C, ...]`. */
export const spatialAxes = (value: Value): number[] => range(2, shapeOf(value).length)
