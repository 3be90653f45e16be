import type { Symbols } from './classes.ts'
import { toFloat16 } from './float16.ts'
import { entropyOf } from './frequencies.ts'
import { AFFINE, DIFFERENCE, PALETTE, PLAIN, PLANES, SIZES, SPARSE_PLANES } from './format.ts'
import { type Grid, forEachPlace, gridOf } from './grid.ts'
import { type Groups, groupsOf } from './groups.ts'
import type { AffineValues, PaletteValues, StoredTensor } from './values.ts'
import { type Known, type Measure, type Shared, writeStream } from './write-stream.ts'
import { Writer } from './writer.ts'

/** A tensor whose values are checked, and whose symbols may share tables with those of others. */
export interface Prepared {
  readonly tensor: StoredTensor
  readonly main?: Symbols & { readonly kind: string }
  readonly groups?: Groups
}

/** A section on its way: streams follow one another, and each knows the tables of those before. */
class Section {
  readonly out = new Writer()
  cost = 0
  known: Known
  readonly #measure: Measure

  constructor(known: Known, measure: Measure) {
    this.known = known
    this.#measure = measure
  }

  stream(bytes: Uint8Array, grid: Grid = flat(bytes.length), shared?: Shared): this {
    const written = writeStream({ bytes, grid }, this.known, this.#measure, shared)
    this.out.put(written.bytes)
    this.cost += written.cost
    this.known = written.known
    return this
  }

  /** One stream for each byte of the elements; the last, which holds exponents, by rows and columns. */
  planes(bytes: Uint8Array, size: number, grid?: Grid): this {
    const planes = this.known.memo.of(bytes, `planes of ${size}`, () => planesOf(bytes, size))
    planes.forEach((plane, at) => this.stream(plane, at === size - 1 ? grid : undefined))
    return this
  }
}

export type Written = Pick<Section, 'out' | 'cost' | 'known'>

function planesOf(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: size }, (_, at) => {
    const plane = new Uint8Array(bytes.length / size)
    for (let i = 0, from = at; i < plane.length; i++, from += size) plane[i] = bytes[from]!
    return plane
  })
}

const flat = (length: number): Grid => ({ outer: 1, rows: 1, inner: length })

/** Checks a tensor. @throws RangeError that names it when its values do not fit it. */
export function prepare(tensor: StoredTensor): Prepared {
  try {
    const { dims, type } = tensor
    if (!Object.hasOwn(SIZES, type)) throw new RangeError(`elements of type ${type} are not stored`)
    if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) throw new RangeError(`dims ${dims}`)
    const count = dims.reduce((product, dim) => product * dim, 1)
    const size = count * SIZES[type]
    let { values } = tensor
    if (values.kind === 'difference') {
      fit('bytes of the base', values.base.bytes.length, size)
      values = values.values
      if (values.kind !== 'plain' && type !== 'float32') throw new RangeError(`differences of kind ${values.kind} are for float32`)
    }
    if (values.kind === 'plain') {
      fit('bytes', values.bytes.length, size)
      return { tensor }
    }
    if (type !== 'float32' && type !== 'float16') throw new RangeError(`values of kind ${values.kind} are for float32 and float16`)
    if (count === 0) return { tensor: { ...tensor, values: { kind: 'plain', bytes: new Uint8Array() } } }
    const groups = groupsOf(dims, values)
    // The reader takes no more scales or entries than this for so many elements.
    if (values.kind === 'palette' && values.palette.length > count + 255) return { tensor: asPlain(tensor, values, groups) }
    const bytes = values.kind === 'affine' ? symbolsOf(values, count, groups) : indicesOf(values, count, groups)
    const grid = values.axis !== undefined && values.kind === 'affine' && values.blockSize === undefined ? groups.grid : gridOf(dims)
    const bits = values.kind === 'affine' ? values.bits : 32 - Math.clz32(entriesOf(values, groups) - 1)
    return { tensor, groups, main: { bytes, grid, kind: `${values.kind} ${bits}` } }
  } catch (error) {
    throw error instanceof RangeError ? new RangeError(`tensor '${tensor.name}': ${error.message}`) : error
  }
}

function fit(what: string, received: number, expected: number): void {
  if (received !== expected) throw new RangeError(`${received} ${what}, expected ${expected}`)
}

const offsetOf = ({ integers, bits }: AffineValues): number =>
  integers instanceof Int8Array || integers instanceof Int16Array ? 2 ** (bits - 1) : 0

/** Integers from 0: the low bytes, and with 16 bits the high bytes after them. */
function symbolsOf(values: AffineValues, count: number, groups: Groups): Uint8Array {
  const { integers, bits, scales, zeroPoints } = values
  if (!((bits >= 2 && bits <= 8 && Number.isInteger(bits)) || bits === 16)) throw new RangeError(`${bits} bits, expected 2 to 8, or 16`)
  fit('integers', integers.length, count)
  fit('scales', scales.length, groups.count)
  if (zeroPoints) fit('zero points', zeroPoints.length, groups.count)
  const offset = offsetOf(values)
  const out = new Uint8Array(bits === 16 ? 2 * count : count)
  integers.forEach((integer, index) => {
    const symbol = integer + offset
    if (!(symbol >= 0 && symbol < 2 ** bits)) throw new RangeError(`the integer ${integer} does not fit ${bits} bits`)
    out[index] = symbol & 255
    if (bits === 16) out[count + index] = symbol >> 8
  })
  return out
}

/** A tensor whose palettes are larger than itself is smaller as it is; so is what a palette adds to a base. */
function asPlain(tensor: StoredTensor, values: PaletteValues, groups: Groups): StoredTensor {
  const indices = indicesOf(values, values.indices.length, groups)
  const entries = entriesOf(values, groups)
  const floats = new Float32Array(indices.length)
  forEachPlace(groups.grid, (index, channel) => {
    floats[index] = values.palette[Math.floor(channel / groups.block) * entries + indices[index]!]!
  })
  if (tensor.values.kind === 'difference') {
    const { base } = tensor.values
    new Float32Array(base.bytes.slice().buffer).forEach((value, index) => (floats[index]! += value))
    return { ...tensor, values: { kind: 'difference', base, values: { kind: 'plain', bytes: bytesOf(floats) } } }
  }
  let bytes = bytesOf(floats)
  if (tensor.type === 'float16') {
    const halves = new Uint16Array(floats.length)
    toFloat16(floats, halves)
    bytes = new Uint8Array(halves.buffer)
  }
  return { ...tensor, values: { kind: 'plain', bytes } }
}

const entriesOf = (values: PaletteValues, groups: Groups): number => values.palette.length / Math.max(1, groups.count)

function indicesOf(values: PaletteValues, count: number, groups: Groups): Uint8Array {
  fit('indices', values.indices.length, count)
  const entries = entriesOf(values, groups)
  if (!(Number.isInteger(entries) && entries >= 1 && entries <= 256))
    throw new RangeError(`a palette of ${values.palette.length} entries for ${groups.count} groups, expected 1 to 256 each`)
  if (values.indices.some((index) => index >= entries))
    throw new RangeError(`a palette index is out of range, the palette has ${entries} entries`)
  return values.indices.slice()
}

/** Writes a tensor's section in the form that is shortest. */
export function writeTensor({ tensor, main, groups }: Prepared, known: Known, measure: Measure, shared?: Shared): Written {
  const { values, dims, type } = tensor
  if (values.kind === 'plain') return writePlain(values.bytes, dims, SIZES[type], known, measure)
  if (values.kind !== 'difference') return writeValues(new Section(known, measure), values, main!, groups!, shared)
  const head = (): Section => {
    const section = new Section(known, measure)
    const name = new TextEncoder().encode(values.base.name)
    section.out.byte(DIFFERENCE).number(name.length).put(name)
    return section
  }
  const { values: inner, base } = values
  if (inner.kind !== 'plain') return writeValues(head(), inner, main!, groups!, shared)
  const difference = known.memo.of(values, 'difference', () => inner.bytes.map((byte, index) => byte - base.bytes[index]!))
  const section = head()
  const written = writePlain(difference, dims, SIZES[type], known, measure, true)
  section.out.put(written.out.finish())
  const alone = writePlain(inner.bytes, dims, SIZES[type], known, measure)
  return alone.cost <= written.cost ? alone : { out: section.out, cost: written.cost, known: written.known }
}

function writePlain(
  bytes: Uint8Array,
  dims: readonly number[],
  size: number,
  known: Known,
  measure: Measure,
  isDifference = false,
): Written {
  const section = (form: number): Section => {
    const made = new Section(known, measure)
    made.out.byte(form)
    return made
  }
  const grid = gridOf(dims)
  const candidates: Section[] = []
  if (!planesLookShorter(bytes, size, measure)) candidates.push(section(PLAIN).stream(bytes, size === 1 ? grid : undefined))
  if (size > 1) {
    candidates.push(section(PLANES).planes(bytes, size, grid))
    const kept = isDifference ? undefined : known.memo.of(bytes, `without zeros of ${size}`, () => withoutZeros(bytes, size))
    if (kept) candidates.push(section(SPARSE_PLANES).stream(kept.mask, grid).planes(kept.rest, size))
  }
  return candidates.reduce((best, other) => (other.cost < best.cost ? other : best))
}

/** Parts of a long tensor that are looked at, and the bytes of each. */
const PARTS = 8
const PART = 2 ** 13

/**
 * Whether planes are so much shorter in parts of a long tensor that the elements as they are need not be tried: a host takes most of its time for
 * those. On 10 MB of a network's float32 brotli takes 8 s for them, and 1.3 s for their planes, which are 8 % shorter.
 */
function planesLookShorter(bytes: Uint8Array, size: number, measure: Measure): boolean {
  if (size === 1 || bytes.length < 4 * PARTS * PART) return false
  const parts = new Uint8Array(PARTS * PART)
  for (let part = 0; part < PARTS; part++) {
    const from = Math.floor(((bytes.length - PART) * part) / (PARTS - 1) / size) * size
    parts.set(bytes.subarray(from, from + PART), part * PART)
  }
  const shortest = (of: Uint8Array): number => Math.min(measure(of), entropyOf(of))
  return shortest(parts) > 1.05 * planesOf(parts, size).reduce((sum, plane) => sum + shortest(plane), 0)
}

/** 1 for each element that has a bit set, and the bytes of those; undefined where hardly one is without. */
function withoutZeros(bytes: Uint8Array, size: number): { mask: Uint8Array; rest: Uint8Array } | undefined {
  const mask = new Uint8Array(bytes.length / size)
  const rest = new Uint8Array(bytes.length)
  let kept = 0
  for (let i = 0; i < mask.length; i++) {
    // Over the bytes of an element of zeros the next one is written.
    const [from, to] = [i * size, kept * size]
    for (let at = 0; at < size; at++) if ((rest[to + at] = bytes[from + at]!) !== 0) mask[i] = 1
    kept += mask[i]!
  }
  return kept <= mask.length * 0.95 ? { mask, rest: rest.slice(0, kept * size) } : undefined
}

function writeValues(section: Section, values: AffineValues | PaletteValues, main: Symbols, groups: Groups, shared?: Shared): Written {
  const { out } = section
  const isAffine = values.kind === 'affine'
  const isWide = isAffine && values.bits === 16
  const zeroPoints = isAffine ? values.zeroPoints : undefined
  const { outer, rows, inner } = groups.grid
  out.byte(isAffine ? AFFINE : PALETTE).byte(isAffine ? values.bits : entriesOf(values, groups) - 1)
  out.byte((zeroPoints ? 2 : 0) | (groups.isPerInner ? 4 : 0) | (isWide ? 8 : 0) | (groups.isPerOuter ? 16 : 0))
  out.number(isAffine ? offsetOf(values) : 0).number(outer).number(rows).number(inner).number(groups.block) // prettier-ignore
  const count = main.bytes.length / (isWide ? 2 : 1)
  const { memo } = section.known
  const halves = (): Uint8Array[] => [main.bytes.subarray(0, count), main.bytes.subarray(count)]
  if (isWide) memo.of(main.bytes, 'halves', halves).forEach((half) => section.stream(half, main.grid))
  else section.stream(main.bytes, main.grid, shared)
  const words = isAffine ? values.scales : values.palette
  for (const list of zeroPoints ? [words, zeroPoints] : [words]) section.planes(memo.of(list, 'bytes', () => bytesOf(list)), 4) // prettier-ignore
  return section
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Int32Array): Uint8Array<ArrayBufferLike> =>
  new Uint8Array(buffer, byteOffset, byteLength)
