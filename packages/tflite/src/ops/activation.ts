import type { Value } from '@whittle/ir'
import type { Lowering } from '../lowering.ts'
import { ACTIVATION_FUNCTION_TYPE } from '../schema/tables.ts'
import type { Row } from './row.ts'

function clip(l: Lowering, value: Value, low: number, high: number): Value {
  return l.node('Clip', [value, l.scalar(low), l.scalar(high)])
}

/** Emits the activation that is fused into an op. */
export function activate(l: Lowering, value: Value, option = l.op.number('fusedActivationFunction')): Value {
  const name = ACTIVATION_FUNCTION_TYPE[option]
  switch (name) {
    case 'NONE':
      return value
    case 'RELU':
      return l.node('Relu', [value])
    case 'RELU6':
      return clip(l, value, 0, 6)
    case 'RELU_N1_TO_1':
      return clip(l, value, -1, 1)
    case 'TANH':
      return l.node('Tanh', [value])
    default:
      throw l.op.refuse(
        `the fused activation ${name ?? option} is not supported; convert the model with the activation as an op of its own`,
      )
  }
}

const single = (emit: (l: Lowering, value: Value) => Value, options?: string): Row => ({
  ...(options ? { options } : {}),
  lower: (l) => l.keep(l.op.input(0), l.op.output(), (value) => emit(l, value)),
})

/** Softmax over the last axis of the file. */
const softmax =
  (name: string): Row['lower'] =>
  (l) => {
    const { op } = l
    const beta = name === 'Softmax' ? op.number('beta') : 1
    l.keep(op.input(0), op.output(), (value, layout) => {
      const axis = l.axisIn(l.rank(op.input(0)) - 1, layout)
      return l.node(name, [beta === 1 ? value : l.node('Mul', [value, l.scalar(beta)])], { axis })
    })
  }

export const activationRows: Readonly<Record<string, Row>> = {
  RELU: single((l, value) => l.node('Relu', [value])),
  RELU6: single((l, value) => clip(l, value, 0, 6)),
  RELU_N1_TO_1: single((l, value) => clip(l, value, -1, 1)),
  RELU_0_TO_1: single((l, value) => clip(l, value, 0, 1)),
  TANH: single((l, value) => l.node('Tanh', [value])),
  LOGISTIC: single((l, value) => l.node('Sigmoid', [value])),
  HARD_SWISH: single((l, value) => l.node('HardSwish', [value])),
  ELU: single((l, value) => l.node('Elu', [value])),
  LEAKY_RELU: single(
    (l, value) => l.node('LeakyRelu', [value], { alpha: { type: 'float', value: l.op.number('alpha') } }),
    'LeakyReluOptions',
  ),
  GELU: single((l, value) => l.node('Gelu', [value], { approximate: l.op.flag('approximate') ? 'tanh' : 'none' }), 'GeluOptions'),
  PRELU: { lower: (l) => l.together([l.op.input(0), l.op.input(1)], l.op.output(), (values) => l.node('PRelu', values)) },
  SOFTMAX: { options: 'SoftmaxOptions', lower: softmax('Softmax') },
  LOG_SOFTMAX: { lower: softmax('LogSoftmax') },
}
