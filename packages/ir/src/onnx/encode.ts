import { type DescMessage, type Message, create, toBinary } from '@bufbuild/protobuf'
import { byteLengthOf } from '../element-type.ts'
import type { Tensor } from '../tensor.ts'

/** A part of a file: bytes, or a tensor whose bytes are fetched when their turn has come. */
export type Piece = Uint8Array | Tensor

export interface Encoded {
  readonly pieces: readonly Piece[]
  /** Bytes in all. */
  readonly length: number
}

/** Tensors' bytes that are left out of their messages. */
export type Weights = ReadonlyMap<object, Tensor>

/** The number of `raw_data` in TensorProto. */
const RAW_DATA = 9

/** The fields through which a model holds its tensors. */
const PATH = new Set(['graph', 'node', 'initializer', 'attribute', 't', 'g', 'tensors', 'graphs'])

type Fields = Record<string, unknown>

/**
 * A message as a list of pieces, which together are the bytes that the library would give. The library alone would copy each weight
 * once for every message around it, and hold the file twice: so only messages without weights are left to it, and of the few around a
 * weight the headers are written here.
 */
export function encode(schema: DescMessage, message: Message, weights: Weights): Encoded {
  const heavy = new Set<object>()
  if (weights.size > 0) mark(message, weights, heavy)
  return encodeMessage(schema, message, weights, heavy)
}

function encodeMessage(schema: DescMessage, message: Message, weights: Weights, heavy: ReadonlySet<object>): Encoded {
  if (!heavy.has(message)) return joined([toBinary(schema, message)])
  const tensor = weights.get(message)
  if (tensor) {
    const [before, after] = [create(schema), create(schema)] as (Message & Fields)[]
    for (const { number, localName } of schema.fields)
      if (Object.hasOwn(message, localName)) (number < RAW_DATA ? before : after)![localName] = (message as Message & Fields)[localName]
    if (message.$unknown) after!.$unknown = message.$unknown
    return joined([toBinary(schema, before!), header(RAW_DATA, lengthOf(tensor)), tensor, toBinary(schema, after!)])
  }
  const pieces: Piece[] = []
  let light = create(schema) as Message & Fields
  const flush = (): void => {
    pieces.push(toBinary(schema, light))
    light = create(schema) as Message & Fields
  }
  for (const field of [...schema.fields].sort((a, b) => a.number - b.number)) {
    const name = field.oneof?.localName ?? field.localName
    if (!Object.hasOwn(message, name)) continue
    const value = (message as Message & Fields)[name]
    if (!field.message || !PATH.has(name)) {
      light[name] = value
      continue
    }
    const isList = Array.isArray(value)
    for (const item of (isList ? value : [value]) as Message[]) {
      if (!heavy.has(item)) {
        if (isList) (light[name] as unknown[]).push(item)
        else light[name] = item
        continue
      }
      flush()
      const inner = encodeMessage(field.message, item, weights, heavy)
      pieces.push(header(field.number, inner.length))
      for (const piece of inner.pieces) pieces.push(piece)
    }
  }
  if (message.$unknown) light.$unknown = message.$unknown
  flush()
  return joined(pieces)
}

/** Finds the messages that hold weights. */
function mark(message: object, weights: Weights, heavy: Set<object>): boolean {
  let found = weights.has(message)
  for (const name of PATH) {
    const value = (message as Fields)[name]
    if (Array.isArray(value)) for (const item of value as object[]) found = mark(item, weights, heavy) || found
    else if (typeof value === 'object' && value !== null) found = mark(value, weights, heavy) || found
  }
  if (found) heavy.add(message)
  return found
}

function joined(pieces: readonly Piece[]): Encoded {
  return {
    pieces: pieces.filter((piece) => lengthOf(piece) > 0),
    length: pieces.reduce((sum, piece) => sum + lengthOf(piece), 0),
  }
}

export function lengthOf(piece: Piece): number {
  return piece instanceof Uint8Array ? piece.length : byteLengthOf(piece.type, piece.size)
}

/** The tag of a length-delimited field, and the length: both varints. */
function header(field: number, length: number): Uint8Array {
  const bytes: number[] = []
  for (let value of [field * 8 + 2, length]) {
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
    bytes.push(value)
  }
  return Uint8Array.from(bytes)
}
