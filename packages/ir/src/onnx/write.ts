import { create, toBinary } from '@bufbuild/protobuf'
import { UnsupportedError } from '../errors.ts'
import type { Graph, Model, Node, Value } from '../graph.ts'
import { CarriedGraph, CarriedModel, CarriedNode } from './carried.ts'
import { MAX_BYTES } from './decode.ts'
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
import { writeTensor } from './write-tensor.ts'
import { writeType } from './write-type.ts'

/**
 * Writes a model as one self-contained ONNX file: weights as raw data, types and shapes of inputs and outputs (those of inner tensors
 * are left to inference), and what the reader carried. The same model gives the same bytes. Quantization annotations are not
 * written: the compiler lowers them first.
 * @throws {UnsupportedError} when the file would be larger than protobuf allows (2 GiB).
 */
export function writeOnnx(model: Model): Uint8Array {
  let weights = 0
  for (const value of model.initializers()) if (value.tensor!.type !== 'string') weights += value.tensor!.bytes().byteLength
  if (weights > MAX_BYTES)
    throw new UnsupportedError('MODEL_TOO_LARGE', `the model's weights take ${weights} bytes, and one ONNX file holds at most ${MAX_BYTES}`)
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
    graph: writeGraph(model.graph),
    metadataProps: [...metadata.properties].map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  }
  return toBinary(ModelProtoSchema, proto)
}

/** The IR version that came with an opset is the least that its readers expect. */
function irVersionOf(model: Model, read: bigint | undefined): bigint {
  const opset = model.opsets.get('') ?? 0
  const least = opset >= 25 ? 12n : opset >= 24 ? 11n + 1n : opset >= 23 ? 11n : opset >= 21 ? 10n : 8n
  return read !== undefined && read > least ? read : least
}

function writeGraph(graph: Graph): GraphProto {
  const carried = graph.opaque instanceof CarriedGraph ? graph.opaque : undefined
  const info = (value: Value): ValueInfoProto => writeInfo(value, carried?.values.get(value.name))
  return {
    ...create(GraphProtoSchema),
    ...carried?.proto,
    name: graph.name,
    node: graph.nodes.map(writeNode),
    initializer: [...graph.initializers].map((value) => writeTensor(value.tensor!, value.name)),
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

function writeNode(node: Node): NodeProto {
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
    attribute: [...node.attributes].map(([name, attribute]) => writeAttribute(name, attribute, writeGraph)),
  }
}
