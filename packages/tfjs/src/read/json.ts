import { type JsonObject, ModelError, UnsupportedError } from '@whittle/ir'

/** An object of an untrusted JSON text, and where it stands, for messages. */
export class Fields {
  readonly at: string
  readonly #object: Readonly<Record<string, unknown>>

  constructor(object: unknown, at: string) {
    if (!isObject(object)) throw wrong(at, 'an object', object)
    this.#object = object
    this.at = at
  }

  json(): JsonObject {
    return this.#object as JsonObject
  }

  keys(): string[] {
    return Object.keys(this.#object)
  }

  /** Absent, null and undefined are the same. */
  has(key: string): boolean {
    return this.raw(key) !== undefined
  }

  raw(key: string): unknown {
    return Object.hasOwn(this.#object, key) ? (this.#object[key] ?? undefined) : undefined
  }

  string(key: string, fallback?: string): string {
    const value = this.raw(key) ?? fallback
    if (typeof value !== 'string') throw wrong(`'${key}' of ${this.at}`, 'a text', value)
    return value
  }

  /** A text in lower case without its underscores: `channels_last`, `channelsLast` and `CHANNELS_LAST` are the same. */
  word(key: string, fallback?: string): string {
    return plain(this.string(key, fallback))
  }

  number(key: string, fallback?: number): number {
    const value = this.raw(key) ?? fallback
    if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong(`'${key}' of ${this.at}`, 'a number', value)
    return value
  }

  /** A whole number; `long` JSON of protobuf writes it as a text. */
  int(key: string, fallback?: number): number {
    return toInt(this.raw(key) ?? fallback, `'${key}' of ${this.at}`)
  }

  bool(key: string, fallback?: boolean): boolean {
    const value = this.raw(key) ?? fallback
    if (typeof value !== 'boolean') throw wrong(`'${key}' of ${this.at}`, 'true or false', value)
    return value
  }

  list(key: string, fallback?: readonly unknown[]): readonly unknown[] {
    const value = this.raw(key) ?? fallback
    if (!Array.isArray(value)) throw wrong(`'${key}' of ${this.at}`, 'a list', value)
    return value as readonly unknown[]
  }

  /** A list of whole numbers; one number stands for a list of `repeat` times that number. */
  ints(key: string, repeat = 1, fallback?: readonly number[]): number[] {
    const value = this.raw(key) ?? fallback
    if (typeof value === 'number') return Array.from({ length: repeat }, () => toInt(value, `'${key}' of ${this.at}`))
    return this.list(key, fallback).map((item, index) => toInt(item, `'${key}[${index}]' of ${this.at}`))
  }

  fields(key: string): Fields {
    return new Fields(this.raw(key), `'${key}' of ${this.at}`)
  }

  /** The objects of a list. */
  items(key: string, fallback?: readonly unknown[]): Fields[] {
    return this.list(key, fallback).map((item, index) => new Fields(item, `'${key}[${index}]' of ${this.at}`))
  }

  /** @throws {UnsupportedError} unless the text is one of these (as {@link word} writes them). */
  choice<T extends string>(key: string, options: readonly T[], fallback?: T): T {
    const value = this.word(key, fallback) as T
    if (!options.includes(value))
      throw new UnsupportedError(
        'TFJS_OPTION',
        `'${key}' of ${this.at} is '${value}', which Whittle cannot read; it reads ${options.join(', ')}`,
      )
    return value
  }
}

/** Lower case, without underscores. */
export function plain(text: string): string {
  return text.toLowerCase().replaceAll('_', '')
}

/** @throws {ModelError} that says which thing is not what it should be. */
export function toInt(value: unknown, what: string): number {
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw wrong(what, 'a whole number', value)
  return number
}

/** A list of whole numbers, none below zero: a shape. @throws {ModelError} otherwise. */
export function toShape(value: unknown, what: string): number[] {
  if (!Array.isArray(value)) throw wrong(what, 'a list of sizes', value)
  return value.map((item) => {
    const size = toInt(item, what)
    if (size < 0) throw wrong(what, 'a list of sizes', value)
    return size
  })
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The error of JSON that is not what the format asks for. */
export function wrong(what: string, expected: string, received: unknown): ModelError {
  const shown = received === undefined ? 'nothing' : (JSON.stringify(received)?.slice(0, 60) ?? typeof received)
  return new ModelError('TFJS_JSON', `${what} must be ${expected}, and is ${shown}; convert the model again`)
}
