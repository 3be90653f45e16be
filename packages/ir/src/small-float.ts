import type { ElementType } from './element-type.ts'

/** Bits of the fraction, the exponent's bias, and what has no number: 'ieee' infinities and NaN, 'all' the all-ones pattern, 'zero' minus zero. */
interface Format {
  readonly bits: number
  readonly fraction: number
  readonly bias: number
  readonly nan?: 'ieee' | 'all' | 'zero'
}

/**
 * The float types of 8 bits and less. float8e4m3fn and float8e5m2: https://arxiv.org/abs/2209.05433; those in `uz`:
 * https://arxiv.org/abs/2206.02915; float4, float6 and float8e8m0: OCP Microscaling Formats 1.0.
 */
const FORMATS: Partial<Record<ElementType, Format>> = {
  float8e4m3fn: { bits: 8, fraction: 3, bias: 7, nan: 'all' },
  float8e4m3fnuz: { bits: 8, fraction: 3, bias: 8, nan: 'zero' },
  float8e5m2: { bits: 8, fraction: 2, bias: 15, nan: 'ieee' },
  float8e5m2fnuz: { bits: 8, fraction: 2, bias: 16, nan: 'zero' },
  float6e2m3: { bits: 6, fraction: 3, bias: 1 },
  float6e3m2: { bits: 6, fraction: 2, bias: 3 },
  float4e2m1: { bits: 4, fraction: 1, bias: 1 },
}

/** The value of each bit pattern; undefined for types that are no small floats. */
export function smallFloats(type: ElementType): Float64Array | undefined {
  if (type === 'float8e8m0') return Float64Array.from({ length: 256 }, (_, bits) => (bits === 255 ? NaN : 2 ** (bits - 127)))
  const format = FORMATS[type]
  return format && Float64Array.from({ length: 2 ** format.bits }, (_, bits) => valueOf(bits, format))
}

function valueOf(pattern: number, { bits, fraction, bias, nan }: Format): number {
  const half = 2 ** (bits - 1)
  const sign = pattern >= half ? -1 : 1
  const magnitude = pattern % half
  if (nan === 'zero' && pattern === half) return NaN
  if (nan === 'all' && magnitude === half - 1) return NaN
  const [exponent, rest] = [magnitude >> fraction, magnitude % 2 ** fraction]
  if (nan === 'ieee' && exponent === 2 ** (bits - 1 - fraction) - 1) return rest === 0 ? sign * Infinity : NaN
  const step = 2 ** (Math.max(exponent, 1) - bias - fraction)
  return sign * step * (rest + (exponent === 0 ? 0 : 2 ** fraction))
}
