/** ONNX element types that the IR computes with or carries, with their storage. */
const ELEMENT_TYPES = {
  float32: { bits: 32, kind: 'float' },
  float64: { bits: 64, kind: 'float' },
  float16: { bits: 16, kind: 'float' },
  bfloat16: { bits: 16, kind: 'float' },
  float8e4m3fn: { bits: 8, kind: 'float' },
  float8e4m3fnuz: { bits: 8, kind: 'float' },
  float8e5m2: { bits: 8, kind: 'float' },
  float8e5m2fnuz: { bits: 8, kind: 'float' },
  float8e8m0: { bits: 8, kind: 'float' },
  float6e2m3: { bits: 6, kind: 'float' },
  float6e3m2: { bits: 6, kind: 'float' },
  float4e2m1: { bits: 4, kind: 'float' },
  int8: { bits: 8, kind: 'int' },
  int16: { bits: 16, kind: 'int' },
  int32: { bits: 32, kind: 'int' },
  int64: { bits: 64, kind: 'int' },
  int4: { bits: 4, kind: 'int' },
  int2: { bits: 2, kind: 'int' },
  uint8: { bits: 8, kind: 'uint' },
  uint16: { bits: 16, kind: 'uint' },
  uint32: { bits: 32, kind: 'uint' },
  uint64: { bits: 64, kind: 'uint' },
  uint4: { bits: 4, kind: 'uint' },
  uint2: { bits: 2, kind: 'uint' },
  bool: { bits: 8, kind: 'bool' },
  complex64: { bits: 64, kind: 'complex' },
  complex128: { bits: 128, kind: 'complex' },
  string: { bits: 0, kind: 'string' },
} as const

export type ElementType = keyof typeof ELEMENT_TYPES

export type ElementKind = (typeof ELEMENT_TYPES)[ElementType]['kind']

/** Every element type, by name. */
export const elementTypes = Object.keys(ELEMENT_TYPES) as ElementType[]

/** Bits of one element; 0 for strings, which have no fixed size. */
export function bitsOf(type: ElementType): number {
  return ELEMENT_TYPES[type].bits
}

export function kindOf(type: ElementType): ElementKind {
  return ELEMENT_TYPES[type].kind
}

/** Bytes that `size` elements take; types of less than 8 bits are packed without gaps, the first in the low bits of the first byte. */
export function byteLengthOf(type: ElementType, size: number): number {
  return Math.ceil((bitsOf(type) * size) / 8)
}
