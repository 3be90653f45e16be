import { type ElementType, bitsOf, byteLengthOf } from '../element-type.ts'
import { ModelError, UnsupportedError } from '../errors.ts'
import { Tensor, type TensorData } from '../tensor.ts'
import { carriedTensors } from './carried.ts'
import type { ExternalData } from './external.ts'
import { elementTypeOf } from './data-type.ts'
import { type TensorProto, TensorProto_DataLocation } from './gen/onnx_pb.ts'
import { checkRank } from './read-type.ts'

/** Where a tensor stands, for messages: the file, and the tensor's name or its node's. */
export interface TensorPlace {
  readonly file: string
  readonly what: string
  readonly external: ExternalData
}

/**
 * The IR's tensor of a file's tensor. Raw data stay a view of the file. All sizes are checked before memory is taken.
 * @throws {ModelError} when dims and data disagree.
 */
export function readTensor(proto: TensorProto, place: TensorPlace): Tensor {
  const tensor = contentOf(proto, place)
  const { name, docString, metadataProps, $unknown } = proto
  const extra = {
    ...(name ? { name } : {}),
    ...(docString ? { docString } : {}),
    ...(metadataProps.length > 0 ? { metadataProps } : {}),
    ...($unknown ? { $unknown } : {}),
  }
  if (Object.keys(extra).length > 0) carriedTensors.set(tensor, extra)
  return tensor
}

function contentOf(proto: TensorProto, place: TensorPlace): Tensor {
  const where = `${place.file}: ${place.what}`
  const type = elementTypeOf(proto.dataType)
  if (!type)
    throw new UnsupportedError(
      'TENSOR_TYPE',
      `${where} has element type ${proto.dataType}, which this version does not know; export the model with another type`,
    )
  if (proto.segment)
    throw new UnsupportedError('TENSOR_SEGMENT', `${where} is stored in segments, which no runtime reads; export the model again`)
  const dims = proto.dims.map(Number)
  const size = sizeOf(dims, where)
  if (type === 'string') return readStrings(proto, dims, size, where)
  const expected = byteLengthOf(type, size)
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]))
    const read = place.external.locate(entries, expected, place.what)
    return Tensor.lazy(type, dims, read)
  }
  const bytes = proto.rawData.length > 0 ? proto.rawData : typedBytes(proto, type, where)
  if (bytes.byteLength !== expected)
    throw new ModelError(
      'TENSOR_SIZE',
      `${where} is declared as ${type}[${dims}], which takes ${expected} bytes, and the file holds ${bytes.byteLength}; export the model again`,
    )
  return Tensor.fromBytes(type, dims, bytes)
}

function sizeOf(dims: readonly number[], where: string): number {
  checkRank(dims.length, where)
  let size = 1
  for (const dim of dims) {
    if (dim < 0) throw new ModelError('TENSOR_DIMS', `${where} has a negative dimension in [${dims}]; export the model again`)
    size *= dim
  }
  // 16 bytes is the largest element; the product stays exact, and so does the number of bytes.
  if (dims.some((dim) => !Number.isSafeInteger(dim)) || size > Number.MAX_SAFE_INTEGER / 16)
    throw new ModelError('TENSOR_DIMS', `${where} has absurd dimensions [${dims}]; export the model again`)
  return size
}

function readStrings(proto: TensorProto, dims: number[], size: number, where: string): Tensor {
  if (proto.stringData.length !== size)
    throw new ModelError(
      'TENSOR_SIZE',
      `${where} is declared as string[${dims}], which takes ${size} strings, and the file holds ${proto.stringData.length}; export the model again`,
    )
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  try {
    return Tensor.strings(
      dims,
      proto.stringData.map((item) => decoder.decode(item)),
    )
  } catch (error) {
    throw new UnsupportedError('TENSOR_STRING', `${where} holds strings that are not UTF-8`, { cause: error })
  }
}

/** The bytes of data in one of the typed fields; which one is fixed by the element type. */
function typedBytes(proto: TensorProto, type: ElementType, where: string): Uint8Array {
  const data = typedData(proto, type)
  if (!data) throw new UnsupportedError('TENSOR_TYPE', `${where} has data of ${type} in a form that this version does not know`)
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

function typedData(proto: TensorProto, type: ElementType): TensorData | undefined {
  switch (type) {
    case 'float32':
    case 'complex64':
      return Float32Array.from(proto.floatData)
    case 'float64':
    case 'complex128':
      return Float64Array.from(proto.doubleData)
    case 'int64':
      return BigInt64Array.from(proto.int64Data)
    case 'uint64':
      return BigUint64Array.from(proto.uint64Data)
    case 'uint32':
      return Uint32Array.from(proto.uint64Data, Number)
    case 'int32':
      return Int32Array.from(proto.int32Data)
    default:
      // Everything smaller is in int32_data: floats as bit patterns, one to an item but for types of 4 and 2 bits, of which an item is a byte.
      if (bitsOf(type) === 6) return packSixBits(proto.int32Data)
      return bitsOf(type) === 16 ? Uint16Array.from(proto.int32Data) : Uint8Array.from(proto.int32Data)
  }
}

/** As in raw data: four elements in three bytes, the first in the lowest bits. */
function packSixBits(items: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((items.length * 6) / 8))
  items.forEach((item, index) => {
    const [at, shift] = [Math.floor((index * 6) / 8), (index * 6) % 8]
    const bits = (item & 63) << shift
    bytes[at]! |= bits & 255
    if (bits > 255) bytes[at + 1]! |= bits >> 8
  })
  return bytes
}
