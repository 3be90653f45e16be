import { crc32 } from './crc.ts'
import { entropyOf } from './frequencies.ts'
import { CHECKSUM, MAGIC, PRELUDE, SAME, SIZES, VERSION, type JsonValue } from './format.ts'
import type { Symbols } from './classes.ts'
import type { StoredTensor } from './values.ts'
import { Memo } from './memo.ts'
import { type Known, type Measure, type Shared, isWorthSharing, nothingKnown, sharedTables } from './write-stream.ts'
import { type Prepared, prepare, writeTensor } from './write-tensor.ts'
import { Writer } from './writer.ts'

export type { ElementName, JsonValue } from './format.ts'
export { sectionsOf, type Section } from './sections.ts'
export type { AffineValues, DifferenceValues, PaletteValues, PlainValues, StoredTensor, StoredValues } from './values.ts'

export interface EncodeOptions {
  /** Any JSON value that travels with the weights. @default null */
  program?: JsonValue
  /** What the host encodes files with; how bytes are measured where `measure` is not given. @default 'brotli' */
  host?: 'brotli' | 'gzip' | 'none'
  /**
   * The bytes that the host sends for some bytes, so brotli's or gzip's size of them. By default, what an ideal coder of single bytes would take, or
   * with `host: 'none'` their number.
   */
  measure?: (bytes: Uint8Array) => number
}

/**
 * Writes a weight file; each tensor in the form that is smallest once the host has encoded it. The same input gives the same bytes.
 * @throws RangeError that names the tensor when its values do not fit it, or two tensors have one name.
 */
export function encodeWeights(tensors: readonly StoredTensor[], options: EncodeOptions = {}): Uint8Array {
  const { program = null, host = 'brotli' } = options
  const measure = options.measure ?? (host === 'none' ? lengthOf : entropyOf)
  const names = new Set<string>()
  for (const { name } of tensors) {
    if (names.has(name)) throw new RangeError(`two tensors have the name '${name}'`)
    names.add(name)
  }
  const prepared = tensors.map(prepare)
  const equals = prepared.map(({ tensor }, index) => tensors.findIndex((other, earlier) => earlier < index && isEqual(tensor, other)))
  const memo = new Memo()
  // What the host makes of a stream by itself is not what it makes of it among coded ones: so once more as if it did nothing.
  const measures = options.measure === undefined ? [measure] : [measure, lengthOf]
  const kinds = kindsOf(prepared.filter((_, index) => equals[index] === -1))
  const writers = measures.map((by) => new FileWriter(by, kinds, memo))
  prepared.forEach((item, index) => {
    for (const writer of writers) writer.add(item, equals[index]!)
    for (const thing of thingsOf(item)) memo.forget(thing)
  })
  const [file, other] = writers.map((writer) => writer.finish(program, prepared)) as [Uint8Array, Uint8Array?]
  return other && !isSame(other, file) && measure(other) < measure(file) ? other : file
}

/** What a tensor's streams are made of. */
function thingsOf({ tensor: { values }, main }: Prepared): object[] {
  return [values, ...(values.kind === 'plain' ? [values.bytes] : []), ...(main ? [main.bytes] : [])]
}

const lengthOf = (bytes: Uint8Array): number => bytes.length

/** Tensors whose values are of one kind, and the tables that they may share. */
interface Kind {
  readonly all: readonly Symbols[]
  readonly shared: Shared
}

function kindsOf(prepared: readonly Prepared[]): Map<string, Kind> {
  const kinds = new Map<string, Symbols[]>()
  for (const { main } of prepared) {
    if (!main) continue
    const { outer, rows, inner } = main.grid
    if (main.bytes.length === outer * rows * inner) kinds.set(main.kind, [...(kinds.get(main.kind) ?? []), main])
  }
  const several = [...kinds].filter(([, all]) => all.length > 1)
  return new Map(several.map(([kind, all]) => [kind, { all, shared: sharedTables(all) }]))
}

/** Writes a file for one host, a tensor at a time. */
class FileWriter {
  readonly #measure: Measure
  readonly #shared: Map<string, Shared>
  readonly #sections: Uint8Array[] = []
  #known: Known

  constructor(measure: Measure, kinds: ReadonlyMap<string, Kind>, memo: Memo) {
    this.#measure = measure
    this.#known = nothingKnown(memo)
    const worth = [...kinds].filter(([, { all, shared }]) => isWorthSharing(shared, all, measure, memo))
    this.#shared = new Map(worth.map(([kind, { shared }]) => [kind, shared]))
  }

  /** @param same the index of an equal tensor before it, or -1. */
  add(item: Prepared, same: number): void {
    if (same >= 0) return void this.#sections.push(new Writer().byte(SAME).number(same).finish())
    const written = writeTensor(item, this.#known, this.#measure, item.main && this.#shared.get(item.main.kind))
    this.#known = written.known
    this.#sections.push(written.out.finish())
  }

  finish(program: JsonValue, prepared: readonly Prepared[]): Uint8Array {
    const list = prepared.map(({ tensor: { name, type, dims } }, index) => [name, type, dims, this.#sections[index]!.length])
    const header = new TextEncoder().encode(JSON.stringify([program, list]))
    const length = PRELUDE + header.length + this.#sections.reduce((sum, section) => sum + section.length, 0) + CHECKSUM
    if (length >= 2 ** 32) throw new RangeError(`a weight file of ${length} bytes, at most 4 GB are possible`)
    const out = new Writer().word(MAGIC).word(VERSION).word(length).word(header.length).put(header)
    for (const section of this.#sections) out.put(section)
    return out.word(crc32(out.finish())).finish()
  }
}

function isEqual(a: StoredTensor, b: StoredTensor): boolean {
  if (a.type !== b.type || a.values.kind !== b.values.kind) return false
  const size = (tensor: StoredTensor): number => tensor.dims.reduce((product, dim) => product * dim, SIZES[tensor.type])
  if (size(a) !== size(b)) return false
  if (a.values.kind === 'plain' && b.values.kind === 'plain') return isSame(a.values.bytes, b.values.bytes)
  if (a.dims.join() !== b.dims.join()) return false
  return isSame(a.values, b.values)
}

/** Deep equality of arrays and plain objects. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b || a.constructor !== b.constructor) return false
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
    const [x, y] = [a, b] as [Uint8Array, Uint8Array]
    if (x.length !== y.length) return false
    for (let i = 0; i < x.length; i++) if (!Object.is(x[i], y[i])) return false
    return true
  }
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
  )
}
