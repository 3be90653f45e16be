import { type ElementType, bitsOf, byteLengthOf } from './element-type.ts'
import { ModelError, UnsupportedError } from './errors.ts'
import { fromBfloat16Bits, fromFloat16Bits, toFloat16Bits } from './float16.ts'
import { smallFloats } from './small-float.ts'

/** How a tensor's elements look in memory. Types of less than 8 bits stay packed; float16 and bfloat16 are bit patterns. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

interface ArrayClass {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TensorData
}

const ARRAY_CLASSES: Partial<Record<ElementType, ArrayClass>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
}

/**
 * A constant: an element type, dims and bytes, which are read when they are first asked for. A tensor never changes: an edit puts
 * another tensor in its place. Bytes are little-endian, row-major, as in ONNX's `raw_data`.
 */
export class Tensor {
  readonly type: ElementType
  readonly dims: readonly number[]
  /** Number of elements. */
  readonly size: number
  #source: Uint8Array | (() => Uint8Array) | readonly string[]

  private constructor(type: ElementType, dims: readonly number[], source: Uint8Array | (() => Uint8Array) | readonly string[]) {
    this.type = type
    this.dims = dims
    this.size = dims.reduce((product, dim) => product * dim, 1)
    this.#source = source
  }

  /**
   * @param data elements: the type's own typed array is taken as it is, anything else is converted number by number.
   * @throws {ModelError} when the length of `data` disagrees with `dims`.
   */
  static of(type: ElementType, dims: readonly number[], data: TensorData | ArrayLike<number> | Uint8Array): Tensor {
    const view = data instanceof (ARRAY_CLASSES[type] ?? Uint8Array) ? (data as TensorData) : fromNumbers(type, data as ArrayLike<number>)
    return Tensor.fromBytes(type, dims, new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
  }

  static float32(dims: readonly number[], data: ArrayLike<number>): Tensor {
    return Tensor.of('float32', dims, data instanceof Float32Array ? data : Float32Array.from(data))
  }

  static int64(dims: readonly number[], data: ArrayLike<number>): Tensor {
    return Tensor.of('int64', dims, BigInt64Array.from(Array.from(data, BigInt)))
  }

  static fromBytes(type: ElementType, dims: readonly number[], bytes: Uint8Array): Tensor {
    const tensor = new Tensor(type, dims, bytes)
    tensor.#check(bytes)
    return tensor
  }

  /** A tensor whose bytes are read at the first call of {@link bytes}. */
  static lazy(type: ElementType, dims: readonly number[], read: () => Uint8Array): Tensor {
    return new Tensor(type, dims, read)
  }

  static strings(dims: readonly number[], values: readonly string[]): Tensor {
    const tensor = new Tensor('string', dims, values)
    if (tensor.size !== values.length)
      throw new ModelError('TENSOR_SIZE', `a string tensor of shape [${dims}] has ${values.length} values, expected ${tensor.size}`)
    return tensor
  }

  /** The elements' bytes. Do not write into them. */
  bytes(): Uint8Array {
    if (typeof this.#source === 'function') this.#source = this.peek()
    if (!(this.#source instanceof Uint8Array)) throw new UnsupportedError('TENSOR_STRING', 'a string tensor has no bytes')
    return this.#source
  }

  /** {@link bytes}, which a lazy tensor then does not keep: for a pass over more tensors than fit in memory. */
  peek(): Uint8Array {
    if (typeof this.#source !== 'function') return this.bytes()
    const bytes = this.#source()
    this.#check(bytes)
    return bytes
  }

  /** The values of a tensor of strings. */
  strings(): readonly string[] {
    if (!Array.isArray(this.#source)) throw new UnsupportedError('TENSOR_STRING', `a tensor of ${this.type} has no strings`)
    return this.#source as readonly string[]
  }

  /** The elements as a typed array; a copy only where the bytes are not aligned. Do not write into it. */
  data(): TensorData {
    const bytes = this.bytes()
    const arrayClass = ARRAY_CLASSES[this.type]
    if (!arrayClass) return bytes
    const aligned = bytes.byteOffset % arrayClass.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes)
    return new arrayClass(aligned.buffer, aligned.byteOffset, aligned.byteLength / arrayClass.BYTES_PER_ELEMENT)
  }

  /** The elements as float32, converted where needed. Do not write into it: it may be the tensor's own memory. */
  toFloat32(): Float32Array {
    const data = this.data()
    if (data instanceof Float32Array) return data
    if (this.type === 'float16') return Float32Array.from(data as Uint16Array, fromFloat16Bits)
    if (this.type === 'bfloat16') return Float32Array.from(data as Uint16Array, fromBfloat16Bits)
    return Float32Array.from(this.toNumbers())
  }

  /** The elements as numbers. @throws {UnsupportedError} for strings and complex types. */
  toNumbers(): number[] {
    switch (this.type) {
      case 'float16':
        return Array.from(this.data() as Uint16Array, fromFloat16Bits)
      case 'bfloat16':
        return Array.from(this.data() as Uint16Array, fromBfloat16Bits)
      case 'int2':
      case 'int4': {
        const half = 2 ** (bitsOf(this.type) - 1)
        return this.#patterns().map((pattern) => (pattern < half ? pattern : pattern - 2 * half))
      }
      case 'uint2':
      case 'uint4':
        return this.#patterns()
      case 'string':
      case 'complex64':
      case 'complex128':
        throw new UnsupportedError('TENSOR_NUMBERS', `a tensor of ${this.type} cannot be read as numbers`)
      default: {
        const values = smallFloats(this.type)
        return values ? this.#patterns().map((pattern) => values[pattern]!) : Array.from(this.data() as ArrayLike<number>, Number)
      }
    }
  }

  /** The bits of each element, of 8 bits or less. */
  #patterns(): number[] {
    const bytes = this.bytes()
    const bits = bitsOf(this.type)
    return Array.from({ length: this.size }, (_, index) => {
      const at = Math.floor((index * bits) / 8)
      return ((bytes[at]! | ((bytes[at + 1] ?? 0) << 8)) >> ((index * bits) % 8)) & (2 ** bits - 1)
    })
  }

  /** The same elements under other dims. */
  reshape(dims: readonly number[]): Tensor {
    const size = dims.reduce((product, dim) => product * dim, 1)
    if (size !== this.size) throw new ModelError('TENSOR_SIZE', `cannot reshape [${this.dims}] to [${dims}]`)
    if (typeof this.#source === 'function') return Tensor.lazy(this.type, dims, () => this.peek())
    return new Tensor(this.type, dims, this.#source)
  }

  #check(bytes: Uint8Array): void {
    const expected = byteLengthOf(this.type, this.size)
    if (bytes.byteLength !== expected)
      throw new ModelError(
        'TENSOR_SIZE',
        `a tensor of ${this.type}[${this.dims}] needs ${expected} bytes, and ${bytes.byteLength} are given`,
      )
  }
}

/** By form, not by class: a dataset module may hold another copy of the class. */
export function isTensor(value: unknown): value is Tensor {
  const tensor = value as Partial<Tensor> | null
  return typeof tensor === 'object' && tensor !== null && typeof tensor.data === 'function' && Array.isArray(tensor.dims)
}

function fromNumbers(type: ElementType, values: ArrayLike<number>): TensorData {
  switch (type) {
    case 'float32':
      return Float32Array.from(values)
    case 'float64':
      return Float64Array.from(values)
    case 'float16':
      return Uint16Array.from(values, toFloat16Bits)
    case 'int8':
      return Int8Array.from(values)
    case 'uint8':
    case 'bool':
      return Uint8Array.from(values)
    case 'int16':
      return Int16Array.from(values)
    case 'uint16':
      return Uint16Array.from(values)
    case 'int32':
      return Int32Array.from(values)
    case 'uint32':
      return Uint32Array.from(values)
    case 'int64':
      return BigInt64Array.from(Array.from(values, BigInt))
    case 'uint64':
      return BigUint64Array.from(Array.from(values, BigInt))
    default:
      throw new UnsupportedError('TENSOR_NUMBERS', `a tensor of ${type} cannot be made from numbers; give its bytes`)
  }
}
