import type { Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import { type Window, channelsFirst, padsOf } from './window.ts'

/** A pooling; what `same` adds is not counted in an average, in TensorFlow and in ONNX alike. */
export function pool(e: Emitter, x: Value, kind: 'Max' | 'Average', window: Omit<Window, 'dilations'>, isLast: boolean): Value {
  const shape = e.shape(x)
  if (shape.length < 3) throw e.fail(`a tensor of ${shape.length} dimensions has nothing to pool`)
  const dilations = window.kernel.map(() => 1)
  const pads = padsOf(e, { ...window, dilations }, isLast ? shape.slice(1, -1) : shape.slice(2))
  return channelsFirst(e, x, isLast, (first) =>
    e.node(`${kind}Pool`, [first], { kernel_shape: [...window.kernel], strides: [...window.strides], ...pads }),
  )
}
