import { Tensor, type TensorData } from '@whittle/ir'

/** `[N, H, W, C]` to `[N, C, H, W]`, and back. */
export const TO_FIRST: readonly number[] = [0, 3, 1, 2]
export const TO_LAST: readonly number[] = [0, 2, 3, 1]

/** The tensor with its axes in another order: axis `i` of the result is axis `perm[i]` of the tensor. */
export function permuted(tensor: Tensor, perm: readonly number[]): Tensor {
  if (perm.every((axis, index) => axis === index)) return tensor
  const dims = perm.map((axis) => tensor.dims[axis]!)
  const data = tensor.data()
  const strides = tensor.dims.map((_, axis) => tensor.dims.slice(axis + 1).reduce((product, dim) => product * dim, 1))
  const steps = perm.map((axis) => strides[axis]!)
  const result = data.slice() as TensorData
  const index = dims.map(() => 0)
  let from = 0
  for (let to = 0; to < tensor.size; to++) {
    result[to] = data[from]!
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += steps[axis]!
      if (++index[axis]! < dims[axis]!) break
      from -= steps[axis]! * dims[axis]!
      index[axis] = 0
    }
  }
  return Tensor.of(tensor.type, dims, result)
}
