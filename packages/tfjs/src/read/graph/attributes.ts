import { type ElementType, UnsupportedError } from '@whittle/ir'
import { Fields, plain, toInt, wrong } from '../json.ts'

/** Attributes of a node of a GraphDef, as protobuf's JSON writes them: texts in base64, 64-bit numbers as texts. */
export class NodeAttributes {
  readonly #fields: Fields
  readonly #at: string

  constructor(node: Fields, at: string) {
    this.#fields = new Fields(node.raw('attr') ?? {}, `the attributes of ${at}`)
    this.#at = at
  }

  has(name: string): boolean {
    return this.#fields.has(name)
  }

  int(name: string, fallback?: number): number {
    const value = this.#one(name, 'i')
    if (value === undefined && fallback !== undefined) return fallback
    // Zero is left out by some writers of protobuf's JSON.
    return toInt(value ?? (this.has(name) ? 0 : undefined), this.#what(name))
  }

  float(name: string, fallback: number): number {
    const value = this.#one(name, 'f') ?? this.#one(name, 'i')
    if (value === undefined) return this.has(name) ? 0 : fallback
    const number = typeof value === 'string' ? Number(value) : value
    if (typeof number !== 'number' || Number.isNaN(number)) throw wrong(this.#what(name), 'a number', value)
    return number
  }

  bool(name: string, fallback: boolean): boolean {
    const value = this.#one(name, 'b')
    if (value === undefined) return this.has(name) ? false : fallback
    if (typeof value !== 'boolean') throw wrong(this.#what(name), 'true or false', value)
    return value
  }

  /** In lower case, without underscores. */
  word(name: string, fallback?: string): string {
    const value = this.#one(name, 's')
    if (value === undefined && fallback !== undefined) return fallback
    return plain(textOf(value, this.#what(name)))
  }

  text(name: string): string {
    return textOf(this.#one(name, 's'), this.#what(name))
  }

  ints(name: string, fallback?: readonly number[]): number[] {
    const list = this.#list(name, 'i')
    if (!list && fallback) return [...fallback]
    return (list ?? []).map((item) => toInt(item, this.#what(name)))
  }

  words(name: string): string[] {
    return (this.#list(name, 's') ?? []).map((item) => plain(textOf(item, this.#what(name))))
  }

  type(name: string, fallback?: ElementType): ElementType {
    const value = this.#one(name, 'type')
    if (value === undefined && fallback !== undefined) return fallback
    return elementType(value, this.#what(name))
  }

  /** The sizes of a shape, -1 for a free one; undefined where even the rank is free. */
  shape(name: string): number[] | undefined {
    const value = this.#one(name, 'shape')
    return value === undefined ? undefined : shapeOf(value, this.#what(name))
  }

  /** The name of a function of the library. */
  func(name: string): string {
    const value = this.#one(name, 'func')
    return new Fields(value, this.#what(name)).string('name')
  }

  #one(name: string, kind: string): unknown {
    if (!this.has(name)) return undefined
    return this.#fields.fields(name).raw(kind)
  }

  #list(name: string, kind: string): readonly unknown[] | undefined {
    if (!this.has(name)) return undefined
    const attribute = this.#fields.fields(name)
    return attribute.has('list') ? attribute.fields('list').list(kind, []) : undefined
  }

  #what(name: string): string {
    return `attribute '${name}' of ${this.#at}`
  }
}

/** `{dim: [{size: '-1'}]}`. */
export function shapeOf(value: unknown, what: string): number[] | undefined {
  const fields = new Fields(value, what)
  if (fields.raw('unknownRank') === true) return undefined
  return fields.items('dim', []).map((dim) => (dim.has('size') ? dim.int('size') : 0))
}

const TYPES: Readonly<Record<string, ElementType>> = {
  DT_FLOAT: 'float32',
  DT_INT32: 'int32',
  DT_BOOL: 'bool',
  DT_INT64: 'int32',
  DT_UINT8: 'int32',
  DT_HALF: 'float32',
  1: 'float32',
  3: 'int32',
  10: 'bool',
  9: 'int32',
  4: 'int32',
  19: 'float32',
}

/** TensorFlow.js knows float32, int32 and bool; int64, uint8 and float16 are read as what it takes them for. */
export function elementType(value: unknown, what: string): ElementType {
  const type = typeof value === 'string' || typeof value === 'number' ? TYPES[value] : undefined
  if (!type)
    throw new UnsupportedError(
      'TFJS_DTYPE',
      `${what} is ${JSON.stringify(value) ?? 'missing'}; numbers and truth values can be read, texts and complex numbers cannot`,
    )
  return type
}

/** A text that is written in base64, or as a list of bytes. */
function textOf(value: unknown, what: string): string {
  if (Array.isArray(value)) return String.fromCharCode(...value.map((item) => toInt(item, what)))
  if (typeof value !== 'string' || value.length > 4096) throw wrong(what, 'a text in base64', value)
  return decodeBase64(value, what)
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function decodeBase64(text: string, what: string): string {
  let [result, bits, count] = ['', 0, 0]
  for (const letter of text.replace(/=+$/, '')) {
    const digit = DIGITS.indexOf(letter)
    if (digit < 0) throw wrong(what, 'a text in base64', text)
    bits = ((bits << 6) | digit) & 0xffffff
    count += 6
    if (count >= 8) {
      count -= 8
      result += String.fromCharCode((bits >> count) & 0xff)
    }
  }
  return result
}
