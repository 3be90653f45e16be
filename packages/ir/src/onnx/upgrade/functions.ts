import { create } from '@bufbuild/protobuf'
import { UnsupportedError } from '../../errors.ts'
import { INNER_OPSET } from '../../model.ts'
import { CarriedModel } from '../carried.ts'
import { type FunctionProto, type NodeProto, OperatorSetIdProtoSchema } from '../gen/onnx_pb.ts'
import type { Rule } from './context.ts'

/**
 * Functions of the model's own are carried, not understood, but they must follow the model's opset. Those whose ops mean the same there
 * are only relabelled.
 * @throws {UnsupportedError} for a function with an op that would have to be rewritten.
 */
export function upgradeFunctions(carried: CarriedModel, rules: Readonly<Record<string, readonly Rule[]>>): CarriedModel {
  const functions = carried.proto.functions
  if (!functions?.length) return carried
  return new CarriedModel({ ...carried.proto, functions: functions.map((item) => upgradeFunction(item, rules)) })
}

function upgradeFunction(proto: FunctionProto, rules: Readonly<Record<string, readonly Rule[]>>): FunctionProto {
  const isOnnx = (domain: string): boolean => domain === '' || domain === 'ai.onnx'
  const from = Number(proto.opsetImport.find(({ domain }) => isOnnx(domain))?.version ?? INNER_OPSET)
  if (from >= INNER_OPSET) return proto
  const changed = nodesOf(proto.node).find((node) => isOnnx(node.domain) && rules[node.opType]?.some(({ since }) => since > from))
  if (changed)
    throw new UnsupportedError(
      'UPGRADE_FUNCTION',
      `${changed.opType} '${changed.name || changed.output[0]}' in function '${proto.name}' is of opset ${from}, which cannot be upgraded to ` +
        `${INNER_OPSET} inside a function; export the model without functions, or at opset ${INNER_OPSET}`,
    )
  const opsetImport = proto.opsetImport.map((item) =>
    isOnnx(item.domain) ? create(OperatorSetIdProtoSchema, { domain: item.domain, version: BigInt(INNER_OPSET) }) : item,
  )
  return { ...proto, opsetImport }
}

function nodesOf(nodes: readonly NodeProto[]): NodeProto[] {
  return nodes.flatMap((node) => [
    node,
    ...node.attribute.flatMap((attribute) => [
      ...(attribute.g ? nodesOf(attribute.g.node) : []),
      ...attribute.graphs.flatMap((graph) => nodesOf(graph.node)),
    ]),
  ])
}
