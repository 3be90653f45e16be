import type { Value } from '@whittle/ir'
import type { Lowering } from '../lowering.ts'
import { activate } from './activation.ts'
import type { Row } from './row.ts'
import { paddingOf, strides, windowAttributes } from './window.ts'

/** Kernels as ONNX wants them: of constants made here and now, else transposed while the model runs. */
function kernelOf(l: Lowering, ref: number, perm: readonly number[]): Value {
  if (l.rank(ref) !== 4) throw l.op.fail(`its kernel has ${l.rank(ref)} dimensions`)
  return l.constant(ref) ? l.weight(ref, { perm }) : l.node('Transpose', [l.last(ref)], { perm: [...perm] })
}

function biasOf(l: Lowering, ref: number | undefined): Value[] {
  return ref === undefined ? [] : [l.last(ref)]
}

/**
 * A convolution; where it stands between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, as dilated ones are written, `around` says what these
 * three are together.
 */
export interface Around {
  readonly input: number
  readonly output: number
  readonly dilations: readonly [number, number]
  readonly pads: readonly number[]
}

export function lowerConv(l: Lowering, around?: Around): void {
  const { op } = l
  const isDepthwise = op.name === 'DEPTHWISE_CONV_2D'
  const [input, kernel] = [around?.input ?? op.input(0), op.input(1)]
  // [out, h, w, in], or depthwise [1, h, w, out].
  const weights = kernelOf(l, kernel, isDepthwise ? [3, 0, 1, 2] : [0, 3, 1, 2])
  const channels = l.fixed(input, 3)
  const group = isDepthwise ? channels : channels / l.fixed(kernel, 3)
  if (!(Number.isInteger(group) && group >= 1) || (isDepthwise && l.fixed(kernel, 0) !== 1))
    throw op.fail(`its kernel [${l.dims(kernel)}] does not fit ${channels} channels`)
  const window = {
    kernel: [l.fixed(kernel, 1), l.fixed(kernel, 2)] as [number, number],
    strides: strides(l),
    dilations: around?.dilations ?? ([op.number('dilationHFactor'), op.number('dilationWFactor')] as [number, number]),
  }
  const attributes = { ...windowAttributes(l, input, window, around?.pads), ...(group > 1 ? { group } : {}) }
  const value = l.node('Conv', [l.first(input), weights, ...biasOf(l, op.optional(2))], attributes)
  l.give(around?.output ?? op.output(), activate(l, value), 'first')
}

/** The gradient of a convolution by its input, with kernels `[out, h, w, in]`; `window` is that convolution's. */
export function lowerTransposeConv(
  l: Lowering,
  refs: { input: number; kernel: number; bias?: number | undefined },
  window: { padding: 'SAME' | 'VALID'; strides: readonly [number, number] },
): Value {
  const { op } = l
  const { input, kernel, bias } = refs
  const output = op.output()
  const steps = window.strides
  const before: number[] = []
  const after: number[] = []
  const extra: number[] = []
  for (const at of [0, 1] as const) {
    const [size, wanted, reach] = [l.fixed(input, at + 1), l.fixed(output, at + 1), l.fixed(kernel, at + 1)]
    // What that convolution would have been padded by.
    const count = Math.ceil((window.padding === 'SAME' ? wanted : wanted - reach + 1) / steps[at])
    const start = Math.floor(Math.max((count - 1) * steps[at] + reach - wanted, 0) / 2)
    const end = (size - 1) * steps[at] + reach - start - wanted
    before.push(start)
    after.push(Math.max(end, 0))
    extra.push(Math.max(-end, 0))
    if (extra[at]! >= steps[at])
      throw op.refuse(`its output of ${wanted} is longer than an input of ${size} can reach; convert the model again`)
  }
  const attributes = {
    kernel_shape: [l.fixed(kernel, 1), l.fixed(kernel, 2)],
    strides: [...steps],
    pads: [...before, ...after],
    ...(extra.some(Boolean) ? { output_padding: extra } : {}),
  }
  return l.node('ConvTranspose', [l.first(input), kernelOf(l, kernel, [3, 0, 1, 2]), ...biasOf(l, bias)], attributes)
}

function transposeConv(l: Lowering): void {
  const { op } = l
  const refs = { input: op.input(2), kernel: op.input(1), bias: op.optional(3) }
  const value = lowerTransposeConv(l, refs, { padding: paddingOf(l), strides: strides(l) })
  l.give(op.output(), activate(l, value), 'first')
}

export const convRows: Readonly<Record<string, Row>> = {
  CONV_2D: { options: 'Conv2DOptions', lower: (l) => lowerConv(l) },
  DEPTHWISE_CONV_2D: { options: 'DepthwiseConv2DOptions', lower: (l) => lowerConv(l) },
  TRANSPOSE_CONV: {
    options: 'TransposeConvOptions',
    limits: 'fixed sizes',
    lower: transposeConv,
  },
}
