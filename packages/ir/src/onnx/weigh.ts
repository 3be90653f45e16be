import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { WireType } from '@bufbuild/protobuf/wire'
import { ModelError } from '../errors.ts'
import { ModelProtoSchema } from './gen/onnx_pb.ts'

/** Bytes that a message and what the IR makes of it hold beside their content, measured; others hold about `MESSAGE`. */
const MESSAGES: Readonly<Record<string, number>> = {
  'onnx.GraphProto': 1000,
  'onnx.NodeProto': 760,
  'onnx.TensorProto': 650,
  'onnx.AttributeProto': 450,
  'onnx.FunctionProto': 400,
}
const MESSAGE = 100
const UNKNOWN_FIELD = 170
const HEAVIEST = 500

/** The real models at hand, weights left out, weigh up to 18 times their size; with their weights, below 2. Tiny ones are free. */
const FREE = 32 * 2 ** 20
const MULTIPLE = 32
/** About half of the heap that V8 takes by default on a machine of 16 GB. */
const MOST = 2 ** 31

/** libprotobuf's limit, too. */
const DEPTH = 100

/**
 * Refuses a file whose parts would take many times its size in memory: an empty node is 2 bytes in a file. Nothing is kept while the parts
 * are counted. A file that is damaged is left to the decoder.
 * @throws {ModelError} naming the part of which there are too many.
 */
export function checkWeight(bytes: Uint8Array, file: string): void {
  const limit = Math.min(FREE + MULTIPLE * bytes.length, MOST)
  // So much at most of each byte: an empty graph has two.
  if (bytes.length * HEAVIEST < limit) return
  const scale = new Scale(bytes, limit)
  try {
    scale.message(ModelProtoSchema, bytes.length, 0)
  } catch (error) {
    // Damaged: the decoder says so, unless it has taken too much before it comes there.
    if (!(error instanceof RangeError)) throw error
  }
  const most = scale.heaviest
  if (scale.total <= limit || !most) return
  throw new ModelError(
    'MODEL_PARTS',
    `${file}: the file has ${bytes.length} bytes, and its ${most.count} or more entries of ${most.where} with all else would take over ` +
      `${Math.floor(limit / 2 ** 20)} MiB of memory; no exporter writes so many, so check where the file comes from`,
  )
}

interface Load {
  readonly where: string
  count: number
  weight: number
}

/** Walks as the decoder does, wrong wire types and lengths included. */
class Scale {
  total = 0
  readonly #bytes: Uint8Array
  readonly #limit: number
  #at = 0
  readonly #loads = new Map<string, Load>()
  readonly #fields = new Map<DescMessage, ReadonlyMap<number, DescField>>()

  constructor(bytes: Uint8Array, limit: number) {
    this.#bytes = bytes
    this.#limit = limit
  }

  get heaviest(): Load | undefined {
    return [...this.#loads.values()].sort((a, b) => b.weight - a.weight)[0]
  }

  message(schema: DescMessage, length: number, depth: number): void {
    if (depth > DEPTH) throw new RangeError('too deep')
    const fields = this.#fieldsOf(schema)
    const end = this.#at + length
    while (this.#at < end && this.total <= this.#limit) {
      const tag = this.#varint()
      const field = fields.get(tag >>> 3)
      if (!field) {
        this.#skipUnknown(tag, DEPTH - depth)
        this.#add(schema, 'unknown fields', UNKNOWN_FIELD)
      } else if (field.message) {
        this.#add(schema, field.name, MESSAGES[field.message.typeName] ?? MESSAGE)
        this.message(field.message, this.#varint(), depth + 1)
      } else this.#scalar(schema, field, tag & 7)
    }
  }

  #scalar(schema: DescMessage, field: DescField, wireType: number): void {
    if (field.fieldKind === 'enum') {
      const value = this.#varint() | 0
      if (!field.enum.values.some((item) => item.number === value)) this.#add(schema, field.name, UNKNOWN_FIELD)
      return
    }
    const scalar = field.scalar ?? ScalarType.INT32
    const isList = field.fieldKind === 'list'
    if (isList && wireType === WireType.LengthDelimited && scalar !== ScalarType.STRING && scalar !== ScalarType.BYTES) {
      const length = this.#varint()
      const end = this.#at + length
      let count = 0
      for (; this.#at < end; count++) this.#skip(scalar)
      this.#add(schema, field.name, weightOf(scalar), count)
      return
    }
    this.#skip(scalar)
    if (isList) this.#add(schema, field.name, weightOf(scalar))
  }

  #skip(scalar: ScalarType): void {
    switch (scalar) {
      case ScalarType.STRING:
      case ScalarType.BYTES:
        return this.#forward(this.#varint())
      case ScalarType.FLOAT:
        return this.#forward(4)
      case ScalarType.DOUBLE:
        return this.#forward(8)
      default:
        this.#varint()
    }
  }

  #skipUnknown(tag: number, depth: number): void {
    switch (tag & 7) {
      case WireType.Varint:
        this.#varint()
        return
      case WireType.Bit64:
        return this.#forward(8)
      case WireType.LengthDelimited:
        return this.#forward(this.#varint())
      case WireType.Bit32:
        return this.#forward(4)
      case WireType.StartGroup:
        if (depth <= 0) throw new RangeError('too deep')
        for (let inner = this.#varint(); (inner & 7) !== WireType.EndGroup; inner = this.#varint()) this.#skipUnknown(inner, depth - 1)
        return
      default:
        throw new RangeError('no wire type')
    }
  }

  #forward(length: number): void {
    this.#at += length
    if (this.#at > this.#bytes.length) throw new RangeError('cut off')
  }

  /** The low 32 bits. */
  #varint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new RangeError('cut off')
      if (shift < 32) value |= (byte & 127) << shift
      if (byte < 128) return value >>> 0
    }
  }

  #add(schema: DescMessage, field: string, weight: number, count = 1): void {
    const where = `${schema.name}.${field}`
    let load = this.#loads.get(where)
    if (!load) this.#loads.set(where, (load = { where, count: 0, weight: 0 }))
    load.count += count
    load.weight += count * weight
    this.total += count * weight
  }

  #fieldsOf(schema: DescMessage): ReadonlyMap<number, DescField> {
    let fields = this.#fields.get(schema)
    if (!fields) this.#fields.set(schema, (fields = new Map(schema.fields.map((field) => [field.number, field]))))
    return fields
  }
}

/** What a list's item takes. */
function weightOf(scalar: ScalarType): number {
  switch (scalar) {
    case ScalarType.BYTES:
      return 110
    case ScalarType.STRING:
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return 40
    default:
      return 16
  }
}
