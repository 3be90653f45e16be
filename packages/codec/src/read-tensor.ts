import type { Cursor } from './cursor.ts'
import { WeightFileError, corrupt, shown } from './error.ts'
import { AFFINE, DIFFERENCE, PALETTE, PLAIN, PLANES, SAME, SIZES, SPARSE_PLANES, type ElementName } from './format.ts'
import { type Tables, bounded, readStream } from './read-stream.ts'
import { toFloat16 } from './float16.ts'

/** A tensor of a weight file. */
export interface DecodedTensor {
  readonly name: string
  readonly type: ElementName
  readonly dims: readonly number[]
  /** The elements, little-endian, in row-major order; a bool is a byte. */
  readonly bytes: Uint8Array
}

/** What a section may lean on. */
export interface Surroundings {
  readonly tables: Tables
  readonly earlier: readonly DecodedTensor[]
  /** The bytes of a tensor of a sibling file. */
  base(name: string): Uint8Array | undefined
}

/** Reads the elements of a tensor of `count` elements into `out`, which begins at a multiple of their size. */
export function readTensor(cursor: Cursor, type: ElementName, count: number, out: Uint8Array, around: Surroundings): void {
  const form = cursor.byte()
  const size = SIZES[type]
  const { tables } = around
  if (form === SAME) {
    const { bytes } = around.earlier[cursor.number()] ?? {}
    if (bytes?.length !== out.length) throw corrupt('its equal is missing')
    out.set(bytes)
  } else if (form === PLAIN) out.set(readStream(cursor, out.length, tables))
  else if (form === PLANES) readPlanes(cursor, count, size, out, tables)
  else if (form === SPARSE_PLANES) {
    const mask = readStream(cursor, count, tables)
    const rest = new Uint8Array(mask.reduce((sum, item) => sum + (item && size), 0))
    readPlanes(cursor, rest.length / size, size, rest, tables)
    let at = 0
    mask.forEach((item, i) => out.set(item ? rest.subarray(at, (at += size)) : new Uint8Array(size), i * size))
  } else if (form === DIFFERENCE) readDifference(cursor, type, count, out, around)
  else if (form === AFFINE || form === PALETTE) {
    const values = readValues(cursor, form, count, type === 'float32' ? out : undefined, tables)
    if (type === 'float16') toFloat16(values, new Uint16Array(out.buffer, out.byteOffset, count))
    else if (type !== 'float32') throw corrupt('elements are no floats')
  } else throw corrupt('a form is unknown')
}

/** A stream for the first byte of each element, one for the second, and so on. */
function readPlanes(cursor: Cursor, count: number, size: number, out: Uint8Array, tables: Tables): Uint8Array {
  for (let plane = 0; plane < size; plane++) readStream(cursor, count, tables).forEach((byte, i) => (out[i * size + plane] = byte))
  return out
}

/** `count` elements of four bytes each, that stand in planes. */
const words = (cursor: Cursor, count: number, tables: Tables): ArrayBuffer =>
  readPlanes(cursor, count, 4, new Uint8Array(count * 4), tables).buffer as ArrayBuffer

/** Values of integers or of indices: what each stands for depends on the group of its channel. */
function readValues(cursor: Cursor, form: number, count: number, out: Uint8Array | undefined, tables: Tables): Float32Array {
  // Bits of integers, or entries of a palette less 1.
  const entries = cursor.byte() + 1
  const flags = cursor.byte()
  const offset = cursor.number()
  const outer = cursor.number()
  const channels = cursor.number()
  const inner = cursor.number()
  const block = cursor.number()
  if (outer * channels * inner !== count || !block) throw corrupt('channels do not fit')
  // Where the group of an element stands: by its place beside the channels, the block of its channel, and its place before them.
  const innerStep = flags & 4 ? 1 : 0
  const blockStep = flags & 4 ? inner : 1
  const outerStep = flags & 16 ? Math.ceil(channels / block) * blockStep : 0
  const groups = (outerStep ? outer : 1) * Math.ceil(channels / block) * blockStep
  const perGroup = form === PALETTE ? entries : 1
  bounded(groups * perGroup, count + 255)
  const low = readStream(cursor, count, tables)
  const high = flags & 8 ? readStream(cursor, count, tables) : undefined
  const table = new Float32Array(words(cursor, groups * perGroup, tables))
  const zeros = new Int32Array(flags & 2 ? words(cursor, groups, tables) : new ArrayBuffer(groups * 4))
  const values = out ? new Float32Array(out.buffer, out.byteOffset, count) : new Float32Array(count)
  let i = 0
  for (let o = 0; o < outer; o++)
    for (let channel = 0; channel < channels; channel++) {
      let group = o * outerStep + Math.floor(channel / block) * blockStep
      for (let k = 0; k < inner; k++, i++, group += innerStep) {
        const index = high ? low[i]! | (high[i]! << 8) : low[i]!
        if (form === PALETTE) {
          if (index >= entries) throw corrupt('a palette index is out of range')
          values[i] = table[group * entries + index]!
        } else values[i] = Math.fround(index - offset - zeros[group]!) * table[group]!
      }
    }
  return values
}

/** Elements that are another tensor's, to whose bytes differences are added, or to whose floats. */
function readDifference(cursor: Cursor, type: ElementName, count: number, out: Uint8Array, around: Surroundings): void {
  const name = new TextDecoder().decode(cursor.take(cursor.number()))
  const base = around.base(name)
  if (base?.length !== out.length) throw new WeightFileError('WEIGHT_FILE_BASE', `no base ${shown(name)} of this size`)
  const form = cursor.bytes[cursor.at]!
  if (form === DIFFERENCE) throw corrupt('a difference to a difference')
  readTensor(cursor, type, count, out, around)
  if (form === PLAIN || form === PLANES) for (let i = 0; i < out.length; i++) out[i]! += base[i]!
  else if (type === 'float32') {
    const values = new Float32Array(out.buffer, out.byteOffset, count)
    const others = new Float32Array(new Uint8Array(base).buffer)
    for (let i = 0; i < count; i++) values[i]! += others[i]!
  } else throw corrupt('a difference of this form')
}
