import { create } from '@bufbuild/protobuf'
import type { Attribute } from '../attribute.ts'
import { UnsupportedError } from '../errors.ts'
import type { Graph } from '../graph.ts'
import { CarriedAttribute, carriedAttributes } from './carried.ts'
import { type AttributeProto, AttributeProto_AttributeType as Type, AttributeProtoSchema, type GraphProto } from './gen/onnx_pb.ts'
import type { TensorWriter } from './write-tensor.ts'

const utf8 = new TextEncoder()

export function writeAttribute(
  name: string,
  attribute: Attribute,
  tensors: TensorWriter,
  writeGraph: (graph: Graph) => GraphProto,
  mayStore: boolean,
): AttributeProto {
  const make = (fields: Partial<AttributeProto>): AttributeProto => ({
    ...create(AttributeProtoSchema),
    ...carriedAttributes.get(attribute),
    name,
    ...fields,
  })
  switch (attribute.type) {
    case 'float':
      return make({ type: Type.FLOAT, f: attribute.value })
    case 'int':
      return make({ type: Type.INT, i: BigInt(attribute.value) })
    case 'string':
      return make({ type: Type.STRING, s: utf8.encode(attribute.value) })
    case 'tensor':
      return make({ type: Type.TENSOR, t: tensors.write(attribute.value, undefined, mayStore) })
    case 'graph':
      return make({ type: Type.GRAPH, g: writeGraph(attribute.value) })
    case 'floats':
      return make({ type: Type.FLOATS, floats: attribute.value })
    case 'ints':
      return make({ type: Type.INTS, ints: attribute.value.map(BigInt) })
    case 'strings':
      return make({ type: Type.STRINGS, strings: attribute.value.map((item) => utf8.encode(item)) })
    case 'tensors':
      return make({ type: Type.TENSORS, tensors: attribute.value.map((item) => tensors.write(item)) })
    case 'graphs':
      return make({ type: Type.GRAPHS, graphs: attribute.value.map(writeGraph) })
    case 'opaque':
      if (attribute.value instanceof CarriedAttribute) return { ...attribute.value.proto, name }
      throw new UnsupportedError('ATTRIBUTE_OPAQUE', `attribute '${name}' came from another format and cannot be written as ONNX`)
  }
}
