import { type Kernel, numberOf, tensorOf } from './kernel.ts'
import { broadcast, sizeOf } from './machine.ts'

/**
 * _FusedMatMul with weights: x [..., K], w [K, N], bias [N]. Rows are one batch, which is the form that XNNPACK computes.
 */
export const dense: Kernel = (machine, name, inputs, attributes) => {
  const [x, w] = [tensorOf(inputs[0]), tensorOf(inputs[1])]
  const [depth, features] = w.shape as [number, number]
  const rows = sizeOf(x.shape) / depth
  const out = machine.make([...x.shape.slice(0, -1), features])
  const idOf = (at: number): number => (inputs[at] ? tensorOf(inputs[at]).buffer.id : 0)
  const left = [x.buffer.id, machine.list([1, rows, depth]), 3]
  const right = [w.buffer.id, machine.list([1, depth, features]), 3]
  const fused = [numberOf(attributes, 'activation', 0), idOf(2), idOf(3), numberOf(attributes, 'alpha', 0)]
  machine.call(name, ...left, ...right, 0, 0, ...fused, out.buffer.id)
  return out
}

/** BatchMatMul: a [..., M, K], b [..., K, N], with `transposeB` b [..., N, K]. Batches of one side may be 1. */
export const matMul: Kernel = (machine, name, inputs, attributes) => {
  const [a, b] = [tensorOf(inputs[0]), tensorOf(inputs[1])]
  const transposed = attributes['transposeB'] ? 1 : 0
  const [rows] = a.shape.slice(-2) as [number, number]
  const features = b.shape.at(transposed ? -2 : -1)!
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2))
  const out = machine.make([...batch, rows, features])
  const three = (shape: readonly number[]): number => machine.list([sizeOf(shape.slice(0, -2)), ...shape.slice(-2)])
  machine.call(name, a.buffer.id, three(a.shape), 3, b.buffer.id, three(b.shape), 3, 0, transposed, out.buffer.id)
  return out
}
