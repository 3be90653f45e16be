import type { Tensor } from './tensor.ts'

/**
 * How a value's numbers are represented with fewer bits. Transforms write it on values, free of any target; the compiler's lowering alone
 * turns it into QuantizeLinear and DequantizeLinear, MatMulNBits, Cast and Mul, or storage.
 */
export type Quantization = IntegerQuantization | CodebookQuantization | FloatQuantization | FullPrecision | DynamicQuantization

/**
 * `real = (q - zeroPoint) * scale`. The tensor of an annotated weight already holds the representable values, so that
 * `q = round(real / scale + zeroPoint)` is exact.
 */
export interface IntegerQuantization extends ScaleGrid {
  readonly kind: 'integer'
  /** Bits of one element, 2 to 16. */
  readonly bits: number
  /** Whether `q` is signed: int8 rather than uint8. */
  readonly signed: boolean
  /** One scale for each part of the grid, row-major: see {@link scaleDims}. All positive and finite. */
  readonly scale: Float32Array
  /** As many as scales; all 0 where the quantization is symmetric. Weights that are only stored may have fractions. */
  readonly zeroPoint: Int32Array | Float32Array
  /** A weight as it was before it was rounded, of the same dims; held in memory only, for what trains through the grid. */
  readonly latent?: Tensor
}

/** `real = levels[q] * scale`: levels that need not be evenly spaced, such as those of k-means. */
export interface CodebookQuantization extends ScaleGrid {
  readonly kind: 'codebook'
  /** Bits of an index, 2 to 8. */
  readonly bits: number
  /** At most `2 ** bits` of them, ascending; the tensor's own. */
  readonly levels: Float32Array
  readonly scale: Float32Array
}

/** Values that float16 represents exactly. */
export interface FloatQuantization {
  readonly kind: 'float16'
}

/** Values that float16 cannot hold: what gives or reads them computes in float32 where the rest computes in float16. */
export interface FullPrecision {
  readonly kind: 'float32'
}

/** An activation that may be rounded to 8 bits at every run, on the range that it then has. */
export interface DynamicQuantization {
  readonly kind: 'dynamic'
}

/** How a tensor is cut into parts that share a scale. */
export interface ScaleGrid {
  /** One scale for each index of this axis; undefined with `block` undefined: one for the whole tensor. */
  readonly axis?: number
  /** And one for each `size` indices of a second axis; the last block may be shorter. */
  readonly block?: { readonly axis: number; readonly size: number }
}

/** The least and the greatest `q`. Signed ranges are symmetric (-127..127), so that negation stays inside. */
export function rangeOf(quantization: Pick<IntegerQuantization, 'bits' | 'signed'>): { min: number; max: number } {
  const { bits, signed } = quantization
  return signed ? { min: -(2 ** (bits - 1) - 1), max: 2 ** (bits - 1) - 1 } : { min: 0, max: 2 ** bits - 1 }
}

/** The shape of a grid's scales: 1 along every axis that shares them, so that it broadcasts against a tensor of `dims` but for blocks. */
export function scaleDims(dims: readonly number[], { axis, block }: ScaleGrid): number[] {
  return dims.map((dim, at) => (at === axis ? dim : at === block?.axis ? Math.ceil(dim / block.size) : 1))
}

/** Which scale each element of a tensor has, row-major. */
export function scaleIndices(dims: readonly number[], grid: ScaleGrid): Uint32Array {
  const size = dims.reduce((a, b) => a * b, 1)
  const indices = new Uint32Array(size)
  const { axis, block } = grid
  const counts = scaleDims(dims, grid)
  const strides = dims.map((_, at) => counts.slice(at + 1).reduce((a, b) => a * b, 1))
  const innerOf = (at: number): number => dims.slice(at + 1).reduce((a, b) => a * b, 1)
  // Each of the two axes adds its part: runs of `inner` elements have one index.
  const add = (at: number, blockSize: number): void => {
    const [inner, dim, stride] = [innerOf(at), dims[at]!, strides[at]!]
    for (let from = 0, index = 0; from < size; from += inner) {
      const part = Math.floor(index / blockSize) * stride
      if (part > 0) for (let element = from; element < from + inner; element++) indices[element]! += part
      if (++index === dim) index = 0
    }
  }
  if (axis !== undefined) add(axis, 1)
  if (block) add(block.axis, block.size)
  return indices
}
