import { type Classes, type Model, type Symbols, type Which, modelOf, refine, tableOfEach, within } from './classes.ts'
import { codeSymbols } from './code-symbols.ts'
import { CODED, MOST_TABLES, PACKED, RAW } from './format.ts'
import { Writer } from './writer.ts'

/** Bytes that the host sends for these. */
export type Measure = (bytes: Uint8Array) => number

/** Tables that several tensors use: the first that does brings them along. */
export interface Shared {
  readonly model: Model
  readonly classes: ReadonlyMap<Uint8Array, Classes>
}

/** What of a file's tables its reader knows by now. */
export interface Known {
  sets: number
  tables: number
  readonly shared: Map<Shared, number>
  /** Models that were made for the same symbols before: for another host, or to see whether sharing pays. */
  readonly models: Models
}

export type Models = WeakMap<Uint8Array, Map<string, Model>>

export const nothingKnown = (models: Models = new WeakMap()): Known => ({ sets: 0, tables: 0, shared: new Map(), models })

function modelFor(symbols: Symbols, which: Which, models: Models): Model {
  const { outer, rows, inner } = symbols.grid
  const key = [which, outer, rows, inner].join()
  const made = models.get(symbols.bytes) ?? new Map<string, Model>()
  models.set(symbols.bytes, made)
  const model = made.get(key) ?? modelOf([symbols], which)
  made.set(key, model)
  return model
}

interface Candidate {
  readonly bytes: Uint8Array
  readonly cost: number
  readonly known: Known
}

/** Writes a stream of bytes in the layout that is shortest for the host; `grid` as far as rows and columns mean something. */
export function writeStream(symbols: Symbols, known: Known, measure: Measure, shared?: Shared): Candidate {
  const { bytes } = symbols
  const plain = (layout: Writer): Candidate => {
    const written = layout.finish()
    return { bytes: written, cost: measure(written), known }
  }
  const candidates = [plain(new Writer().byte(RAW).put(bytes))]
  const bits = 32 - Math.clz32(bytes.reduce((most, byte) => Math.max(most, byte), 0))
  if (bits < 8) candidates.push(plain(new Writer().byte(PACKED).byte(bits).put(packed(bytes, bits))))
  const isFlat = symbols.grid.rows < 2 || symbols.grid.rows === bytes.length
  for (const which of (isFlat ? ['none'] : ['none', 'rows', 'both']) as Which[]) {
    const model = modelFor(symbols, which, known.models)
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
    const [rowBytes, rowLeast] = upwards(classes.rows)
    const [columnBytes, columnLeast] = upwards(classes.columns)
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
  out.put(codeSymbols(symbols.bytes, tables, tableOfEach(symbols, classes, tables.length)))
  // The host makes no coded symbol shorter. Tables for several tensors were weighed up for all of them.
  return { bytes: out.finish(), cost: out.length - nested + inCost - (shared ? written : 0), known }
}

/** Classes as bytes from 0, and what has to be added to each. */
function upwards(classes: Int32Array): [Uint8Array, number] {
  const least = classes.reduce((a, b) => Math.min(a, b), Infinity)
  return [Uint8Array.from(classes, (item) => item - least), least]
}

const largest = (bytes: Uint8Array): number => bytes.reduce((most, byte) => Math.max(most, byte), 0)

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

/** Tables for the symbols of many tensors, and the classes of each; undefined when tables of their own or none serve them better. */
export function shareTables(all: readonly Symbols[], measure: Measure, models: Models): Shared | undefined {
  const used = all.filter(({ bytes }) => bytes.length > 0)
  if (used.length === 0) return undefined
  const model = modelOf(used, 'both')
  const shared: Shared = { model, classes: new Map(used.map(({ bytes }, index) => [bytes, model.classes[index]!])) }
  let gain = -tableBytes(model.tables).length
  for (const symbols of used) {
    const alone = writeStream(symbols, nothingKnown(models), measure).cost
    refine(symbols, shared.classes.get(symbols.bytes)!, model.tables, 'both')
    gain += Math.max(
      0,
      alone - coded(symbols, model.tables, shared.classes.get(symbols.bytes)!, 'both', nothingKnown(), measure, shared).cost,
    )
  }
  return gain > 0 ? shared : undefined
}

/** Bits one after another, the low ones of a byte first. */
function packed(bytes: Uint8Array, bits: number): Uint8Array {
  const out = new Uint8Array(Math.ceil((bytes.length * bits) / 8))
  bytes.forEach((byte, index) => {
    const at = index * bits
    out[at >> 3]! |= byte << (at & 7)
    if ((at & 7) + bits > 8) out[(at >> 3) + 1]! |= byte >> (8 - (at & 7))
  })
  return out
}
