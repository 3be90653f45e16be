import { type Classes, type Model, type Symbols, type Which, modelOf, refine, tableOfEach, within } from './classes.ts'
import { codeSymbols } from './code-symbols.ts'
import { CODED, MOST_TABLES, PACKED, RAW } from './format.ts'
import type { Memo } from './memo.ts'
import { Writer } from './writer.ts'

/** Bytes that the host sends for these. */
export type Measure = (bytes: Uint8Array) => number

/** Tables that several tensors use: the first that does brings them along. */
export interface Shared {
  readonly model: Model
  readonly classes: ReadonlyMap<Uint8Array, Classes>
}

/** What of a file's tables its reader knows by now, and what its writer worked out. */
export interface Known {
  sets: number
  tables: number
  readonly shared: Map<Shared, number>
  readonly memo: Memo
}

export const nothingKnown = (memo: Memo): Known => ({ sets: 0, tables: 0, shared: new Map(), memo })

function modelFor(symbols: Symbols, which: Which, memo: Memo): Model {
  const { outer, rows, inner } = symbols.grid
  return memo.of(symbols.bytes, [which, outer, rows, inner].join(), () => modelOf([symbols], which))
}

/** What a host sends for a stream by itself. */
function measured(written: Uint8Array, measure: Measure, memo: Memo): number {
  const costs = memo.of(written, 'costs', () => new Map<Measure, number>())
  if (!costs.has(measure)) costs.set(measure, measure(written))
  return costs.get(measure)!
}

interface Candidate {
  readonly bytes: Uint8Array
  readonly cost: number
  readonly known: Known
}

/** Writes a stream of bytes in the layout that is shortest for the host; `grid` as far as rows and columns mean something. */
export function writeStream(symbols: Symbols, known: Known, measure: Measure, shared?: Shared): Candidate {
  const { bytes } = symbols
  const { memo } = known
  const plain = (written: Uint8Array): Candidate => ({ bytes: written, cost: measured(written, measure, memo), known })
  const candidates = [plain(memo.of(bytes, 'raw', () => new Writer().byte(RAW).put(bytes).finish()))]
  const bits = memo.of(bytes, 'bits', () => 32 - Math.clz32(largest(bytes)))
  const packing = (): Uint8Array => new Writer().byte(PACKED).byte(bits).put(packed(bytes, bits)).finish()
  if (bits < 8) candidates.push(plain(memo.of(bytes, 'packed', packing)))
  const isFlat = symbols.grid.rows < 2 || symbols.grid.rows === bytes.length
  for (const which of (isFlat ? ['none'] : ['none', 'rows', 'both']) as Which[]) {
    const model = modelFor(symbols, which, memo)
    candidates.push(coded(symbols, model.tables, model.classes[0]!, which, known, measure))
  }
  if (shared) {
    const classes = shared.classes.get(bytes)!
    candidates.push(coded(symbols, shared.model.tables, classes, 'both', known, measure, shared))
  }
  return candidates
    .filter((candidate) => candidate.known.tables <= MOST_TABLES)
    .reduce((best, other) => (other.cost < best.cost ? other : best))
}

function coded(
  symbols: Symbols,
  tables: Model['tables'],
  classes: Classes,
  which: Which,
  before: Known,
  measure: Measure,
  shared?: Shared,
): Candidate {
  // prettier-ignore
  const known: Known = { ...before, shared: new Map(before.shared) }
  const index = shared && known.shared.get(shared)
  const out = new Writer().byte(CODED).number(index ?? 0)
  let written = 0
  if (index === undefined) {
    const bytes = tableBytes(tables)
    written = bytes.length
    out.put(bytes)
    known.sets++
    known.tables += tables.length
    if (shared) known.shared.set(shared, known.sets)
  }
  let nested = 0
  let inCost = 0
  if (which === 'none') out.number(0)
  else {
    const { rows, inner } = symbols.grid
    const [rowBytes, rowLeast] = before.memo.of(classes.rows, 'upwards', () => upwards(classes.rows))
    const [columnBytes, columnLeast] = before.memo.of(classes.columns, 'upwards', () => upwards(classes.columns))
    const sums = largest(rowBytes) + largest(columnBytes) + 1
    out.number(rows).number(inner).number(sums)
    for (let sum = 0; sum < sums; sum++) out.byte(within(sum + rowLeast + columnLeast, tables.length))
    for (const bytes of [rowBytes, columnBytes]) {
      const stream = writeStream({ bytes, grid: { outer: 1, rows: 1, inner: bytes.length } }, known, measure)
      out.put(stream.bytes)
      nested += stream.bytes.length
      inCost += stream.cost
      Object.assign(known, stream.known)
    }
  }
  const coding = (): Uint8Array => codeSymbols(symbols.bytes, tables, tableOfEach(symbols, classes, tables.length))
  out.put(before.memo.of(classes, 'coded', coding))
  // The host makes no coded symbol shorter. Tables for several tensors were weighed up for all of them.
  return { bytes: out.finish(), cost: out.length - nested + inCost - (shared ? written : 0), known }
}

/** Classes as bytes from 0, and what has to be added to each. */
function upwards(classes: Int32Array): [Uint8Array, number] {
  const least = classes.reduce((a, b) => Math.min(a, b), Infinity)
  return [Uint8Array.from(classes, (item) => item - least), least]
}

function largest(bytes: Uint8Array): number {
  let most = 0
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! > most) most = bytes[i]!
  return most
}

/** A set of tables: the frequencies of each from symbol 0 on until all are given out; a 0 says how many symbols have none. */
export function tableBytes(tables: Model['tables']): Uint8Array {
  const out = new Writer().number(tables.length)
  for (const table of tables) {
    const end = table.findLastIndex((frequency) => frequency > 0)
    for (let symbol = 0; symbol <= end; symbol++) {
      out.number(table[symbol]!)
      if (table[symbol]! > 0) continue
      const next = table.findIndex((frequency, index) => index > symbol && frequency > 0)
      out.number(next - symbol)
      symbol = next - 1
    }
  }
  return out.finish()
}

/** Tables for the symbols of many tensors, and the classes of each. */
export function sharedTables(all: readonly Symbols[]): Shared {
  const model = modelOf(all, 'both')
  all.forEach((symbols, index) => refine(symbols, model.classes[index]!, model.tables, 'both'))
  return { model, classes: new Map(all.map(({ bytes }, index) => [bytes, model.classes[index]!])) }
}

/** Whether tensors are shorter with the tables that they share than with tables of their own or none. */
export function isWorthSharing(shared: Shared, all: readonly Symbols[], measure: Measure, memo: Memo): boolean {
  let gain = -tableBytes(shared.model.tables).length
  for (const symbols of all) {
    const classes = shared.classes.get(symbols.bytes)!
    const alone = writeStream(symbols, nothingKnown(memo), measure).cost
    const together = coded(symbols, shared.model.tables, classes, 'both', nothingKnown(memo), measure, shared).cost
    gain += Math.max(0, alone - together)
  }
  return gain > 0
}

/** Bits one after another, the low ones of a byte first. */
function packed(bytes: Uint8Array, bits: number): Uint8Array {
  const out = new Uint8Array(Math.ceil((bytes.length * bits) / 8))
  let held = 0
  let width = 0
  let at = 0
  for (let i = 0; i < bytes.length; i++) {
    held |= bytes[i]! << width
    width += bits
    if (width < 8) continue
    out[at++] = held
    held >>= 8
    width -= 8
  }
  if (width > 0) out[at] = held
  return out
}
