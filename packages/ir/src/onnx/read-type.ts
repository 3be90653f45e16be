import { ModelError } from '../errors.ts'
import type { Dim, Value } from '../graph.ts'
import { CarriedType } from './carried.ts'
import { elementTypeOf } from './data-type.ts'
import type { TypeProto } from './gen/onnx_pb.ts'

/** Writes what the file says of a value's type into the value. */
export function readType(value: Value, type: TypeProto | undefined): void {
  if (!type?.value.case) return
  const elementType = type.value.case === 'tensorType' ? elementTypeOf(type.value.value.elemType) : undefined
  if (type.value.case !== 'tensorType' || !elementType) {
    if (type.value.case !== 'tensorType' || type.value.value.elemType !== 0) value.opaqueType = new CarriedType(type)
    return
  }
  value.elementType = elementType
  checkRank(type.value.value.shape?.dim.length ?? 0, `'${value.name}'`)
  value.shape = type.value.value.shape?.dim.map(({ value: dim }, axis): Dim => {
    if (dim.case === 'dimParam' && dim.value !== '') return dim.value
    // Some exporters write -1 for a free dimension. Free dimensions without a name get one of their own.
    if (dim.case === 'dimValue' && dim.value >= 0n) return fixedDim(value, dim.value)
    return freeDim(value, axis)
  })
}

/** More axes than any runtime takes (NumPy stops at 64); shapes of thousands would take the time of their cube to reason about. */
const MAX_RANK = 64

/** @throws {ModelError} when a tensor has more axes than anything can run. */
export function checkRank(rank: number, where: string): void {
  if (rank > MAX_RANK) throw new ModelError('TENSOR_RANK', `${where} has ${rank} dimensions, more than ${MAX_RANK}; export the model again`)
}

/** The name of a free dimension that the file gives none. */
export function freeDim(value: Value, axis: number): string {
  return `${value.name.replace(/\W+/g, '_').replace(/^(?=\d|$)/, '_')}_dim${axis}`
}

function fixedDim(value: Value, dim: bigint): number {
  if (dim > Number.MAX_SAFE_INTEGER)
    throw new ModelError('TENSOR_DIMS', `'${value.name}' has an absurd dimension, ${dim}; export the model again`)
  return Number(dim)
}
