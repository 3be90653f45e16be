import type { Node, Value } from '@whittle/ir'
import type { Attributes } from '../run/program.ts'
import { type ProgramWriter, onlyReader } from './writer.ts'

/** An activation that a kernel computes on its way out, as TensorFlow.js numbers them, and the value that it gives. */
export interface Fused {
  readonly attributes: Record<string, Attributes[string]>
  readonly output: Value
}

/** Takes the op after a value in, where the kernels can. */
export function fuseActivation(writer: ProgramWriter, value: Value): Fused {
  const reader = onlyReader(value)
  const attributes = reader && reader.inputs[0] === value ? activationOf(reader) : undefined
  if (!reader || !attributes) return { attributes: {}, output: value }
  writer.fused.add(reader)
  return { attributes, output: reader.output }
}

function activationOf(node: Node): Fused['attributes'] | undefined {
  switch (node.type) {
    case 'Relu':
      return { activation: 1 }
    case 'Clip': {
      const [low, high] = boundsOf(node)
      return low === 0 && high === 6 ? { activation: 2 } : low === 0 && high === Infinity ? { activation: 1 } : undefined
    }
    case 'LeakyRelu':
      return { activation: 4, alpha: node.float('alpha', 0.01) }
    case 'Sigmoid':
      return { activation: 5 }
    case 'Elu':
      return node.float('alpha', 1) === 1 ? { activation: 6 } : undefined
    default:
      return undefined
  }
}

/** What a Clip cuts off, where both are constants. */
export function boundsOf(node: Node): [low: number, high: number] | [undefined, undefined] {
  const bound = (at: number, none: number): number | undefined => {
    const value = node.inputs[at]
    return value ? value.tensor?.toNumbers()[0] : none
  }
  const [low, high] = [bound(1, -Infinity), bound(2, Infinity)]
  return low === undefined || high === undefined ? [undefined, undefined] : [low, high]
}
