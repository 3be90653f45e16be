import { RunError } from './errors.ts'

/** `Float16Array` where the platform's types have it; otherwise nothing. */
type Float16 = typeof globalThis extends { Float16Array: { prototype: infer T } } ? T : never

/** The array that holds the elements of each type. float16 is given as bits (`Uint16Array`), or as `Float16Array` where the browser has it. */
export interface TensorArrays {
  float32: Float32Array
  float64: Float64Array
  float16: Uint16Array | Float16
  int8: Int8Array
  int16: Int16Array
  int32: Int32Array
  int64: BigInt64Array
  uint8: Uint8Array
  uint16: Uint16Array
  uint32: Uint32Array
  uint64: BigUint64Array
  /** One byte an element, 0 or 1. */
  bool: Uint8Array
  string: string[]
}

/** Element types that a session takes and gives. */
export type ElementType = keyof TensorArrays

/**
 * A tensor, row-major. In the types of a model a number in `D` is a fixed dimension, `number` a free one:
 * `Tensor<'float32', readonly [number, 3, 48, 192]>`.
 */
export interface Tensor<E extends ElementType = ElementType, D extends readonly number[] = readonly number[]> {
  readonly type: E
  readonly data: TensorArrays[E]
  readonly dims: D
}

/** The element type that an array stands for by its class alone. */
export type ElementTypeOf<A> = A extends Float32Array
  ? 'float32'
  : A extends Float64Array
    ? 'float64'
    : A extends Int8Array
      ? 'int8'
      : A extends Int16Array
        ? 'int16'
        : A extends Int32Array
          ? 'int32'
          : A extends BigInt64Array
            ? 'int64'
            : A extends Uint8Array
              ? 'uint8'
              : A extends Uint16Array
                ? 'uint16'
                : A extends Uint32Array
                  ? 'uint32'
                  : A extends BigUint64Array
                    ? 'uint64'
                    : A extends readonly string[]
                      ? 'string'
                      : A extends Float16
                        ? 'float16'
                        : never

/** The element types that have an array class of their own. `Uint8ClampedArray` is left out: it is a picture, not yet a tensor. */
const OWN_CLASS = /^(u?int(8|16|32|64)|float(16|32|64))$/

/** The element type that an array's class stands for; undefined for anything else. Works across realms. */
export function elementTypeOf(data: unknown): ElementType | undefined {
  if (Array.isArray(data)) return 'string'
  const type = Object.prototype.toString
    .call(data)
    .replace(/^.* (Big)?|Array]$/g, '')
    .toLowerCase()
  return OWN_CLASS.test(type) ? (type as ElementType) : undefined
}

/** An array of numbers for elements of a type. */
export function arrayOf(type: ElementType, values: Float64Array): TensorArrays[ElementType] {
  const big = type.endsWith('int64')
  const name = type === 'bool' ? 'Uint8' : (big ? 'Big' : '') + type[0]!.toUpperCase() + type.slice(1)
  const classes = globalThis as unknown as Record<string, { from(values: unknown): Float32Array }>
  return classes[`${name}Array`]!.from(big ? Array.from(values, BigInt) : values)
}

/** Whether an array may hold elements of a type: its own class, and the two that share another's. */
export function holds(data: unknown, type: string): boolean {
  const own = elementTypeOf(data)
  return own === type || (own === 'uint16' && type === 'float16') || (own === 'uint8' && type === 'bool')
}

/** The product of the dimensions: 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((size, dim) => size * dim, 1)
}

/**
 * A tensor of an array. The element type is that of the array's class; name it for `bool` (in a `Uint8Array`) and for `float16`
 * given as bits (in a `Uint16Array`). Nothing is copied.
 *
 * @example tensor(new Float32Array(3 * 48 * 192), [1, 3, 48, 192])
 * @throws {RunError} TENSOR_INVALID, when the dimensions ask for another number of elements.
 */
export function tensor<A extends TensorArrays[ElementType], const D extends readonly number[]>(
  data: A,
  dims: D,
): Tensor<ElementTypeOf<A>, D>
export function tensor<E extends ElementType, const D extends readonly number[]>(data: TensorArrays[E], dims: D, type: E): Tensor<E, D>
export function tensor(data: TensorArrays[ElementType], dims: readonly number[], type = elementTypeOf(data)): Tensor {
  if (!type || !holds(data, type)) {
    throw new RunError('TENSOR_INVALID', `tensor: expected a typed array${type ? ` for ${type}` : ''}, received ${nameOf(data)}`)
  }
  if (!dims.every((dim) => Number.isInteger(dim) && dim >= 0)) {
    throw new RunError('TENSOR_INVALID', `tensor: expected whole numbers for dims, received [${dims.join(', ')}]`)
  }
  if (data.length !== sizeOf(dims)) {
    throw new RunError('TENSOR_INVALID', `tensor: [${dims.join(', ')}] takes ${sizeOf(dims)} elements, the array has ${data.length}`)
  }
  return { type, data, dims }
}

/** A short name of a value for messages. */
export function nameOf(value: unknown): string {
  return value === null || typeof value !== 'object' ? String(value) : (value.constructor?.name ?? 'an object')
}
