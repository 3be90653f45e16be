/** Protobuf's wire format as a tree that can be edited into anything, messages that no library would write included. */
export interface Field {
  no: number
  wire: number
  /** Varints, and the numbers of 32 and 64 bits as bytes. */
  value: bigint | Uint8Array | Message
}

export interface Message {
  readonly type: string
  fields: Field[]
}

/** The messages inside of messages, by the number of their field (onnx-ml.proto). */
const SCHEMA: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  Model: { 7: 'Graph', 8: 'Opset', 14: 'Entry', 25: 'Function' },
  Graph: { 1: 'Node', 5: 'Tensor', 11: 'Value', 12: 'Value', 13: 'Value', 15: 'Sparse' },
  Node: { 5: 'Attribute' },
  Attribute: { 5: 'Tensor', 6: 'Graph', 10: 'Tensor', 11: 'Graph', 14: 'Type', 15: 'Type', 22: 'Sparse', 23: 'Sparse' },
  Tensor: { 13: 'Entry' },
  Sparse: { 1: 'Tensor', 2: 'Tensor' },
  Value: { 2: 'Type' },
  Type: { 1: 'TensorType', 4: 'Type', 9: 'Type' },
  TensorType: { 2: 'Shape' },
  Shape: { 1: 'Dim' },
  Function: { 7: 'Node', 9: 'Opset', 11: 'Attribute' },
}

/** The tree of a message; what is cut off or damaged ends it. */
export function parse(bytes: Uint8Array, type = 'Model', depth = 0): Message {
  const fields: Field[] = []
  let at = 0
  const varint = (): bigint | undefined => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) return undefined
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    return undefined
  }
  while (at < bytes.length) {
    const tag = varint()
    if (tag === undefined) break
    const [no, wire] = [Number(tag >> 3n), Number(tag & 7n)]
    if (wire === 0) {
      const value = varint()
      if (value === undefined) break
      fields.push({ no, wire, value })
      continue
    }
    const length = wire === 2 ? varint() : wire === 1 ? 8n : wire === 5 ? 4n : undefined
    if (length === undefined || length > BigInt(bytes.length - at)) break
    const content = bytes.subarray(at, at + Number(length))
    at += Number(length)
    const inner = wire === 2 ? SCHEMA[type]?.[no] : undefined
    fields.push({ no, wire, value: inner && depth < 60 ? parse(content, inner, depth + 1) : content })
  }
  return { type, fields }
}

export function encode(message: Message): Uint8Array {
  const parts = message.fields.flatMap(({ no, wire, value }) => {
    const tag = varintBytes((BigInt(no) << 3n) | BigInt(wire))
    if (typeof value === 'bigint') return [tag, varintBytes(value)]
    const content = value instanceof Uint8Array ? value : encode(value)
    return wire === 2 ? [tag, varintBytes(BigInt(content.length)), content] : [tag, content]
  })
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

function varintBytes(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

export const varintField = (no: number, value: number | bigint): Field => ({ no, wire: 0, value: BigInt(value) })
export const textField = (no: number, text: string): Field => ({ no, wire: 2, value: new TextEncoder().encode(text) })
export const messageField = (no: number, type: string, fields: Field[]): Field => ({ no, wire: 2, value: { type, fields } })
