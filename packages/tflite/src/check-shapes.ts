import { type Model, ModelError } from '@whittle/ir'
import type { Lowering } from './lowering.ts'

/** Holds what the file says of its tensors against what the nodes give: SAME padding was computed from it. */
export function checkShapes(model: Model, l: Lowering): void {
  for (const { ref, value, layout } of l.given()) {
    const { name, dims } = l.info(ref)
    const stated = layout === 'first' ? [0, 3, 1, 2].map((axis) => dims[axis]!) : dims
    const { shape } = value
    if (!shape || value.graph !== model.graph) continue
    const isSame =
      shape.length === stated.length && shape.every((dim, axis) => typeof dim !== 'number' || stated[axis]! < 0 || dim === stated[axis])
    if (!isSame)
      throw new ModelError(
        'TFLITE_SHAPE',
        `tensor '${name}' is said to be [${stated}], and what gives it makes it [${shape}]; convert the model again`,
      )
  }
}
