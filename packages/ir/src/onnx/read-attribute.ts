import type { Attribute } from '../attribute.ts'
import type { Graph } from '../graph.ts'
import { CarriedAttribute, carriedAttributes } from './carried.ts'
import { AttributeProto_AttributeType as Type, type AttributeProto, type GraphProto } from './gen/onnx_pb.ts'
import { type TensorPlace, readTensor } from './read-tensor.ts'

const TYPE_FIELD = 20

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The IR's attribute of a file's. What the IR does not know (sparse tensors, types, strings that are not UTF-8) is carried. */
export function readAttribute(proto: AttributeProto, place: TensorPlace, readGraph: (proto: GraphProto) => Graph): Attribute {
  const attribute = contentOf(proto, place, readGraph)
  const { docString, $unknown } = proto
  if (docString || $unknown) carriedAttributes.set(attribute, { ...(docString ? { docString } : {}), ...($unknown ? { $unknown } : {}) })
  return attribute
}

function contentOf(proto: AttributeProto, place: TensorPlace, readGraph: (proto: GraphProto) => Graph): Attribute {
  const carried: Attribute = { type: 'opaque', value: new CarriedAttribute(proto) }
  // A type of a later version is kept among the unknown fields.
  if (proto.refAttrName || proto.$unknown?.some(({ no }) => no === TYPE_FIELD)) return carried
  switch (proto.type || guessType(proto)) {
    case Type.FLOAT:
      return { type: 'float', value: proto.f }
    case Type.INT:
      return { type: 'int', value: readInt(proto.i) }
    case Type.STRING: {
      const text = textOf(proto.s)
      return text === undefined ? carried : { type: 'string', value: text }
    }
    case Type.TENSOR:
      return proto.t ? { type: 'tensor', value: readTensor(proto.t, place) } : carried
    case Type.GRAPH:
      return proto.g ? { type: 'graph', value: readGraph(proto.g) } : carried
    case Type.FLOATS:
      return { type: 'floats', value: [...proto.floats] }
    case Type.INTS:
      return { type: 'ints', value: proto.ints.map(readInt) }
    case Type.STRINGS: {
      const texts = proto.strings.map(textOf).filter((text) => text !== undefined)
      return texts.length < proto.strings.length ? carried : { type: 'strings', value: texts }
    }
    case Type.TENSORS:
      return { type: 'tensors', value: proto.tensors.map((item) => readTensor(item, place)) }
    case Type.GRAPHS:
      return { type: 'graphs', value: proto.graphs.map(readGraph) }
    default:
      return carried
  }
}

/** Undefined where the bytes are not UTF-8: some custom ops keep binary data in strings. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

function readInt(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** Files of the first IR version leave the type out. */
function guessType(proto: AttributeProto): Type {
  const has = (key: keyof AttributeProto): boolean => Object.hasOwn(proto, key)
  if (has('f')) return Type.FLOAT
  if (has('i')) return Type.INT
  if (has('s')) return Type.STRING
  if (proto.t) return Type.TENSOR
  if (proto.g) return Type.GRAPH
  if (proto.floats.length) return Type.FLOATS
  if (proto.ints.length) return Type.INTS
  if (proto.strings.length) return Type.STRINGS
  if (proto.tensors.length) return Type.TENSORS
  if (proto.graphs.length) return Type.GRAPHS
  return Type.UNDEFINED
}
