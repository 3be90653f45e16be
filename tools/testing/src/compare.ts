import { createHash } from 'node:crypto'
import { type Model, type Tensor, printModel } from '@whittle/ir'

/**
 * The largest difference of two tensors, relative to the largest magnitude of the first; Infinity where type, dims or the places of
 * what is not finite differ.
 */
export function differenceOf(expected: Tensor, actual: Tensor): number {
  if (expected.type !== actual.type || expected.dims.join() !== actual.dims.join()) return Infinity
  const [a, b] = [expected.toNumbers(), actual.toNumbers()]
  let [largest, difference] = [0, 0]
  for (let index = 0; index < a.length; index++) {
    const [left, right] = [a[index]!, b[index]!]
    if (Object.is(left, right) || left === right) {
      if (Number.isFinite(left)) largest = Math.max(largest, Math.abs(left))
      continue
    }
    if (!Number.isFinite(left) || !Number.isFinite(right)) return Infinity
    largest = Math.max(largest, Math.abs(left))
    difference = Math.max(difference, Math.abs(left - right))
  }
  return difference === 0 ? 0 : difference / (largest || 1)
}

/** All of a model: its text and a hash of every initializer's bytes. Equal models have equal fingerprints. */
export function fingerprint(model: Model): string {
  const hashes = [...model.initializers()].map((value) => {
    const tensor = value.tensor!
    const bytes = tensor.type === 'string' ? JSON.stringify(tensor.strings()) : tensor.bytes()
    return `${value.name} ${createHash('sha256').update(bytes).digest('hex')}`
  })
  return [printModel(model), ...hashes].join('\n')
}
