import { create } from '@bufbuild/protobuf'
import { INNER_OPSET } from '../../model.ts'
import { CarriedModel } from '../carried.ts'
import { type FunctionProto, OperatorSetIdProtoSchema } from '../gen/onnx_pb.ts'
import { isOnnx, versionOf } from './function-parts.ts'

/**
 * Functions of the model's own are carried, not understood, but they must follow the model's opset. Those whose ops mean the same there
 * are relabelled; the others were put in the place of their calls before.
 */
export function upgradeFunctions(carried: CarriedModel): CarriedModel {
  const functions = carried.proto.functions
  if (!functions?.length) return carried
  return new CarriedModel({ ...carried.proto, functions: functions.map(upgradeFunction) })
}

function upgradeFunction(proto: FunctionProto): FunctionProto {
  if ((versionOf(proto.opsetImport) ?? INNER_OPSET) >= INNER_OPSET) return proto
  const opsetImport = proto.opsetImport.map((item) =>
    isOnnx(item.domain) ? create(OperatorSetIdProtoSchema, { domain: item.domain, version: BigInt(INNER_OPSET) }) : item,
  )
  return { ...proto, opsetImport }
}
