import type { Cursor } from './cursor.ts'
import { corrupt } from './error.ts'
import { CODED, LEAST_STATE, MOST_TABLES, PACKED, PRECISION, RAW } from './format.ts'

/** Slots of all tables of a set: symbol, frequency less 1 and place within it, in 8, 12 and 12 bits. */
export type Tables = Int32Array[]

const TOTAL = 1 << PRECISION
const MASK = TOTAL - 1

/** A stream of `count` bytes. @param tables the sets of the file so far. */
export function readStream(cursor: Cursor, count: number, tables: Tables, depth = 0): Uint8Array {
  const layout = cursor.byte()
  if (layout === RAW) return cursor.take(count)
  if (layout === PACKED) return unpack(cursor, count)
  // Classes of classes of classes: nobody writes them.
  if (layout === CODED && depth < 3) return decode(cursor, count, tables, depth + 1)
  throw corrupt('a layout is unknown')
}

/** @throws WeightFileError when a count or an index is over what there is. */
export function bounded(value: number, most: number): number {
  if (value > most) throw corrupt('a number is too large')
  return value
}

function unpack(cursor: Cursor, count: number): Uint8Array {
  const bits = bounded(cursor.byte(), 7)
  const packed = cursor.take(Math.ceil((count * bits) / 8))
  const out = new Uint8Array(count)
  let held = 0
  let width = 0
  for (let i = 0, at = 0; i < count; i++) {
    if (width < bits) {
      held |= packed[at++]! << width
      width += 8
    }
    out[i] = held & ((1 << bits) - 1)
    held >>= bits
    width -= bits
  }
  return out
}

function readTables(cursor: Cursor, tables: Tables): Int32Array {
  const count = cursor.number()
  bounded(
    tables.reduce((sum, { length }) => sum + length / TOTAL, count),
    MOST_TABLES,
  )
  // Each takes at least two bytes of the file.
  bounded(count * 2, cursor.bytes.length - cursor.at)
  const set = new Int32Array(count * TOTAL)
  for (let slot = 0; slot < set.length;) {
    const end = slot + TOTAL
    for (let symbol = 0; slot < end;) {
      const frequency = bounded(cursor.number(), end - slot)
      if (!frequency) symbol += cursor.number()
      for (let place = 0; place < frequency; place++) set[slot++] = (bounded(symbol, 255) << 24) | ((frequency - 1) << PRECISION) | place
      if (frequency) symbol++
    }
  }
  tables.push(set)
  return set
}

/**
 * Range asymmetric numeral systems (Duda 2013) with two states in turn. The table of a symbol is that of the sum of its row's class and its
 * column's class, so that a channel that spreads wider is coded by a wider distribution.
 */
function decode(cursor: Cursor, count: number, tables: Tables, depth: number): Uint8Array {
  const known = cursor.number()
  const set = known ? tables[known - 1] : readTables(cursor, tables)
  if (!set) throw corrupt('tables are missing')
  const rows = cursor.number()
  const inner = rows ? cursor.number() : count
  const columns = rows ? count / rows : count
  const outer = columns / inner
  if (count > 0 && !(Number.isInteger(columns) && Number.isInteger(outer))) throw corrupt('rows do not fit')
  let rowClass: Uint8Array = new Uint8Array(1)
  let columnClass: Uint8Array | undefined
  let places: ArrayLike<number> = [0]
  if (rows) {
    places = cursor.take(cursor.number()).map((table) => bounded(table, set.length / TOTAL - 1))
    rowClass = readStream(cursor, rows, tables, depth)
    columnClass = readStream(cursor, columns, tables, depth)
    bounded(largest(rowClass) + largest(columnClass), places.length - 1)
  }
  bounded(1, set.length)
  const starts = Int32Array.from(places, (table) => table * TOTAL)
  const out = new Uint8Array(count)
  const word = (): number => cursor.byte() | (cursor.byte() << 8)
  let state = word() | (word() << 16)
  let other = word() | (word() << 16)
  const words = cursor.take(2 * cursor.number())
  let at = 0
  let i = 0
  for (let o = 0; i < count; o += inner)
    for (let row = 0; row < rowClass.length; row++) {
      const shift = rowClass[row]!
      for (let column = o; column < o + inner; column++) {
        const entry = set[starts[columnClass ? shift + columnClass[column]! : 0]! + (state & MASK)]!
        let next = Math.imul(((entry >>> PRECISION) & MASK) + 1, state >>> PRECISION) + (entry & MASK)
        if (next < LEAST_STATE) {
          next = (next << 16) | words[at]! | (words[at + 1]! << 8)
          at += 2
        }
        out[i++] = entry >>> 24
        state = other
        other = next
      }
    }
  if (at !== words.length || state !== LEAST_STATE || other !== LEAST_STATE) throw corrupt('symbols do not end')
  return out
}

const largest = (bytes: Uint8Array): number => bytes.reduce((most, byte) => Math.max(most, byte), 0)
