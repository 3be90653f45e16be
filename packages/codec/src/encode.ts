import { crc32 } from './crc.ts'
import { CHECKSUM, MAGIC, PRELUDE, SAME, SIZES, VERSION, type JsonValue } from './format.ts'
import type { StoredTensor } from './values.ts'
import { type Measure, type Models, type Shared, nothingKnown, shareTables } from './write-stream.ts'
import { type Prepared, prepare, writeTensor } from './write-tensor.ts'
import { Writer } from './writer.ts'

export type { ElementName, JsonValue } from './format.ts'
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
  const models: Models = new WeakMap()
  const write = (by: Measure): Uint8Array => fileOf(program, prepared, equals, by, models)
  const file = write(measure)
  if (options.measure === undefined) return file
  // What the host makes of a stream by itself is not what it makes of it among coded ones: so once more as if it did nothing.
  const other = write(lengthOf)
  return measure(other) < measure(file) ? other : file
}

const lengthOf = (bytes: Uint8Array): number => bytes.length

function fileOf(
  program: JsonValue,
  prepared: readonly Prepared[],
  equals: readonly number[],
  measure: Measure,
  models: Models,
): Uint8Array {
  const shared = sharedTables(
    prepared.filter((_, index) => equals[index] === -1),
    measure,
    models,
  )
  let known = nothingKnown(models)
  const sections = prepared.map((item, index) => {
    const same = equals[index]!
    if (same >= 0) return new Writer().byte(SAME).number(same).finish()
    const written = writeTensor(item, known, measure, item.main && shared.get(item.main.kind))
    known = written.known
    return written.out.finish()
  })
  const list = prepared.map(({ tensor: { name, type, dims } }, index) => [name, type, dims, sections[index]!.length])
  const header = new TextEncoder().encode(JSON.stringify([program, list]))
  const length = PRELUDE + header.length + sections.reduce((sum, section) => sum + section.length, 0) + CHECKSUM
  if (length >= 2 ** 32) throw new RangeError(`a weight file of ${length} bytes, at most 4 GB are possible`)
  const out = new Writer().word(MAGIC).word(VERSION).word(length).word(header.length).put(header)
  for (const section of sections) out.put(section)
  return out.word(crc32(out.finish())).finish()
}

/** For each kind of values, tables that its tensors share. */
function sharedTables(prepared: readonly Prepared[], measure: Measure, models: Models): Map<string, Shared> {
  const kinds = new Map<string, NonNullable<Prepared['main']>[]>()
  for (const { main } of prepared) if (main && main.bytes.length === main.grid.outer * main.grid.rows * main.grid.inner) kinds.set(main.kind, [...(kinds.get(main.kind) ?? []), main]) // prettier-ignore
  const out = new Map<string, Shared>()
  for (const [kind, all] of kinds) {
    const shared = all.length > 1 ? shareTables(all, measure, models) : undefined
    if (shared) out.set(kind, shared)
  }
  return out
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

/** Bytes that an ideal coder of single bytes would take. */
function entropyOf(bytes: Uint8Array): number {
  const counts = new Float64Array(256)
  for (const byte of bytes) counts[byte]!++
  return counts.reduce((bits, count) => (count ? bits - count * Math.log2(count / bytes.length) : bits), 0) / 8
}
