import { type ElementType, ModelError, Tensor, UnsupportedError, byteLengthOf } from '@whittle/ir'
import { densify } from './densify.ts'
import type { FlatFile, FlatTable } from './flat.ts'
import { TENSOR_TYPE } from './schema/tables.ts'

const TYPES: Readonly<Record<string, ElementType>> = {
  FLOAT32: 'float32',
  FLOAT16: 'float16',
  FLOAT64: 'float64',
  BFLOAT16: 'bfloat16',
  INT64: 'int64',
  INT32: 'int32',
  INT16: 'int16',
  INT8: 'int8',
  INT4: 'int4',
  INT2: 'int2',
  UINT64: 'uint64',
  UINT32: 'uint32',
  UINT16: 'uint16',
  UINT8: 'uint8',
  UINT4: 'uint4',
  BOOL: 'bool',
}

/** `real = (q - zeroPoint) * scale`, one for the tensor or one for each index of `axis`. */
export interface Affine {
  readonly scale: readonly number[]
  readonly zeroPoint: readonly number[]
  readonly axis: number
}

/** A tensor as the file says it. */
export interface TensorInfo {
  readonly name: string
  readonly type: ElementType
  /** -1 is a free dimension. */
  readonly dims: readonly number[]
  readonly affine: Affine | undefined
  /** Whether it keeps what an op wrote, until the next run. */
  readonly isVariable: boolean
  /** The constant's bytes, or those of its entries that are not zero. */
  readonly bytes: Uint8Array | undefined
  readonly sparsity: FlatTable | undefined
}

/** Reads a subgraph's tensor. */
export function readTensor(table: FlatTable, index: number, buffers: readonly FlatTable[], file: FlatFile): TensorInfo {
  const name = table.text('name') || `tensor_${index}`
  const label = `${file.file}: tensor '${name}'`
  const typeName = TENSOR_TYPE[table.number('type')]
  const type = typeName === undefined ? undefined : TYPES[typeName]
  if (!type)
    throw new UnsupportedError(
      'TFLITE_TYPE',
      `${label} holds ${typeName ?? `elements of type ${table.number('type')}`}, which Whittle cannot read`,
    )
  const shape = table.numbers('shape')
  const signature = table.numbers('shapeSignature')
  const dims = signature.length === shape.length && signature.length > 0 ? signature : shape
  if (dims.some((dim) => dim < -1) || dims.length > 16)
    throw new ModelError('TFLITE_SHAPE', `${label} has the impossible shape [${dims}]; convert the model again`)
  const sparsity = table.table('sparsity')
  const bytes = bufferOf(table.number('buffer'), buffers, file, label)
  if (bytes && !sparsity) {
    const size = dims.reduce((product, dim) => product * dim, 1)
    const needed = byteLengthOf(type, size)
    if (size < 0 || bytes.length < needed)
      throw new ModelError(
        'TFLITE_BUFFER',
        `${label} of ${type}[${dims}] needs ${needed} bytes, and its buffer has ${bytes.length}; convert the model again`,
      )
  }
  const affine = readAffine(table.table('quantization'), dims, label)
  return { name, type, dims, affine, isVariable: table.flag('isVariable'), bytes, sparsity }
}

function bufferOf(index: number, buffers: readonly FlatTable[], file: FlatFile, label: string): Uint8Array | undefined {
  const buffer = buffers[index]
  if (!buffer) throw new ModelError('TFLITE_BUFFER', `${label} uses buffer ${index} of ${buffers.length}; convert the model again`)
  // Models of more than 2 GB keep their buffers behind the FlatBuffer.
  const [offset, size] = [buffer.number('offset'), buffer.number('size')]
  if (offset > 1) return file.bytes(offset, size, `the buffer of ${label}`)
  const bytes = buffer.bytes('data')
  return index === 0 || bytes?.length === 0 ? undefined : bytes
}

function readAffine(table: FlatTable | undefined, dims: readonly number[], label: string): Affine | undefined {
  const scale = table?.numbers('scale') ?? []
  if (!table || scale.length === 0) return undefined
  const given = table.numbers('zeroPoint')
  const zeroPoint = scale.map((_, index) => given[index] ?? given[0] ?? 0)
  const axis = table.number('quantizedDimension')
  const fits = scale.length === 1 || (axis >= 0 && dims[axis] === scale.length)
  if (
    !fits ||
    scale.some((item) => !(item >= 0 && Number.isFinite(item))) ||
    zeroPoint.some((item) => !Number.isInteger(item) || Math.abs(item) > 65535)
  )
    throw new ModelError(
      'TFLITE_QUANTIZATION',
      `${label} of shape [${dims}] has scales or zero points that do not fit it; convert the model again`,
    )
  // A range of one number.
  return { scale: scale.map((item) => item || 2 ** -126), zeroPoint, axis }
}

/** The constant that a tensor holds. */
export function constantTensor(info: TensorInfo): Tensor | undefined {
  const { bytes, type, dims, sparsity } = info
  if (!bytes) return undefined
  if (sparsity) return densify(info, bytes, sparsity)
  const dense = Tensor.fromBytes(
    type,
    dims,
    bytes.subarray(
      0,
      byteLengthOf(
        type,
        dims.reduce((product, dim) => product * dim, 1),
      ),
    ),
  )
  // Whole bytes, so that the axes can be permuted.
  if (type === 'int4' || type === 'int2') return Tensor.of('int8', dims, dense.toNumbers())
  return type === 'uint4' ? Tensor.of('uint8', dims, dense.toNumbers()) : dense
}
