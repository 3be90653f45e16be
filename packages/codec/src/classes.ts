import { COSTS, frequenciesOf } from './frequencies.ts'
import type { Grid } from './grid.ts'

/** Symbols that share tables with others. */
export interface Symbols {
  readonly bytes: Uint8Array
  readonly grid: Grid
}

/** Which table codes a symbol: that of its row's class plus its column's class, held within 0 and `tables.length - 1`. */
export interface Classes {
  readonly rows: Int32Array
  readonly columns: Int32Array
}

export interface Model {
  readonly tables: readonly Uint16Array[]
  /** For each of the symbols that the model was made for. */
  readonly classes: readonly Classes[]
}

/** Classes to an octave of spread: with 4, the recogniser's classes cost more than they gain. */
const RESOLUTION = 2
const MOST = 24
const ROUNDS = 3
/** How far a class may move in a round. */
const REACH = 2

export type Which = 'both' | 'rows' | 'none'

/**
 * Tables for how far symbols lie from their median, and for every row and column the class that codes it shortest: spreads first, then rounds of
 * both by what they cost.
 */
export function modelOf(all: readonly Symbols[], which: Which): Model {
  if (which === 'none') {
    const classes = all.map(({ grid }) => blank(grid))
    return { tables: tablesOf(all, classes, 1), classes }
  }
  const starts = all.map((symbols) => spreads(symbols, which))
  const least = starts.reduce((all, { rows }) => rows.reduce(min, all), Infinity)
  for (const { rows } of starts) for (let row = 0; row < rows.length; row++) rows[row]! -= least
  const most = Math.max(...starts.map(({ rows, columns }) => rows.reduce(max, 0) + columns.reduce(max, 0)))
  const count = Math.min(MOST, most + 1)
  let tables = tablesOf(all, starts, count)
  for (let round = 0; round < ROUNDS; round++) {
    all.forEach((symbols, index) => refine(symbols, starts[index]!, tables, which))
    tables = tablesOf(all, starts, count)
  }
  return { tables, classes: starts }
}

/** Moves classes to where symbols are shortest with given tables. */
export function refine(symbols: Symbols, classes: Classes, tables: readonly Uint16Array[], which: Which): void {
  if (which !== 'none') move(symbols, classes, tables, true)
  if (which === 'both') move(symbols, classes, tables, false)
}

/** The table of each symbol. */
export function tableOfEach({ bytes, grid }: Symbols, { rows, columns }: Classes, count: number): Uint8Array {
  const out = new Uint8Array(bytes.length)
  for (let o = 0, index = 0; o < grid.outer; o++)
    for (let row = 0; row < grid.rows; row++)
      for (let k = 0; k < grid.inner; k++) out[index++] = within(rows[row]! + columns[o * grid.inner + k]!, count)
  return out
}

export const within = (table: number, count: number): number => Math.max(0, Math.min(count - 1, table))

function blank({ outer, rows, inner }: Grid): Classes {
  return { rows: new Int32Array(rows), columns: new Int32Array(outer * inner) }
}

function tablesOf(all: readonly Symbols[], classes: readonly Classes[], count: number): Uint16Array[] {
  const counts = new Float64Array(256 * count)
  all.forEach((symbols, index) => {
    const { bytes } = symbols
    const tables = tableOfEach(symbols, classes[index]!, count)
    for (let i = 0; i < tables.length; i++) counts[(tables[i]! << 8) | bytes[i]!]!++
  })
  return Array.from({ length: count }, (_, table) => frequenciesOf(counts.subarray(256 * table, 256 * (table + 1))))
}

/** The classes that a line may move to, from the first on. */
const CHOICES = 2 * REACH + 1

/** Moves each row's or each column's class to where the line is shortest. */
function move({ bytes, grid }: Symbols, { rows, columns }: Classes, tables: readonly Uint16Array[], isRow: boolean): void {
  const own = isRow ? rows : columns
  const sums = new Float64Array(own.length * CHOICES)
  // The bits of a symbol with each table in turn, the first and the last repeated for what lies beyond.
  const span = tables.length + 2 * (CHOICES - 1)
  const costs = new Float64Array(256 * span)
  for (let place = 0; place < span; place++) {
    const table = tables[within(place - (CHOICES - 1), tables.length)]!
    for (let symbol = 0; symbol < 256; symbol++) costs[symbol * span + place] = COSTS[table[symbol]!]!
  }
  const most = span - CHOICES
  for (let o = 0, index = 0; o < grid.outer; o++)
    for (let row = 0; row < grid.rows; row++) {
      const shift = rows[row]! - REACH + (CHOICES - 1)
      for (let k = 0, column = o * grid.inner; k < grid.inner; k++, column++) {
        const place = shift + columns[column]!
        const from = bytes[index++]! * span + (place < 0 ? 0 : place > most ? most : place)
        const to = (isRow ? row : column) * CHOICES
        for (let choice = 0; choice < CHOICES; choice++) sums[to + choice]! += costs[from + choice]!
      }
    }
  for (let line = 0; line < own.length; line++) {
    let best = REACH
    for (let choice = 0; choice < CHOICES; choice++) if (sums[line * CHOICES + choice]! < sums[line * CHOICES + best]! - 1) best = choice
    own[line]! += best - REACH
  }
}

/** Classes by how far the symbols of a line lie from the median: a row's by itself, a column's relative to the rows. */
function spreads({ bytes, grid }: Symbols, which: Which): Classes {
  const classes = blank(grid)
  const counts = new Float64Array(256)
  for (const byte of bytes) counts[byte]!++
  const distances = distancesOf(counts, bytes.length)
  const { rows, columns } = classes
  const rowSum = new Float64Array(rows.length)
  for (let o = 0, index = 0; o < grid.outer; o++)
    for (let row = 0; row < grid.rows; row++) for (let k = 0; k < grid.inner; k++) rowSum[row]! += distances[bytes[index++]!]!
  const level = Float64Array.from(rowSum, (sum) => (sum + 0.3) / (columns.length + 1))
  for (let row = 0; row < rows.length; row++) rows[row] = Math.round(Math.log2(level[row]!) * RESOLUTION)
  if (which !== 'both') return classes
  const columnSum = new Float64Array(columns.length)
  for (let o = 0, index = 0; o < grid.outer; o++)
    for (let row = 0; row < grid.rows; row++)
      for (let k = 0; k < grid.inner; k++) columnSum[o * grid.inner + k]! += distances[bytes[index++]!]! / level[row]!
  for (let column = 0; column < columns.length; column++)
    columns[column] = Math.round(Math.log2((columnSum[column]! + 1) / (rows.length + 1)) * RESOLUTION)
  return classes
}

/** How far each of the 256 symbols lies from the median. */
function distancesOf(counts: Float64Array, total: number): Float64Array {
  let median = 0
  for (let sum = counts[0]!; sum < total / 2; sum += counts[median]!) median++
  return Float64Array.from(counts, (_, symbol) => Math.abs(symbol - median))
}

const min = (a: number, b: number): number => Math.min(a, b)
const max = (a: number, b: number): number => Math.max(a, b)
