import { Tensor } from '@whittle/ir'
import type { Lowering } from '../lowering.ts'
import type { Row } from './row.ts'

/** Real numbers: a constant becomes another constant, and what is quantized is real already. */
function dequantize(l: Lowering): void {
  const { op } = l
  const [input, output] = [op.input(0), op.output()]
  const constant = l.constant(input)
  if (constant?.type === 'float16') return l.setConstant(output, Tensor.float32(constant.dims, constant.toFloat32()))
  if (l.info(input).type === 'float16') return l.keep(input, output, (value) => l.cast(value, 'float32'))
  if (!l.info(input).affine) throw op.fail('its input has no scale')
  l.keep(input, output, (value) => l.node('Identity', [value]))
}

function cast(l: Lowering): void {
  const { op } = l
  const [input, output] = [op.input(0), op.output()]
  const [from, to] = [l.info(input).type, l.info(output).type]
  l.keep(input, output, (value) => (from === to || l.isQuantized(output) ? l.node('Identity', [value]) : l.cast(value, to)))
}

export const quantizeRows: Readonly<Record<string, Row>> = {
  QUANTIZE: { lower: (l) => l.keep(l.op.input(0), l.op.output(), (value) => l.node('Identity', [value])) },
  DEQUANTIZE: { lower: dequantize },
  DENSIFY: {
    lower(l) {
      const constant = l.constant(l.op.input(0))
      if (!constant) throw l.op.fail('its input is no constant')
      l.setConstant(l.op.output(), constant)
    },
  },
  CAST: { lower: cast },
}
