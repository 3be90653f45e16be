import type { Wasm } from './wasm.ts'

/** As TensorFlow.js's kernels number them. */
export const FLOAT32 = 0
export const INT32 = 1
export const BOOL = 2
export type Type = typeof FLOAT32 | typeof INT32 | typeof BOOL

/** Memory that one value or several values of equal content share. */
interface Buffer {
  readonly id: number
  readonly at: number
  /** How many values stand on it. */
  holders: number
}

/** A tensor in the WebAssembly's memory. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly type: Type
  readonly buffer: Buffer
  readonly ints?: undefined
}

/** Whole numbers that never enter the WebAssembly's memory: shapes, and what is computed of them. */
export interface Ints {
  readonly shape: readonly number[]
  readonly ints: readonly number[]
}

export type Value = Tensor | Ints

/** Bytes for the lists of whole numbers that one kernel reads: shapes, permutations. */
const SCRATCH = 4096

/** Tensors in the memory of TensorFlow.js's WebAssembly. */
export class Machine {
  readonly wasm: Wasm
  readonly #scratch: number
  #used = 0
  #next = 1

  constructor(wasm: Wasm) {
    this.wasm = wasm
    this.#scratch = this.#malloc(SCRATCH)
  }

  /** Memory that is not yet written. */
  make(shape: readonly number[], type: Type = FLOAT32): Tensor {
    const size = sizeOf(shape)
    const at = this.#malloc(size * (type === BOOL ? 1 : 4))
    const id = this.#next++
    this.wasm.register_tensor(id, size, at)
    return { shape, type, buffer: { id, at, holders: 1 } }
  }

  /** The same content in another shape. */
  reshape({ type, buffer }: Tensor, shape: readonly number[]): Tensor {
    buffer.holders++
    return { shape, type, buffer }
  }

  release(value: Value): void {
    if (value.ints || --value.buffer.holders > 0) return
    const { id, at } = value.buffer
    this.wasm.dispose_data(id)
    this.wasm.free(at)
  }

  /** A view, good until the next tensor is made: memory that grows detaches it. */
  view({ type, shape, buffer }: Tensor): Float32Array | Int32Array | Uint8Array {
    const View = type === FLOAT32 ? Float32Array : type === INT32 ? Int32Array : Uint8Array
    return new View(this.wasm.memory.buffer, buffer.at, sizeOf(shape))
  }

  /** Where a list of whole numbers lies, until the next kernel is called. */
  list(numbers: readonly number[]): number {
    const at = this.#scratch + this.#used
    this.#used += numbers.length * 4
    if (this.#used > SCRATCH) throw new Error('too many whole numbers for one kernel')
    new Int32Array(this.wasm.memory.buffer, at).set(numbers)
    return at
  }

  /** Calls a kernel. Lists that were made for it are forgotten. */
  call(kernel: string, ...numbers: readonly number[]): void {
    ;(this.wasm[kernel] as (...numbers: readonly number[]) => void)(...numbers)
    this.#used = 0
  }

  #malloc(bytes: number): number {
    // Memory above 2 GiB has negative addresses.
    const at = this.wasm.malloc(Math.max(bytes, 4)) >>> 0
    if (at === 0) throw new Error(`no memory for ${bytes} bytes`)
    return at
  }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1)
}

/** The shape of what two operands of an elementwise op give. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, at) => {
    const [x, y] = [a[at - rank + a.length] ?? 1, b[at - rank + b.length] ?? 1]
    return x === 1 ? y : x
  })
}
