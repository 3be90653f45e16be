import { create } from '@bufbuild/protobuf'
import { UnsupportedError } from '../errors.ts'
import type { Graph, Node, Value } from '../graph.ts'
import type { Model } from '../model.ts'
import { CarriedGraph, CarriedModel, CarriedNode, CarriedSparse } from './carried.ts'
import { MAX_BYTES } from './decode.ts'
import { type Encoded, encode, lengthOf } from './encode.ts'
import {
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type SparseTensorProto,
  StringStringEntryProtoSchema,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './gen/onnx_pb.ts'
import { writeAttribute } from './write-attribute.ts'
import { type Store, TensorWriter } from './write-tensor.ts'
import { writeType } from './write-type.ts'

export interface WriteOnnxOptions {
  /**
   * Writes what is known of inner tensors' types and shapes. Inference finds them again, and onnxruntime takes longer to open a model that
   * states them.
   * @default false
   */
  valueInfo?: boolean
}

/**
 * Writes a model as one self-contained ONNX file: weights as raw data, types and shapes of inputs and outputs (those of inner tensors
 * are left to inference unless `options` ask for them), and what the reader carried. A model that was read with `upgrade: false` keeps its
 * IR version. The same model gives the same bytes. Quantization annotations are not
 * written: the compiler lowers them first.
 * @throws {UnsupportedError} when the file would be larger than protobuf allows (2 GiB).
 */
export function writeOnnx(model: Model, options: WriteOnnxOptions = {}): Uint8Array {
  const { pieces, length } = encodeModel(model, undefined, undefined, options)
  if (length > MAX_BYTES)
    throw new UnsupportedError(
      'MODEL_TOO_LARGE',
      `the model takes ${length} bytes, and one ONNX file holds at most ${MAX_BYTES}; write it with writeOnnxFile, or compress it more`,
    )
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const piece of pieces) {
    bytes.set(piece instanceof Uint8Array ? piece : piece.peek(), offset)
    offset += lengthOf(piece)
  }
  return bytes
}

/** @internal The model's file in pieces; `store` takes the tensors that go to another file. */
export function encodeModel(model: Model, store?: Store, threshold?: number, options: WriteOnnxOptions = {}): Encoded {
  const tensors = new TensorWriter(store, threshold)
  const { proto: carried = {}, opset } = model.opaque instanceof CarriedModel ? model.opaque : {}
  const { metadata } = model
  const irVersion = opset === (model.opsets.get('') ?? 0) && carried.irVersion ? carried.irVersion : irVersionOf(model, carried.irVersion)
  const proto = {
    ...create(ModelProtoSchema),
    ...carried,
    irVersion,
    opsetImport: [...model.opsets].map(([domain, version]) => create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) })),
    producerName: metadata.producerName,
    producerVersion: metadata.producerVersion,
    domain: metadata.domain,
    modelVersion: Number(carried.modelVersion) === metadata.modelVersion ? carried.modelVersion : BigInt(metadata.modelVersion),
    docString: metadata.docString,
    graph: writeGraph(model.graph, { tensors, options, listsConstants: irVersion < 4n }),
    metadataProps: [...metadata.properties].map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  }
  return encode(ModelProtoSchema, proto, tensors.weights)
}

/** ONNX's IR versions, and the opset that came with each. */
const IR_VERSIONS: readonly (readonly [opset: number, irVersion: bigint])[] = [
  [25, 13n],
  [24, 12n],
  [23, 11n],
  [21, 10n],
  [0, 8n],
]

function irVersionOf(model: Model, read = 0n): bigint {
  const opset = model.opsets.get('') ?? 0
  const [, least] = IR_VERSIONS.find(([since]) => opset >= since)!
  return read > least ? read : least
}

interface Writing {
  readonly tensors: TensorWriter
  readonly options: WriteOnnxOptions
  /** Before IR version 4, initializers were inputs as well. */
  readonly listsConstants: boolean
}

function writeGraph(graph: Graph, writing: Writing): GraphProto {
  const { tensors, options, listsConstants } = writing
  const carried = graph.opaque instanceof CarriedGraph ? graph.opaque : undefined
  const info = (value: Value): ValueInfoProto => writeInfo(value, carried?.values.get(value.name))
  const sparse = new Set(graph.nodes.filter(({ opaque }) => opaque instanceof CarriedSparse))
  const outputs = new Set(graph.outputs)
  return {
    ...create(GraphProtoSchema),
    ...carried?.proto,
    name: graph.name,
    node: graph.nodes.filter((node) => !sparse.has(node)).map((node) => writeNode(node, writing)),
    initializer: [...graph.initializers].map((value) => tensors.write(value.tensor!, value.name, true)),
    sparseInitializer: [...sparse].map(writeSparse),
    input: (listsConstants && !graph.owner ? listed(graph, carried) : graph.inputs).map(info),
    output: graph.outputs.map(info),
    valueInfo: graph.nodes.flatMap((node) =>
      node.outputs.filter((value) => value && !outputs.has(value) && isStated(value, options, carried)).map((value) => info(value!)),
    ),
  }
}

/** Inner tensors' types can be inferred; those of sequences, maps and optionals not always. */
function isStated(value: Value, { valueInfo = false }: WriteOnnxOptions, carried: CarriedGraph | undefined): boolean {
  return value.opaqueType !== undefined || (valueInfo && (value.elementType !== undefined || (carried?.values.has(value.name) ?? false)))
}

/** Inputs and constants in the order of the file. */
function listed(graph: Graph, carried: CarriedGraph | undefined): Value[] {
  const values = new Set([...graph.inputs, ...graph.initializers])
  const order = [...(carried?.values.keys() ?? [])]
  const places = new Map(order.map((name, index) => [name, index]))
  const place = (value: Value): number => places.get(value.name) ?? order.length
  return [...values].sort((a, b) => place(a) - place(b))
}

function writeSparse(node: Node): SparseTensorProto {
  const { proto } = node.opaque as CarriedSparse
  return { ...proto, values: { ...create(TensorProtoSchema), ...proto.values, name: node.output.name } }
}

function writeInfo(value: Value, carried: ValueInfoProto | undefined): ValueInfoProto {
  return { ...create(ValueInfoProtoSchema), ...carried, name: value.name, type: writeType(value, carried?.type) }
}

function writeNode(node: Node, writing: Writing): NodeProto {
  const carried = node.opaque instanceof CarriedNode ? node.opaque.proto : {}
  const names = (values: readonly (Value | undefined)[]): string[] => values.map((value) => value?.name ?? '')
  return {
    ...create(NodeProtoSchema),
    ...carried,
    input: names(node.inputs),
    output: names(node.outputs),
    name: node.name,
    opType: node.op,
    domain: node.domain,
    attribute: [...node.attributes].map(([name, attribute]) =>
      writeAttribute(name, attribute, writing.tensors, (graph) => writeGraph(graph, writing), node.type === 'Constant'),
    ),
  }
}
