import { createHash } from 'node:crypto'
import { type ModelProto, type TensorProto, contentOf } from './protobuf.ts'

const DATA = new Set(['rawData', 'floatData', 'doubleData', 'int32Data', 'int64Data', 'uint64Data', 'stringData'])

/** What may differ between files that say the same, and nothing else: see the README. */
function canonical(message: unknown): unknown {
  if (typeof message === 'bigint') return `${message}`
  if (typeof message === 'number') return Object.is(message, -0) ? '-0' : String(message)
  if (message instanceof Uint8Array) return message.length === 0 ? undefined : Buffer.from(message).toString('base64')
  if (Array.isArray(message)) return message.length === 0 ? undefined : message.map((item) => canonical(item) ?? null)
  if (message === null || typeof message !== 'object') return message === '' ? undefined : message
  const fields: Record<string, unknown> = {}
  const source = message as Record<string, unknown>
  for (const key of Object.keys(source).sort()) {
    if (source.$typeName === 'onnx.TensorProto' && DATA.has(key)) continue
    const value = canonical(source[key])
    // A field at its default says what an absent one does; a message that is there says more than none.
    if (value !== undefined && !isDefault(source[key])) fields[key] = value
  }
  switch (source.$typeName) {
    case 'onnx.TensorProto':
      fields.content = hash(contentOf(message as TensorProto))
      break
    case 'onnx.NodeProto':
      for (const key of ['input', 'output']) fields[key] = withoutTrailing(source[key] as string[])
      if (fields.domain === 'ai.onnx') delete fields.domain
      break
    case 'onnx.GraphProto':
      if (fields.valueInfo)
        fields.valueInfo = (fields.valueInfo as { name: string }[]).toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
      break
    case 'onnx.OperatorSetIdProto':
      if (fields.domain === 'ai.onnx') delete fields.domain
  }
  return fields
}

const isDefault = (value: unknown): boolean => value === 0 || value === 0n || value === ''

function withoutTrailing(names: readonly string[]): string[] {
  const end = names.findLastIndex((name) => name !== '')
  return names.slice(0, end + 1)
}

function hash(content: Uint8Array | string[]): string {
  const bytes = content instanceof Uint8Array ? content : JSON.stringify(content)
  return createHash('sha256').update(bytes).digest('hex')
}

/** Where the first difference is and what it is; undefined where the two say the same. */
export function differenceOfProtos(before: ModelProto, after: ModelProto): string | undefined {
  return firstDifference(canonical(before), canonical(after), 'model')
}

function firstDifference(a: unknown, b: unknown, path: string): string | undefined {
  if (a === b) return undefined
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object')
    return `${path}: ${JSON.stringify(a) ?? 'absent'} became ${JSON.stringify(b) ?? 'absent'}`.slice(0, 300)
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = firstDifference((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], `${path}.${key}`)
    if (found) return found
  }
  return undefined
}
