import { type Quantization, type ScaleGrid, Tensor, permuted, scaleDims } from '@whittle/ir'

/** A weight as the file holds it: representable values, and the grid on which they lie. */
export interface Stored {
  readonly tensor: Tensor
  readonly quantization: Quantization | undefined
}

/** The axes of a weight in another order; its grid follows. */
export function permutedWeight({ tensor, quantization }: Stored, perm: readonly number[]): Stored {
  return { tensor: permuted(tensor, perm), quantization: quantization && permutedGrid(tensor.dims, quantization, perm) }
}

function permutedGrid(dims: readonly number[], quantization: Quantization, perm: readonly number[]): Quantization {
  if (quantization.kind !== 'integer' && quantization.kind !== 'codebook') return quantization
  const parts = scaleDims(dims, quantization)
  const moved = (numbers: Float32Array): Float32Array => permuted(Tensor.float32(parts, numbers), perm).toFloat32()
  const { axis, block } = quantization
  const grid: ScaleGrid = {
    ...(axis === undefined ? {} : { axis: perm.indexOf(axis) }),
    ...(block ? { block: { ...block, axis: perm.indexOf(block.axis) } } : {}),
  }
  if (quantization.kind === 'codebook') return { ...quantization, ...grid, scale: moved(quantization.scale) }
  return { ...quantization, ...grid, scale: moved(quantization.scale), zeroPoint: moved(Float32Array.from(quantization.zeroPoint)) }
}
