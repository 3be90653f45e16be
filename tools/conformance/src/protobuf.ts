import { fromBinary } from '@bufbuild/protobuf'
// ONNX's own messages, as generated: what the reader makes of them is what is judged here.
// eslint-disable-next-line whittle/imports
import {
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
} from '../../../packages/ir/src/onnx/gen/onnx_pb.ts'

export { DataType, type ModelProto, type TensorProto }

export const decodeModel = (bytes: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, bytes)
export const decodeTensor = (bytes: Uint8Array): TensorProto => fromBinary(TensorProtoSchema, bytes)

/** The bytes that `raw_data` would hold; strings as themselves. Written apart from the reader, which it judges. */
export function contentOf(proto: TensorProto): Uint8Array | string[] {
  const { dataType } = proto
  if (dataType === DataType.STRING) return proto.stringData.map((item) => Buffer.from(item).toString('latin1'))
  if (proto.rawData.length > 0) return proto.rawData
  const ints = proto.int32Data
  const data = ((): ArrayBufferView => {
    switch (dataType) {
      case DataType.FLOAT:
      case DataType.COMPLEX64:
        return Float32Array.from(proto.floatData)
      case DataType.DOUBLE:
      case DataType.COMPLEX128:
        return Float64Array.from(proto.doubleData)
      case DataType.INT64:
        return BigInt64Array.from(proto.int64Data)
      case DataType.UINT64:
        return BigUint64Array.from(proto.uint64Data)
      case DataType.UINT32:
        return Uint32Array.from(proto.uint64Data, Number)
      case DataType.INT32:
        return Int32Array.from(ints)
      case DataType.FLOAT16:
      case DataType.BFLOAT16:
      case DataType.INT16:
      case DataType.UINT16:
        return Uint16Array.from(ints)
      default:
        return Uint8Array.from(ints)
    }
  })()
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
