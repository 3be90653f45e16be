import type { Attribute } from './attribute.ts'
import type { Graph, Node, Value } from './graph.ts'
import type { Model } from './model.ts'
import type { Quantization } from './quantization.ts'
import type { Tensor } from './tensor.ts'

/** What {@link printModel} shows. */
export interface PrintOptions {
  /** Constants of at most so many elements are shown by value, the others by a digest of their bytes. Default 8. */
  values?: number
}

/**
 * A model as text, for tests and messages: one line a node, such as
 * `%y: float32[N,8,24,96] = Conv(%x, %w) {strides=[2,2]}`. The same model gives the same text.
 */
export function printModel(model: Model, options: PrintOptions = {}): string {
  const opsets = [...model.opsets].map(([domain, version]) => `${domain || 'ai.onnx'}:${version}`).join(' ')
  return `${opsets}\n${printGraph(model.graph, '', options.values ?? 8)}\n`
}

function printGraph(graph: Graph, indent: string, values: number): string {
  const inner = `${indent}  `
  const inputs = graph.inputs.map((value) => typed(value) + (value.tensor ? ` = ${printTensor(value.tensor, values)}` : ''))
  const constants = [...graph.initializers].filter((value) => !value.isInput)
  const lines = [
    ...constants.map((value) => `${typed(value)} = ${printTensor(value.tensor!, values)}`),
    ...graph.nodes.map((node) => printNode(node, inner, values)),
    `return ${graph.outputs.map((value) => `%${value.name}`).join(', ')}`,
  ]
  return `graph ${graph.name}(${inputs.join(', ')}) {\n${lines.map((line) => inner + line).join('\n')}\n${indent}}`
}

function printNode(node: Node, indent: string, values: number): string {
  const outputs = node.outputs.map((value) => (value ? typed(value) : '_')).join(', ')
  const inputs = node.inputs.map((value) => (value ? `%${value.name}` : '_')).join(', ')
  const attributes = [...node.attributes].map(([name, value]) => `${name}=${printAttribute(value, indent, values)}`)
  const braces = attributes.length > 0 ? ` {${attributes.join(', ')}}` : ''
  return `${outputs} = ${node.type}(${inputs})${braces}${node.name ? ` # ${node.name}` : ''}`
}

function printAttribute(attribute: Attribute, indent: string, values: number): string {
  switch (attribute.type) {
    case 'int':
      return String(attribute.value)
    case 'float':
      return number(attribute.value)
    case 'string':
      return JSON.stringify(attribute.value)
    case 'ints':
      return `[${attribute.value.join(',')}]`
    case 'floats':
      return `[${attribute.value.map(number).join(',')}]`
    case 'strings':
      return JSON.stringify(attribute.value)
    case 'tensor':
      return `${attribute.value.type}[${attribute.value.dims.join(',')}] ${printTensor(attribute.value, values)}`
    case 'tensors':
      return `[${attribute.value.map((tensor) => printTensor(tensor, values)).join(', ')}]`
    case 'graph':
      return printGraph(attribute.value, indent, values)
    case 'graphs':
      return `[${attribute.value.map((graph) => printGraph(graph, indent, values)).join(', ')}]`
    default:
      return '<carried>'
  }
}

function typed(value: Value): string {
  const shape = value.shape ? `[${value.shape.join(',')}]` : '[?]'
  const annotation = value.quantization ? ` @${printQuantization(value.quantization)}` : ''
  return `%${value.name}: ${value.elementType ?? '?'}${shape}${annotation}`
}

function printQuantization(quantization: Quantization): string {
  if (!('scale' in quantization)) return quantization.kind
  const { bits, scale, axis, block } = quantization
  const list = (items: ArrayLike<number>): string =>
    items.length <= 4 ? `[${Array.from(items, number).join(',')}]` : `<${digest(new Uint8Array(bufferOf(items)))}>`
  const where = (axis === undefined ? '' : `, axis=${axis}`) + (block ? `, block=${block.size} of axis ${block.axis}` : '')
  if (quantization.kind === 'codebook') return `codebook${bits}(levels=${list(quantization.levels)}, scale=${list(scale)}${where})`
  return `${quantization.signed ? 'int' : 'uint'}${bits}(scale=${list(scale)}, zero=${list(quantization.zeroPoint)}${where})`
}

function bufferOf(items: ArrayLike<number>): ArrayBufferLike {
  return Float64Array.from(items).buffer
}

function printTensor(tensor: Tensor, values: number): string {
  if (tensor.type === 'string')
    return tensor.size <= values
      ? JSON.stringify(tensor.strings())
      : `<${digest(new TextEncoder().encode(JSON.stringify(tensor.strings())))}>`
  const readable = !/^(float8|float4|complex)/.test(tensor.type)
  if (tensor.size > values || !readable) return `<${digest(tensor.bytes())}>`
  // 64-bit integers are read as they are: a number would round them.
  const items = tensor.type.endsWith('int64') ? Array.from(tensor.data() as BigInt64Array, String) : tensor.toNumbers().map(number)
  return tensor.dims.length === 0 ? (items[0] ?? '') : `[${items.join(',')}]`
}

/** As few digits as tell float32 numbers apart: 0.1, not 0.10000000149. */
function number(value: number): string {
  if (Object.is(value, -0)) return '-0'
  if (Number.isInteger(value) || !Number.isFinite(value)) return String(value)
  const digits = [6, 7, 8].find((count) => Math.fround(Number(value.toPrecision(count))) === Math.fround(value)) ?? 9
  return String(Number(value.toPrecision(digits)))
}

/** FNV-1a in two lanes: tells tensors apart in a text, and is no more than that. */
function digest(bytes: Uint8Array): string {
  let a = 0x811c9dc5
  let b = 0x01000193
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193)
    b = Math.imul(b ^ byte, 0x5bd1e995) ^ (b >>> 15)
  }
  return ((a >>> 0).toString(16).padStart(8, '0') + (b >>> 0).toString(16).padStart(8, '0')).slice(0, 16)
}
