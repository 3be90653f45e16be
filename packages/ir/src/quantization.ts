/**
 * How a value's numbers are represented with fewer bits. Transforms write it on values, free of any target; the compiler's lowering alone
 * turns it into QuantizeLinear and DequantizeLinear, Cast and Mul, or storage.
 */
export type Quantization = IntegerQuantization | FloatQuantization

/**
 * `real = (q - zeroPoint) * scale`. The tensor of an annotated weight already holds the representable values, so that
 * `q = round(real / scale) + zeroPoint` is exact.
 */
export interface IntegerQuantization {
  readonly kind: 'integer'
  /** Bits of one element, 2 to 16. */
  readonly bits: number
  /** Whether `q` is signed: int8 rather than uint8. */
  readonly signed: boolean
  /** One scale (per tensor) or one per index of `axis`. All positive and finite. */
  readonly scale: Float32Array
  /** As many as scales; all 0 where the quantization is symmetric. */
  readonly zeroPoint: Int32Array
  /** The axis of the scales; undefined when there is one for the whole tensor. */
  readonly axis?: number
}

/** Values that float16 represents exactly. */
export interface FloatQuantization {
  readonly kind: 'float16'
}

/** The least and the greatest `q`. Signed ranges are symmetric (-127..127), so that negation stays inside. */
export function rangeOf(quantization: Pick<IntegerQuantization, 'bits' | 'signed'>): { min: number; max: number } {
  const { bits, signed } = quantization
  return signed ? { min: -(2 ** (bits - 1) - 1), max: 2 ** (bits - 1) - 1 } : { min: 0, max: 2 ** bits - 1 }
}
