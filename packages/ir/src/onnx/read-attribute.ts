import type { Attribute } from '../attribute.ts'
import type { Graph } from '../graph.ts'
import { CarriedAttribute } from './carried.ts'
import { AttributeProto_AttributeType as Type, type AttributeProto, type GraphProto } from './gen/onnx_pb.ts'
import { type TensorPlace, readTensor } from './read-tensor.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The IR's attribute of a file's. What the IR does not know (sparse tensors, types, strings that are not UTF-8) is carried. */
export function readAttribute(proto: AttributeProto, place: TensorPlace, readGraph: (proto: GraphProto) => Graph): Attribute {
  const carried: Attribute = { type: 'opaque', value: new CarriedAttribute(proto) }
  if (proto.refAttrName) return carried
  try {
    switch (proto.type || guessType(proto)) {
      case Type.FLOAT:
        return { type: 'float', value: proto.f }
      case Type.INT:
        return { type: 'int', value: readInt(proto.i) }
      case Type.STRING:
        return { type: 'string', value: utf8.decode(proto.s) }
      case Type.TENSOR:
        return proto.t ? { type: 'tensor', value: readTensor(proto.t, place) } : carried
      case Type.GRAPH:
        return proto.g ? { type: 'graph', value: readGraph(proto.g) } : carried
      case Type.FLOATS:
        return { type: 'floats', value: [...proto.floats] }
      case Type.INTS:
        return { type: 'ints', value: proto.ints.map(readInt) }
      case Type.STRINGS:
        return { type: 'strings', value: proto.strings.map((item) => utf8.decode(item)) }
      case Type.TENSORS:
        return { type: 'tensors', value: proto.tensors.map((item) => readTensor(item, place)) }
      case Type.GRAPHS:
        return { type: 'graphs', value: proto.graphs.map(readGraph) }
      default:
        return carried
    }
  } catch (error) {
    if (error instanceof TypeError) return carried
    throw error
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
