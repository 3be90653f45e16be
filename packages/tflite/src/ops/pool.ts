import type { Value } from '@whittle/ir'
import type { Lowering } from '../lowering.ts'
import { activate } from './activation.ts'
import type { Row } from './row.ts'
import { strides, windowAttributes } from './window.ts'

const pool = (emit: (l: Lowering, value: Value, attributes: ReturnType<typeof windowAttributes>) => Value): Row => ({
  options: 'Pool2DOptions',
  lower(l) {
    const input = l.op.input(0)
    const window = { kernel: [l.op.number('filterHeight'), l.op.number('filterWidth')] as [number, number], strides: strides(l) }
    l.give(l.op.output(), activate(l, emit(l, l.first(input), windowAttributes(l, input, window))), 'first')
  },
})

export const poolRows: Readonly<Record<string, Row>> = {
  MAX_POOL_2D: pool((l, value, attributes) => l.node('MaxPool', [value], attributes)),
  AVERAGE_POOL_2D: pool((l, value, attributes) => l.node('AveragePool', [value], attributes)),
  L2_POOL_2D: pool((l, value, attributes) => l.node('Sqrt', [l.node('AveragePool', [l.node('Mul', [value, value])], attributes)])),
  LOCAL_RESPONSE_NORMALIZATION: {
    options: 'LocalResponseNormalizationOptions',
    lower(l) {
      const { op } = l
      const size = 2 * op.number('radius') + 1
      if (!(size >= 1)) throw op.fail(`its radius is ${op.number('radius')}`)
      const float = (value: number): { type: 'float'; value: number } => ({ type: 'float', value })
      const attributes = { size, alpha: float(op.number('alpha') * size), beta: float(op.number('beta')), bias: float(op.number('bias')) }
      l.give(op.output(), l.node('LRN', [l.first(op.input(0))], attributes), 'first')
    },
  },
}
