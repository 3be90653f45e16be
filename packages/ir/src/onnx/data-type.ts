import type { ElementType } from '../element-type.ts'
import { TensorProto_DataType } from './gen/onnx_pb.ts'

/** ONNX's numbers of the element types that the IR knows. */
const CODES: Readonly<Record<ElementType, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  float16: TensorProto_DataType.FLOAT16,
  bfloat16: TensorProto_DataType.BFLOAT16,
  float8e4m3fn: TensorProto_DataType.FLOAT8E4M3FN,
  float8e4m3fnuz: TensorProto_DataType.FLOAT8E4M3FNUZ,
  float8e5m2: TensorProto_DataType.FLOAT8E5M2,
  float8e5m2fnuz: TensorProto_DataType.FLOAT8E5M2FNUZ,
  float8e8m0: TensorProto_DataType.FLOAT8E8M0,
  float6e2m3: TensorProto_DataType.FLOAT6E2M3,
  float6e3m2: TensorProto_DataType.FLOAT6E3M2,
  float4e2m1: TensorProto_DataType.FLOAT4E2M1,
  int8: TensorProto_DataType.INT8,
  int16: TensorProto_DataType.INT16,
  int32: TensorProto_DataType.INT32,
  int64: TensorProto_DataType.INT64,
  int4: TensorProto_DataType.INT4,
  int2: TensorProto_DataType.INT2,
  uint8: TensorProto_DataType.UINT8,
  uint16: TensorProto_DataType.UINT16,
  uint32: TensorProto_DataType.UINT32,
  uint64: TensorProto_DataType.UINT64,
  uint4: TensorProto_DataType.UINT4,
  uint2: TensorProto_DataType.UINT2,
  bool: TensorProto_DataType.BOOL,
  complex64: TensorProto_DataType.COMPLEX64,
  complex128: TensorProto_DataType.COMPLEX128,
  string: TensorProto_DataType.STRING,
}

const TYPES = new Map(Object.entries(CODES).map(([type, code]) => [code as number, type as ElementType]))

/** The number that `Cast`'s `to` and a tensor's `data_type` hold for an element type. */
export function dataTypeOf(type: ElementType): number {
  return CODES[type]
}

/** The element type of ONNX's number; undefined where the IR does not know it. */
export function elementTypeOf(code: number): ElementType | undefined {
  return TYPES.get(code)
}
