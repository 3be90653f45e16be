import { type Quantization, type ScaleGrid, Tensor, scaleDims } from '@whittle/ir'

/** A weight as the file holds it: representable values, and the grid on which they lie. */
export interface Stored {
  readonly tensor: Tensor
  readonly quantization: Quantization | undefined
}

/** The axes of a weight in another order; its grid follows. */
export function permuted({ tensor, quantization }: Stored, perm: readonly number[]): Stored {
  return { tensor: permute(tensor, perm), quantization: quantization && permutedGrid(tensor.dims, quantization, perm) }
}

function permutedGrid(dims: readonly number[], quantization: Quantization, perm: readonly number[]): Quantization {
  if (quantization.kind !== 'integer' && quantization.kind !== 'codebook') return quantization
  const parts = scaleDims(dims, quantization)
  const moved = (numbers: Float32Array): Float32Array => permute(Tensor.float32(parts, numbers), perm).toFloat32()
  const { axis, block } = quantization
  const grid: ScaleGrid = {
    ...(axis === undefined ? {} : { axis: perm.indexOf(axis) }),
    ...(block ? { block: { ...block, axis: perm.indexOf(block.axis) } } : {}),
  }
  if (quantization.kind === 'codebook') return { ...quantization, ...grid, scale: moved(quantization.scale) }
  return { ...quantization, ...grid, scale: moved(quantization.scale), zeroPoint: moved(Float32Array.from(quantization.zeroPoint)) }
}

/** A tensor with its axes in another order: axis `at` of the result is axis `perm[at]` of `tensor`. */
export function permute(tensor: Tensor, perm: readonly number[]): Tensor {
  const { dims, type } = tensor
  const strides = dims.map((_, at) => dims.slice(at + 1).reduce((a, b) => a * b, 1))
  const shape = perm.map((axis) => dims[axis]!)
  const steps = perm.map((axis) => strides[axis]!)
  const from = tensor.toNumbers()
  const to = new Array<number>(from.length)
  const index = shape.map(() => 0)
  let place = 0
  for (let at = 0; at < to.length; at++) {
    to[at] = from[place]!
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += steps[axis]!
      if (++index[axis]! < shape[axis]!) break
      place -= steps[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return Tensor.of(type, shape, to)
}
