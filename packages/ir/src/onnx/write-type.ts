import { create } from '@bufbuild/protobuf'
import type { Value } from '../graph.ts'
import { CarriedType } from './carried.ts'
import { dataTypeOf } from './data-type.ts'
import {
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  type TypeProto,
  TypeProto_TensorSchema,
  TypeProtoSchema,
} from './gen/onnx_pb.ts'
import { freeDim } from './read-type.ts'

/** The type and shape of a value; `carried` keeps what the file said of its axes (denotations), where the rank is still the same. */
export function writeType(value: Value, carried: TypeProto | undefined): TypeProto | undefined {
  if (value.opaqueType instanceof CarriedType) return value.opaqueType.proto
  if (!value.elementType) return carried
  const before = carried?.value.case === 'tensorType' ? carried.value.value.shape?.dim : undefined
  const dims = value.shape?.map((dim, axis) => {
    const stated = before?.length === value.shape!.length ? before[axis]! : undefined
    const denotation = stated?.denotation
    // A free dimension that had no name in the file gets none there.
    if (stated && stated.value.case !== 'dimParam' && dim === freeDim(value, axis)) return stated
    return create(TensorShapeProto_DimensionSchema, {
      value: typeof dim === 'number' ? { case: 'dimValue', value: BigInt(dim) } : { case: 'dimParam', value: dim },
      ...(denotation ? { denotation } : {}),
    })
  })
  const tensor = create(TypeProto_TensorSchema, { elemType: dataTypeOf(value.elementType) })
  if (dims) tensor.shape = create(TensorShapeProtoSchema, { dim: dims })
  const type = create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } })
  if (carried?.denotation) type.denotation = carried.denotation
  return type
}
