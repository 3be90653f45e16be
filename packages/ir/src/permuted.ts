import { Tensor, type TensorData } from './tensor.ts'

/** A tensor with its axes in another order: axis `at` of the result is axis `perm[at]` of the tensor. Elements of a byte or more. */
export function permuted(tensor: Tensor, perm: readonly number[]): Tensor {
  if (perm.every((axis, at) => axis === at)) return tensor
  const { dims, type, size } = tensor
  const shape = perm.map((axis) => dims[axis]!)
  const strides = dims.map((_, at) => dims.slice(at + 1).reduce((product, dim) => product * dim, 1))
  const steps = perm.map((axis) => strides[axis]!)
  const data = tensor.data()
  const result = data.slice() as TensorData
  const index = shape.map(() => 0)
  let from = 0
  for (let to = 0; to < size; to++) {
    result[to] = data[from]!
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis]!
      if (++index[axis]! < shape[axis]!) break
      from -= steps[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return Tensor.of(type, shape, result)
}
