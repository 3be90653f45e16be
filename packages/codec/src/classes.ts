import { costsOf, frequenciesOf } from './frequencies.ts'
import { type Grid, forEachPlace } from './grid.ts'

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
  const least = Math.min(...starts.map(({ rows }) => Math.min(...rows)))
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

/** The classes that code symbols shortest with given tables, and what that costs in bits. */
export function refine(symbols: Symbols, classes: Classes, tables: readonly Uint16Array[], which: Which): void {
  const costs = tables.map(costsOf)
  if (which !== 'none') move(symbols, classes.rows, classes.columns, costs, true)
  if (which === 'both') move(symbols, classes.columns, classes.rows, costs, false)
}

/** The table of each symbol. */
export function tableOfEach({ bytes, grid }: Symbols, { rows, columns }: Classes, count: number): Uint8Array {
  const out = new Uint8Array(bytes.length)
  forEachPlace(grid, (index, row, column) => (out[index] = within(rows[row]! + columns[column]!, count)))
  return out
}

export const within = (table: number, count: number): number => Math.max(0, Math.min(count - 1, table))

function blank({ outer, rows, inner }: Grid): Classes {
  return { rows: new Int32Array(rows), columns: new Int32Array(outer * inner) }
}

function tablesOf(all: readonly Symbols[], classes: readonly Classes[], count: number): Uint16Array[] {
  const counts = Array.from({ length: count }, () => new Float64Array(256))
  all.forEach((symbols, index) => {
    const tables = tableOfEach(symbols, classes[index]!, count)
    for (let i = 0; i < tables.length; i++) counts[tables[i]!]![symbols.bytes[i]!]!++
  })
  return counts.map(frequenciesOf)
}

/** Moves each line's class to where the line is shortest. */
function move(symbols: Symbols, own: Int32Array, others: Int32Array, costs: readonly Float64Array[], isRow: boolean): void {
  const { bytes, grid } = symbols
  const width = 2 * REACH + 1
  const sums = new Float64Array(own.length * width)
  forEachPlace(grid, (index, row, column) => {
    const line = isRow ? row : column
    const base = own[line]! + others[isRow ? column : row]! - REACH
    for (let step = 0; step < width; step++) sums[line * width + step]! += costs[within(base + step, costs.length)]![bytes[index]!]!
  })
  for (let line = 0; line < own.length; line++) {
    let best = REACH
    for (let step = 0; step < width; step++) if (sums[line * width + step]! < sums[line * width + best]! - 1) best = step
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
  forEachPlace(grid, (index, row) => (rowSum[row]! += distances[bytes[index]!]!))
  const level = Float64Array.from(rowSum, (sum) => (sum + 0.3) / (columns.length + 1))
  for (let row = 0; row < rows.length; row++) rows[row] = Math.round(Math.log2(level[row]!) * RESOLUTION)
  if (which !== 'both') return classes
  const columnSum = new Float64Array(columns.length)
  forEachPlace(grid, (index, row, column) => (columnSum[column]! += distances[bytes[index]!]! / level[row]!))
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

const max = (a: number, b: number): number => Math.max(a, b)
