import type { Dim } from '../graph.ts'
import type { Container, ValueFact } from '../ops/row.ts'
import { elementTypeOf } from './data-type.ts'
import type { TypeProto } from './gen/onnx_pb.ts'

/** What a sequence or an optional of the file holds; undefined for all other types. */
export function containerOfType(type: TypeProto): Container | undefined {
  if (type.value.case !== 'sequenceType' && type.value.case !== 'optionalType') return undefined
  const element = factOf(type.value.value.elemType)
  return { kind: type.value.case === 'sequenceType' ? 'sequence' : 'optional', element }
}

/** Free dimensions are '': elements may differ in them, whatever the file calls them. */
function factOf(type: TypeProto | undefined): ValueFact {
  const nothing: ValueFact = { type: undefined, shape: undefined }
  if (!type) return nothing
  if (type.value.case !== 'tensorType') return { ...nothing, holds: containerOfType(type) }
  const { elemType, shape } = type.value.value
  return {
    type: elementTypeOf(elemType),
    shape: shape?.dim.map(({ value }): Dim => (value.case === 'dimValue' && value.value >= 0n ? Number(value.value) : '')),
  }
}
