import { create } from '@bufbuild/protobuf'
import { UnsupportedError } from '../errors.ts'
import type { Graph, Model, Node, Value } from '../graph.ts'
import { CarriedGraph, CarriedModel, CarriedNode } from './carried.ts'
import { MAX_BYTES } from './decode.ts'
import { type Encoded, encode, lengthOf } from './encode.ts'
import {
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './gen/onnx_pb.ts'
import { writeAttribute } from './write-attribute.ts'
import { type Store, TensorWriter } from './write-tensor.ts'
import { writeType } from './write-type.ts'

/**
 * Writes a model as one self-contained ONNX file: weights as raw data, types and shapes of inputs and outputs (those of inner tensors
 * are left to inference), and what the reader carried. The same model gives the same bytes. Quantization annotations are not
 * written: the compiler lowers them first.
 * @throws {UnsupportedError} when the file would be larger than protobuf allows (2 GiB).
 */
export function writeOnnx(model: Model): Uint8Array {
  const { pieces, length } = encodeModel(model)
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
export function encodeModel(model: Model, store?: Store, threshold?: number): Encoded {
  const tensors = new TensorWriter(store, threshold)
  const carried = model.opaque instanceof CarriedModel ? model.opaque.proto : {}
  const { metadata } = model
  const proto = {
    ...create(ModelProtoSchema),
    ...carried,
    irVersion: irVersionOf(model, carried.irVersion),
    opsetImport: [...model.opsets].map(([domain, version]) => create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) })),
    producerName: metadata.producerName,
    producerVersion: metadata.producerVersion,
    domain: metadata.domain,
    modelVersion: BigInt(metadata.modelVersion),
    docString: metadata.docString,
    graph: writeGraph(model.graph, tensors),
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

function writeGraph(graph: Graph, tensors: TensorWriter): GraphProto {
  const carried = graph.opaque instanceof CarriedGraph ? graph.opaque : undefined
  const info = (value: Value): ValueInfoProto => writeInfo(value, carried?.values.get(value.name))
  return {
    ...create(GraphProtoSchema),
    ...carried?.proto,
    name: graph.name,
    node: graph.nodes.map((node) => writeNode(node, tensors)),
    initializer: [...graph.initializers].map((value) => tensors.write(value.tensor!, value.name, true)),
    input: graph.inputs.map(info),
    output: graph.outputs.map(info),
    // Inner tensors' types can be inferred; those of sequences, maps and optionals not always.
    valueInfo: graph.nodes.flatMap((node) =>
      node.outputs.filter((value) => value?.opaqueType && !value.isOutput).map((value) => writeInfo(value!, undefined)),
    ),
  }
}

function writeInfo(value: Value, carried: ValueInfoProto | undefined): ValueInfoProto {
  return { ...create(ValueInfoProtoSchema), ...carried, name: value.name, type: writeType(value, carried?.type) }
}

function writeNode(node: Node, tensors: TensorWriter): NodeProto {
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
      writeAttribute(name, attribute, tensors, (graph) => writeGraph(graph, tensors), node.type === 'Constant'),
    ),
  }
}
