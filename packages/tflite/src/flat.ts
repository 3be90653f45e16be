import { ModelError } from '@whittle/ir'
import { ByteBuffer } from 'flatbuffers'
import { type Field, TABLES } from './schema/tables.ts'

const SIZES: Readonly<Record<string, number>> = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  int64: 8,
  uint64: 8,
}

/** Vectors may be shared, so that more can be read than the file has bytes; but not without end. */
const MOST_READS_PER_BYTE = 8
const READS_FOR_FREE = 100_000

/** A FlatBuffers file that nobody has checked: each offset and length is checked before what it leads to is read. */
export class FlatFile {
  readonly file: string
  readonly size: number
  readonly #bytes: Uint8Array
  readonly #buffer: ByteBuffer
  #reads = 0

  constructor(bytes: Uint8Array, file: string) {
    this.file = file
    this.size = bytes.length
    this.#bytes = bytes
    this.#buffer = new ByteBuffer(bytes)
  }

  root(type: string): FlatTable {
    this.check(0, 8, 'the header')
    return new FlatTable(this, type, this.scalar('uint32', 0, 'the root'))
  }

  check(at: number, length: number, what: string): void {
    if (!(at >= 0 && length >= 0 && at + length <= this.size)) throw this.broken(`${what} points outside of the file`)
  }

  scalar(type: string, at: number, what: string): number {
    this.check(at, SIZES[type]!, what)
    const buffer = this.#buffer
    switch (type) {
      case 'bool':
      case 'uint8':
        return buffer.readUint8(at)
      case 'int8':
        return buffer.readInt8(at)
      case 'int16':
        return buffer.readInt16(at)
      case 'uint16':
        return buffer.readUint16(at)
      case 'int32':
        return buffer.readInt32(at)
      case 'uint32':
        return buffer.readUint32(at)
      case 'float32':
        return buffer.readFloat32(at)
      case 'int64':
        return Number(buffer.readInt64(at))
      default:
        return Number(buffer.readUint64(at))
    }
  }

  /** Where a vector's elements begin, and how many they are. */
  vector(at: number, size: number, what: string): { start: number; count: number } {
    const start = at + this.scalar('uint32', at, what)
    const count = this.scalar('uint32', start, what)
    this.check(start + 4, count * size, what)
    return { start: start + 4, count }
  }

  /** A view of the file. */
  bytes(at: number, length: number, what: string): Uint8Array {
    this.check(at, length, what)
    return this.#bytes.subarray(at, at + length)
  }

  /** Counts elements that are taken out of the file. */
  spend(count: number, what: string): void {
    this.#reads += count
    if (this.#reads > READS_FOR_FREE + MOST_READS_PER_BYTE * this.size) throw this.broken(`${what} is shared too often`)
  }

  broken(why: string): ModelError {
    return new ModelError('TFLITE_BROKEN', `${this.file}: ${why}: the file is damaged or cut short; download or convert it again`)
  }
}

/** A table of the file, whose fields are named as the schema names them. What is absent has the schema's default. */
export class FlatTable {
  readonly type: string
  readonly #file: FlatFile
  readonly #at: number
  readonly #vtable: number
  readonly #fields: number
  readonly #size: number

  constructor(file: FlatFile, type: string, at: number) {
    this.type = type
    this.#file = file
    this.#at = at
    this.#vtable = at - file.scalar('int32', at, `a ${type}`)
    this.#fields = file.scalar('uint16', this.#vtable, `the layout of a ${type}`)
    this.#size = file.scalar('uint16', this.#vtable + 2, `the layout of a ${type}`)
    file.check(this.#vtable, this.#fields, `the layout of a ${type}`)
    file.check(at, this.#size, `a ${type}`)
    if (this.#fields < 4) throw file.broken(`the layout of a ${type} is empty`)
  }

  has(name: string): boolean {
    return this.#place(this.#field(name)[0], 1) !== undefined
  }

  number(name: string): number {
    const [id, type, otherwise] = this.#field(name)
    const at = this.#place(id, SIZES[type]!)
    return at === undefined ? Number(otherwise) : this.#file.scalar(type, at, this.#label(name))
  }

  flag(name: string): boolean {
    return this.number(name) !== 0
  }

  text(name: string): string {
    const at = this.#place(this.#field(name)[0], 4)
    if (at === undefined) return ''
    const { start, count } = this.#file.vector(at, 1, this.#label(name))
    this.#file.spend(count, this.#label(name))
    return new TextDecoder().decode(this.#file.bytes(start, count, this.#label(name)))
  }

  /** A vector of bytes as a view of the file; undefined where it is absent. */
  bytes(name: string): Uint8Array | undefined {
    const at = this.#place(this.#field(name)[0], 4)
    if (at === undefined) return undefined
    const { start, count } = this.#file.vector(at, 1, this.#label(name))
    return this.#file.bytes(start, count, this.#label(name))
  }

  /** A vector of numbers; empty where it is absent. */
  numbers(name: string): number[] {
    const [id, type] = this.#field(name)
    const at = this.#place(id, 4)
    if (at === undefined) return []
    const element = type.slice(1, -1)
    const { start, count } = this.#file.vector(at, SIZES[element]!, this.#label(name))
    this.#file.spend(count, this.#label(name))
    return Array.from({ length: count }, (_, index) => this.#file.scalar(element, start + index * SIZES[element]!, name))
  }

  table(name: string): FlatTable | undefined {
    const [id, type] = this.#field(name)
    const at = this.#place(id, 4)
    return at === undefined ? undefined : this.#follow(at, type, name)
  }

  /** The table of a union, whose type another field says. */
  union(name: string, type: string): FlatTable | undefined {
    const at = this.#place(this.#field(name)[0], 4)
    return at === undefined ? undefined : this.#follow(at, type, name)
  }

  tables(name: string): FlatTable[] {
    const [id, type] = this.#field(name)
    const at = this.#place(id, 4)
    if (at === undefined) return []
    const { start, count } = this.#file.vector(at, 4, this.#label(name))
    this.#file.spend(4 * count, this.#label(name))
    return Array.from({ length: count }, (_, index) => this.#follow(start + 4 * index, type.slice(1, -1), name))
  }

  #follow(at: number, type: string, name: string): FlatTable {
    return new FlatTable(this.#file, type, at + this.#file.scalar('uint32', at, this.#label(name)))
  }

  #field(name: string): Field {
    const field = TABLES[this.type]?.[name]
    if (!field) throw new TypeError(`a ${this.type} has no ${name}`)
    return field
  }

  #place(id: number, size: number): number | undefined {
    const entry = 4 + 2 * id
    if (entry + 2 > this.#fields) return undefined
    const offset = this.#file.scalar('uint16', this.#vtable + entry, `the layout of a ${this.type}`)
    if (offset === 0) return undefined
    if (offset + size > this.#size) throw this.#file.broken(`a field of a ${this.type} lies outside of it`)
    return this.#at + offset
  }

  #label(name: string): string {
    return `${name} of a ${this.type}`
  }
}
