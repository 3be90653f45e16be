import type { Lowering } from '../lowering.ts'
import { lowerTransposeConv } from './conv.ts'
import type { Row } from './row.ts'

/** `TfLiteTransposeConvParams` as it lies in memory: padding (1 SAME, 2 VALID), and the strides by width and height. */
function transposeConvBias(l: Lowering): void {
  const { op } = l
  const bytes = op.customOptions
  if (!bytes || bytes.length < 12) throw op.fail('its options are cut short')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [padding, width, height] = [0, 4, 8].map((at) => view.getInt32(at, true)) as [number, number, number]
  if ((padding !== 1 && padding !== 2) || width < 1 || height < 1)
    throw op.fail(`its padding is ${padding}, its strides ${height}, ${width}`)
  const window = { padding: padding === 1 ? ('SAME' as const) : ('VALID' as const), strides: [height, width] as [number, number] }
  l.give(op.output(), lowerTransposeConv(l, { input: op.input(0), kernel: op.input(1), bias: op.optional(2) }, window), 'first')
}

/** MediaPipe's custom ops. */
export const customRows: Readonly<Record<string, Row>> = {
  Convolution2DTransposeBias: { lower: transposeConvBias, limits: "MediaPipe's; fixed sizes" },
}
