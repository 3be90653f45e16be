import { Builder } from 'flatbuffers'
import { TABLES } from '../src/schema/tables.ts'

export interface Spec {
  tensors: { name: string; shape: number[]; type?: number; buffer?: number; scale?: number[] }[]
  /** Behind the empty first one: bytes, or where they lie in the file. */
  buffers?: (number[] | { offset: number; size: number })[]
  inputs: number[]
  outputs: number[]
  ops: { code: number; custom?: string; inputs: number[]; outputs: number[] }[]
  version?: number
  withoutGraph?: boolean
}

type Fields = Record<string, { offset: number } | { number: number }>

/** Writes a model by the schema's table, ops without options. */
export function write(spec: Spec): Uint8Array {
  const builder = new Builder()
  const ints = (values: readonly number[]): { offset: number } => {
    builder.startVector(4, values.length, 4)
    for (const value of [...values].reverse()) builder.addInt32(value)
    return { offset: builder.endVector() }
  }
  const floats = (values: readonly number[]): { offset: number } => {
    builder.startVector(4, values.length, 4)
    for (const value of [...values].reverse()) builder.addFloat32(value)
    return { offset: builder.endVector() }
  }
  const bytes = (values: readonly number[]): { offset: number } => {
    builder.startVector(1, values.length, 16)
    for (const value of [...values].reverse()) builder.addInt8(value)
    return { offset: builder.endVector() }
  }
  const text = (value: string): { offset: number } => ({ offset: builder.createString(value) })
  const vector = (offsets: readonly number[]): { offset: number } => {
    builder.startVector(4, offsets.length, 4)
    for (const offset of [...offsets].reverse()) builder.addOffset(offset)
    return { offset: builder.endVector() }
  }
  const table = (type: string, fields: Fields): number => {
    builder.startObject(Object.keys(TABLES[type]!).length + 4)
    for (const [name, value] of Object.entries(fields)) {
      const [id, kind] = TABLES[type]![name]!
      if ('offset' in value) builder.addFieldOffset(id, value.offset, 0)
      else if (kind === 'uint64') builder.addFieldInt64(id, BigInt(value.number), 0n)
      else if (kind === 'int8') builder.addFieldInt8(id, value.number, 0)
      else builder.addFieldInt32(id, value.number, 0)
    }
    return builder.endObject()
  }
  const tensors = spec.tensors.map(({ name, shape, type = 0, buffer = 0, scale }) =>
    table('Tensor', {
      ...(scale ? { quantization: { offset: table('QuantizationParameters', { scale: floats(scale) }) } } : {}),
      name: text(name),
      shape: ints(shape),
      type: { number: type },
      buffer: { number: buffer },
    }),
  )
  const ops = spec.ops.map((op, index) =>
    table('Operator', { opcodeIndex: { number: index }, inputs: ints(op.inputs), outputs: ints(op.outputs) }),
  )
  const codes = spec.ops.map(({ code, custom }) =>
    table('OperatorCode', { builtinCode: { number: code }, ...(custom ? { customCode: text(custom) } : {}) }),
  )
  const buffers = [[] as number[], ...(spec.buffers ?? [])].map((buffer) =>
    table(
      'Buffer',
      Array.isArray(buffer)
        ? buffer.length > 0
          ? { data: bytes(buffer) }
          : {}
        : { offset: { number: buffer.offset }, size: { number: buffer.size } },
    ),
  )
  const graph = (): number =>
    table('SubGraph', { tensors: vector(tensors), inputs: ints(spec.inputs), outputs: ints(spec.outputs), operators: vector(ops) })
  const model = table('Model', {
    version: { number: spec.version ?? 3 },
    subgraphs: vector(spec.withoutGraph ? [] : [graph()]),
    operatorCodes: vector(codes),
    buffers: vector(buffers),
  })
  builder.finish(model, 'TFL3')
  return builder.asUint8Array().slice()
}
