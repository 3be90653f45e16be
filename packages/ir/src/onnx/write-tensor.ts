import { create } from '@bufbuild/protobuf'
import type { Tensor } from '../tensor.ts'
import { dataTypeOf } from './data-type.ts'
import { type TensorProto, TensorProtoSchema } from './gen/onnx_pb.ts'

const utf8 = new TextEncoder()

export function writeTensor(tensor: Tensor, name?: string): TensorProto {
  const proto = { ...create(TensorProtoSchema), dims: tensor.dims.map(BigInt), dataType: dataTypeOf(tensor.type) }
  if (name !== undefined) proto.name = name
  if (tensor.type === 'string') proto.stringData = tensor.strings().map((item) => utf8.encode(item))
  else proto.rawData = tensor.bytes()
  return proto
}
