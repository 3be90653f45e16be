import type { ElementName } from './format.ts'

/** The elements as they are, little-endian, in row-major order. */
export interface PlainValues {
  readonly kind: 'plain'
  readonly bytes: Uint8Array
}

/** Elements that are `Math.fround(Math.fround(integer - zeroPoint) * scale)`, then rounded to the tensor's type, float32 or float16. */
export interface AffineValues {
  readonly kind: 'affine'
  /** One for each element, in row-major order; as many bits as `bits` hold, with a sign if the array has one. */
  readonly integers: Int8Array | Uint8Array | Int16Array | Uint16Array
  /** Bits of an integer: 2 to 8, or 16. */
  readonly bits: number
  /** One for the tensor, for each index of `axis`, or for each block (see `blockSize`); in row-major order. */
  readonly scales: Float32Array
  /** As many as scales. @default zeros */
  readonly zeroPoints?: Int32Array
  /** The axis along which scales differ. Without one, the tensor has one scale. */
  readonly axis?: number
  /** So many indices of `axis` share a scale, and every place along the other axes has its own: as ONNX's blocked DequantizeLinear. */
  readonly blockSize?: number
  /** With `blockSize`: only this axis's indices have scales of their own; it must be the only axis on its side of `axis`. */
  readonly channelAxis?: number
}

/** Elements that are entries of a palette. */
export interface PaletteValues {
  readonly kind: 'palette'
  /** An index into the palette for each element, in row-major order. */
  readonly indices: Uint8Array
  /** Float32 entries: up to 256, and with `axis` as many again for each group of channels. */
  readonly palette: Float32Array
  /** The axis of the channels that have palettes of their own. */
  readonly axis?: number
  /** So many channels share a palette. @default 1 */
  readonly groupSize?: number
}

/**
 * Elements of a tensor of a sibling file, and what differs: `values` of kind plain are the elements themselves (the writer takes the difference, the
 * reader gives them back exactly); of another kind, what is added to the base in float32.
 */
export interface DifferenceValues {
  readonly kind: 'difference'
  readonly base: { readonly name: string; readonly bytes: Uint8Array }
  readonly values: PlainValues | AffineValues | PaletteValues
}

export type StoredValues = PlainValues | AffineValues | PaletteValues | DifferenceValues

/** A tensor that is written to a weight file. */
export interface StoredTensor {
  readonly name: string
  readonly type: ElementName
  readonly dims: readonly number[]
  readonly values: StoredValues
}
