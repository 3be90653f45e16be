/** What writer and reader agree on; FORMAT.md says the rest. */

/** `WHTL`, little-endian. */
export const MAGIC = 0x4c544857
export const VERSION = 1
/** Magic, version, bytes of the file, bytes of the header: a uint32 each. */
export const PRELUDE = 16
export const CHECKSUM = 4

/** Forms of a tensor. */
export const SAME = 0
export const PLAIN = 1
export const PLANES = 2
export const SPARSE_PLANES = 3
export const AFFINE = 4
export const PALETTE = 5
export const DIFFERENCE = 6

/** Layouts of a stream of bytes. */
export const RAW = 0
export const PACKED = 1
export const CODED = 2

/** Frequencies of the coder add up to 2 ** this. */
export const PRECISION = 12
/** The least state of the coder. */
export const LEAST_STATE = 2 ** 15
/** Tables of frequencies that a file may hold: each takes 16 kB of the reader's memory. */
export const MOST_TABLES = 1024

/** Bytes of an element. */
export const SIZES = {
  float64: 8,
  int64: 8,
  uint64: 8,
  float32: 4,
  int32: 4,
  uint32: 4,
  float16: 2,
  bfloat16: 2,
  int16: 2,
  uint16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
} as const

/** Element types that a weight file holds. */
export type ElementName = keyof typeof SIZES

/** Any JSON value. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }
