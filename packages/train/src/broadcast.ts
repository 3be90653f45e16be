import type { Dim, Value } from '@whittle/ir'
import type { Builder } from './builder.ts'

/**
 * The gradient of a value that was broadcast: `gradient`, of the shape `from`, summed over the axes along which `target` was repeated.
 * Which these are is told from the shapes where they say so, else when the model runs.
 */
export function unbroadcast(b: Builder, gradient: Value, from: readonly Dim[] | undefined, target: Value): Value {
  const to = target.shape
  if (from && to) {
    const lead = from.length - to.length
    const axes = from.flatMap((dim, axis) => {
      if (axis < lead) return [axis]
      const own = to[axis - lead]!
      if (own === dim) return []
      if (own === 1) return [axis]
      // A fixed dim that is not 1 was not repeated; a free one may be 1.
      return typeof own === 'number' ? [] : [undefined]
    })
    if (!axes.includes(undefined)) {
      const known = axes as number[]
      const sum = b.sum(gradient, known)
      if (lead === 0) return sum
      const leading = known.filter((axis) => axis < lead)
      return leading.length === known.length ? b.sum(gradient, known, false) : b.op('Squeeze', [sum, b.ints(leading)])
    }
  }
  const shape = b.shapeOf(target)
  const whole = b.op('Shape', [gradient])
  // The target's shape, ones before it up to the gradient's rank.
  const missing = b.op('Sub', [b.op('Shape', [whole]), b.op('Shape', [shape])])
  const aligned = b.concat([b.op('Expand', [b.ints([1]), missing]), shape])
  const differs = b.op('Not', [b.equal(aligned, whole)])
  const axes = b.op('Squeeze', [b.op('NonZero', [differs]), b.ints([0])])
  return b.op('Reshape', [b.op('ReduceSum', [gradient, axes], { keepdims: 1, noop_with_empty_axes: 1 }), shape])
}
