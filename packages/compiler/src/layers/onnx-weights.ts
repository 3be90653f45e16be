import { brotliCompressSync, constants } from 'node:zlib'
import { type Engine, type Model, type Node, type Tensor, type Value, bitsOf, constantOf, kindOf } from '@whittle/ir'
import { kernelSlots } from './graph-summary.ts'
import type { Layer, LayerForm } from './layer.ts'
import { unpackBlocks } from './unpack-blocks.ts'
import { sourcesOf, unfold } from './unfold.ts'

/** A weight as a file holds it. */
export interface FileWeight {
  readonly node?: Node
  /** The value that holds what the node gives, scaled and with its bias; undefined where there is none of floats. */
  readonly output?: Value
  readonly stored: Layer['stored']
  readonly bits: number
  readonly bytes: number
  readonly brotli: number
  /** What it stands for, as the node reads it. */
  readonly values?: { readonly dims: readonly number[]; readonly data: Float32Array }
  /** Share of zeros where `values` are not there. */
  readonly zeros?: number
  readonly computes: LayerForm
}

/** The weights of an ONNX file in the order of the nodes, each once, unfolded as a runtime would when it makes the session. */
export async function onnxWeights(model: Model, engine: Engine): Promise<FileWeight[]> {
  const found = new Map<Value, { node: Node; sources: Value[] }>()
  for (const node of model.nodes())
    for (const slot of kernelSlots(node)) {
      const value = node.inputs[slot]
      const sources = value && !found.has(value) ? (constantOf(value) ? [value] : sourcesOf(value)) : undefined
      const main = sources && mainOf(sources)
      if (main && !['int64', 'uint64', 'uint32', 'bool', 'string'].includes(main.type)) found.set(value!, { node, sources: sources! })
    }
  const unfolded = await unfold(model, [...found.keys()], engine)
  return [...found].map(([value, { node, sources }]): FileWeight => {
    const companions = companionsOf(node)
    const tensors = [...new Set([...sources, ...companions])].map((source) => constantOf(source)!)
    const main = mainOf(sources)
    const bytes = Buffer.concat(tensors.map((tensor) => tensor.bytes()))
    const packed = node.domain === 'com.microsoft' && node.attributes.has('block_size')
    const values = packed ? unpackBlocks(node) : isInteger(node) ? undefined : valuesOf(constantOf(value) ?? unfolded[value.name])
    return {
      node,
      output: outputOf(node),
      stored: main.type,
      bits: packed ? node.int('bits', 4) : bitsNeeded(main),
      bytes: bytes.byteLength,
      brotli: quickBrotli(bytes),
      ...(values ? { values } : isInteger(node) ? { zeros: zerosOfInteger(node, main) } : {}),
      computes: formOf(node, value, main),
    }
  })
}

export function quickBrotli(bytes: Uint8Array): number {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }).byteLength
}

function mainOf(sources: readonly Value[]): Tensor {
  return sources.map((source) => constantOf(source)!).reduce((largest, tensor) => (tensor.size > largest.size ? tensor : largest))
}

/** Scales and zero points that a node of packed blocks takes beside its weight. */
function companionsOf(node: Node): Value[] {
  if (!node.attributes.has('block_size')) return []
  return node.inputs.slice(2, 4).filter((value): value is Value => value?.tensor !== undefined)
}

function valuesOf(tensor: Tensor | undefined): FileWeight['values'] {
  return tensor && kindOf(tensor.type) === 'float' ? { dims: tensor.dims, data: tensor.toFloat32() } : undefined
}

/** Of integers, as many as the range of those that are there needs. */
function bitsNeeded(tensor: Tensor): number {
  if (kindOf(tensor.type) === 'float') return bitsOf(tensor.type)
  const numbers = tensor.toNumbers()
  let [low, high] = [Infinity, -Infinity]
  for (const number of numbers) {
    if (number < low) low = number
    if (number > high) high = number
  }
  return numbers.length === 0 ? 0 : Math.max(1, Math.ceil(Math.log2(high - low + 1)))
}

/** Sums in integers, whose scales come after them. */
function isInteger({ op }: Node): boolean {
  return op === 'MatMulInteger' || op === 'ConvInteger'
}

function zerosOfInteger(node: Node, tensor: Tensor): number {
  const zero = constantOf(node.inputs[3])?.toNumbers()[0] ?? 0
  return tensor.toNumbers().filter((number) => number === zero).length / Math.max(1, tensor.size)
}

function formOf(node: Node, weight: Value, main: Tensor): LayerForm {
  if (isInteger(node)) return 'int8, rounded at every run'
  if (node.attributes.has('block_size')) return 'few bits, in blocks'
  const fromIntegers = (value: Value | undefined): boolean => value?.producer?.op === 'DequantizeLinear'
  if (fromIntegers(node.inputs[0]) && fromIntegers(weight)) return 'int8'
  return main.type === 'float16' && weight.tensor ? 'float16' : 'float32'
}

/** Past what scales sums of integers, and past the bias that packed blocks have none of their own for. */
function outputOf(node: Node): Value | undefined {
  let output = node.outputs[0]
  for (const op of isInteger(node) ? ['Cast', 'Mul', 'Add'] : node.op === 'MatMulNBits' ? ['Add'] : []) {
    const reader: Node | undefined = output?.uses.length === 1 ? output.uses[0]!.node : undefined
    const constantSide = reader?.inputs.some((input) => input && input !== output && sourcesOf(input) !== undefined)
    if (reader?.op !== op || (op === 'Add' && !constantSide)) break
    output = reader.outputs[0]
  }
  const type = output?.elementType
  return type !== undefined && kindOf(type) !== 'float' ? undefined : output
}
