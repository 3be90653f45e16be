import { type ElementType, type Model, type Node, UnsupportedError, type Value } from '@whittle/ir'
import { PROGRAM_FORMAT, type PortType, type Program, type Step } from '../run/program.ts'
import { conv, convTranspose } from './conv.ts'
import { BINARY, COMPOSED, UNARY, batchNormalization, binary, cast, clip, composed, prelu, unary, where } from './elementwise.ts'
import * as layout from './layout.ts'
import { gemm, matMul } from './matmul.ts'
import { globalPool, pool } from './pool.ts'
import { REDUCTIONS, argument, layerNormalization, reduce, softmax } from './reduce.ts'
import { ProgramWriter, type Ref, type Weight, unsupported } from './writer.ts'

type Rule = (writer: ProgramWriter, node: Node) => void

const table = (names: readonly string[], rule: Rule): Record<string, Rule> => Object.fromEntries(names.map((name) => [name, rule]))

const RULES: Readonly<Record<string, Rule>> = {
  ...table(Object.keys(UNARY), unary),
  ...table(Object.keys(COMPOSED), composed),
  ...table(Object.keys(BINARY), binary),
  ...table(REDUCTIONS, reduce),
  ArgMax: argument,
  ArgMin: argument,
  AveragePool: pool,
  BatchNormalization: batchNormalization,
  Cast: cast,
  Clip: clip,
  Concat: layout.concat,
  Conv: conv,
  ConvTranspose: convTranspose,
  DepthToSpace: layout.depthToSpace,
  Dropout: layout.identity,
  Expand: layout.tile,
  Flatten: layout.flatten,
  Gather: layout.gather,
  Gemm: gemm,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  Identity: layout.identity,
  LayerNormalization: layerNormalization,
  LogSoftmax: softmax,
  MatMul: matMul,
  MaxPool: pool,
  PRelu: prelu,
  Pad: layout.pad,
  Reshape: layout.reshape,
  Resize: layout.resize,
  Shape: layout.shape,
  Slice: layout.slice,
  Softmax: softmax,
  Split: layout.split,
  Squeeze: layout.squeeze,
  Tile: layout.tile,
  Transpose: layout.transpose,
  Unsqueeze: layout.squeeze,
  Where: where,
}

/** The ops that the small runtime computes. */
export const programOps: readonly string[] = Object.keys(RULES).sort()

/** A model as TensorFlow.js's kernels compute it. */
export interface WrittenProgram {
  readonly program: Program
  /** In the order in which the program names them; annotations as on the model, on axes as they now are. */
  readonly weights: readonly Weight[]
}

/**
 * Writes a model as a program of TensorFlow.js's kernels, which want the axis of channels last: values are reordered where a convolution first
 * needs it, and back where an op cannot do without. Annotations of activations are passed over: all is computed in float32.
 * @param model with shapes inferred; it is not changed.
 * @throws {UnsupportedError} naming the first node that the kernels cannot compute.
 */
export function writeProgram(model: Model): WrittenProgram {
  const { graph } = model
  const writer = new ProgramWriter(graph)
  for (const node of graph.nodes) {
    if (writer.fused.has(node) || layout.intArithmetic(writer, node)) continue
    const rule = RULES[node.type]
    if (!rule) throw unsupported(`it has no kernel for ${node.describe()}`)
    rule(writer, node)
  }
  const outputs = graph.outputs.map((value) => [value.name, portType(value), writer.plain(value)] as const)
  return { program: numbered(writer, outputs), weights: writer.weights }
}

/** Why a model cannot run on TensorFlow.js; undefined where it can. */
export function whyNoProgram(model: Model): string | undefined {
  try {
    writeProgram(model)
    return undefined
  } catch (error) {
    if (error instanceof UnsupportedError) return error.message
    throw error
  }
}

/** Weights first, then inputs, then steps. */
function numbered(writer: ProgramWriter, outputs: readonly (readonly [string, PortType, Ref])[]): Program {
  const { weights } = writer
  const place = (ref: Ref): number => (ref < 0 ? -ref - 1 : ref + weights.length)
  return {
    format: PROGRAM_FORMAT,
    weights: weights.map(({ name, dims }) => [name, [...dims]]),
    inputs: writer.inputs.map((value) => [value.name, portType(value)]),
    steps: writer.steps.map(([kernel, inputs, attributes]): Step => {
      const read = inputs.map((ref) => (ref === null ? null : place(ref)))
      while (read.at(-1) === null) read.pop()
      return Object.keys(attributes).length > 0 ? [kernel, read, attributes] : [kernel, read]
    }),
    outputs: outputs.map(([name, type, ref]) => [name, type, place(ref)]),
  }
}

const PORTS: readonly ElementType[] = ['float32', 'int32', 'int64', 'bool', 'uint8', 'int8']

function portType(value: Value): PortType {
  const type = value.elementType
  if (!type || !PORTS.includes(type)) throw unsupported(`'${value.name}' is of ${type ?? 'an unknown type'}`)
  return type as PortType
}
