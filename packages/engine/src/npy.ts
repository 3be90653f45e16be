import { DatasetError, type ElementType, Tensor, byteLengthOf } from '@whittle/ir'

/** NumPy's kinds and sizes (`f4`) as element types. */
const TYPES: Readonly<Record<string, ElementType>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
}

const MAGIC = '\x93NUMPY'

/**
 * Reads an array in NumPy's format, versions 1 to 3 (numpy.lib.format).
 * @param where the file and the array, for messages.
 * @throws {DatasetError} for anything else, structured and object arrays included.
 */
export function readNpy(bytes: Uint8Array, where: string): Tensor {
  const { header, data } = split(bytes, where)
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1]
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1]
  const shape = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(header)?.[1]
  if (order === undefined || shape === undefined || !/'descr'\s*:/.test(header))
    throw new DatasetError('NPY_HEADER', `${where}: the header is not one of NumPy's: ${header.trim().slice(0, 120)}`)
  const type = TYPES[descr?.slice(1) ?? '']
  if (!type)
    throw new DatasetError(
      'NPY_TYPE',
      `${where}: arrays of ${descr ? `'${descr}'` : 'structures'} cannot be read; save it as one of ${Object.keys(TYPES).join(', ')}`,
    )
  const dims = shape
    .split(',')
    .map((part) => part.replace('L', '').trim())
    .filter(Boolean)
    .map(Number)
  const expected = byteLengthOf(
    type,
    dims.reduce((product, dim) => product * dim, 1),
  )
  if (data.byteLength !== expected)
    throw new DatasetError('NPY_SIZE', `${where}: ${type}[${dims.join(', ')}] needs ${expected} bytes, and ${data.byteLength} are there`)
  const width = byteLengthOf(type, 1)
  const ordered = descr!.startsWith('>') && width > 1 ? swapped(data, width) : data
  return Tensor.fromBytes(type, dims, order === 'True' ? rowMajor(ordered, dims, width) : ordered)
}

function split(bytes: Uint8Array, where: string): { header: string; data: Uint8Array } {
  const text = (from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to))
  const major = bytes[6] ?? 0
  if (text(0, 6) !== MAGIC || major < 1 || major > 3)
    throw new DatasetError('NPY_HEADER', `${where}: not an array in NumPy's format (.npy, version 1 to 3)`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = major === 1 ? 10 : 12
  if (bytes.byteLength < start) throw new DatasetError('NPY_HEADER', `${where}: the file ends inside its header`)
  const end = start + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
  // NumPy itself refuses longer headers.
  if (end > bytes.byteLength || end > 65_536) throw new DatasetError('NPY_HEADER', `${where}: the file ends inside its header`)
  return { header: text(start, end), data: bytes.subarray(end) }
}

function swapped(data: Uint8Array, width: number): Uint8Array {
  const result = data.slice()
  for (let at = 0; at < result.length; at += width) result.subarray(at, at + width).reverse()
  return result
}

/** Column-major (Fortran) to row-major. */
function rowMajor(data: Uint8Array, dims: readonly number[], width: number): Uint8Array {
  const result = new Uint8Array(data.length)
  const strides = dims.map((_, axis) => dims.slice(0, axis).reduce((product, dim) => product * dim, 1))
  const index = dims.map(() => 0)
  for (let at = 0; at < result.length; at += width) {
    const from = index.reduce((sum, position, axis) => sum + position * strides[axis]!, 0) * width
    result.set(data.subarray(from, from + width), at)
    for (let axis = dims.length - 1; axis >= 0 && ++index[axis]! === dims[axis]; axis--) index[axis] = 0
  }
  return result
}
