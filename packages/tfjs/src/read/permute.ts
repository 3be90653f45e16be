import { Tensor, type TensorData } from '@whittle/ir'

/** The tensor with its axes in another order: axis `i` of the result is axis `perm[i]` of the tensor. */
export function permuted(tensor: Tensor, perm: readonly number[]): Tensor {
  const dims = perm.map((axis) => tensor.dims[axis]!)
  const data = tensor.data()
  const strides = stridesOf(tensor.dims)
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

function stridesOf(dims: readonly number[]): number[] {
  const strides = dims.map(() => 1)
  for (let axis = dims.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * dims[axis + 1]!
  return strides
}

export function inverse(perm: readonly number[]): number[] {
  const result = perm.map(() => 0)
  perm.forEach((axis, index) => (result[axis] = index))
  return result
}
