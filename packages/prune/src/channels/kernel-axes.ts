import { type Model, type Weight, weightsOf } from '@whittle/ir'
import type { Dependencies, Siblings, ValueAxis } from './dependencies.ts'

/** An axis of channels of a kernel. */
export interface KernelAxis {
  readonly weight: Weight
  readonly axis: ValueAxis
  readonly side: 'input' | 'output'
}

/** The kernels of a model whose elements are floats. */
export function kernelsOf(model: Model): Weight[] {
  return weightsOf(model).filter(
    ({ role, value, tensor }) => (role === 'kernel' || role === 'recurrent') && value.tensor && tensor.type === 'float32',
  )
}

/** The axes of kernels among those of each set of siblings. */
export function kernelAxesOf(model: Model, { siblings, axisOf }: Dependencies): Map<Siblings, KernelAxis[]> {
  const byAxis = new Map<ValueAxis, KernelAxis>()
  for (const weight of kernelsOf(model))
    for (const [side, at] of [
      ['output', weight.outputAxis],
      ['input', weight.inputAxis],
    ] as const) {
      // prettier-ignore
      const axis = at === undefined ? undefined : axisOf(weight.value, at)
      if (axis && !byAxis.has(axis)) byAxis.set(axis, { weight, axis, side })
    }
  return new Map(siblings.map((set) => [set, set.axes.flatMap((axis) => byAxis.get(axis) ?? [])]))
}
