import type { Tensor as OrtTensor } from 'onnxruntime-web'
import { RunError } from '../errors.ts'
import { sizeOf, type ElementType, type Tensor, type TensorArrays } from '../tensor.ts'

/** WebGPU's `GPUBuffer`, where TypeScript knows it. */
export type GpuBuffer = OrtTensor.GpuBufferType

/** Element types that onnxruntime-web keeps on the GPU. */
export const GPU_TYPES: readonly string[] = [
  'float32',
  'float16',
  'int32',
  'int64',
  'uint32',
  'uint8',
  'bool',
] satisfies OrtTensor.GpuBufferDataTypes[]

/** Elements that lie in a buffer of the GPU, in place of the array that a tensor has elsewhere. */
export class GpuData<E extends ElementType = ElementType> {
  readonly buffer: GpuBuffer
  /** Elements. */
  readonly length: number
  /** Copies the elements to the CPU. */
  readonly read: () => Promise<TensorArrays[E]>
  /** Frees the buffer, if it is an output; an app's own is the app's to destroy. */
  readonly dispose: () => void
  readonly #type: E

  constructor(type: E, dims: readonly number[], of: Pick<GpuData<E>, 'buffer' | 'read' | 'dispose'>) {
    this.buffer = of.buffer
    this.read = of.read
    this.dispose = of.dispose
    this.length = sizeOf(dims)
    this.#type = type
  }

  /** The loader tells by it which elements an array holds. */
  get [Symbol.toStringTag](): string {
    return `${this.#type === 'bool' ? 'uint8' : this.#type}Array`
  }
}

/** A tensor whose elements lie on the GPU. */
export interface GpuTensor<E extends ElementType = ElementType, D extends readonly number[] = readonly number[]> {
  readonly type: E
  readonly data: GpuData<E>
  readonly dims: D
}

/** A tensor, wherever its elements are. */
export type AnyTensor<E extends ElementType = ElementType, D extends readonly number[] = readonly number[]> = Tensor<E, D> | GpuTensor<E, D>

/**
 * A tensor of an app's own buffer, as an input. The buffer is of the session's `gpuDevice`, has the usages STORAGE, COPY_SRC and COPY_DST, and as many
 * bytes as the elements, rounded up to a multiple of 16; it holds them row by row.
 * @throws {RunError} TENSOR_INVALID, where onnxruntime-web takes no such elements from the GPU.
 */
export function gpuTensor<E extends OrtTensor.GpuBufferDataTypes, const D extends readonly number[]>(
  buffer: GpuBuffer,
  dims: D,
  type: E,
): GpuTensor<E, D> {
  if (!GPU_TYPES.includes(type))
    throw new RunError('TENSOR_INVALID', `gpuTensor: expected one of ${GPU_TYPES.join(', ')}, received ${String(type)}`)
  const read = (): never => {
    throw new RunError('TENSOR_INVALID', `gpuTensor: a buffer of the app's own is read by the app; this model does not run on the GPU`)
  }
  return { type, dims, data: new GpuData<E>(type, dims, { buffer, read: async () => read(), dispose: () => undefined }) }
}

/**
 * The tensor with its elements in an array: what lies on the GPU is copied, all else is given back as it is.
 * Read outputs before the session that gave them is disposed of.
 */
export async function readTensor<E extends ElementType, D extends readonly number[]>(tensor: AnyTensor<E, D>): Promise<Tensor<E, D>> {
  const { type, data, dims } = tensor
  return { type, dims, data: data instanceof GpuData ? await data.read() : data }
}

/** Frees what outputs hold on the GPU; nothing where they lie elsewhere. */
export function releaseTensor(...tensors: readonly { readonly data: unknown }[]): void {
  for (const { data } of tensors) if (data instanceof GpuData) data.dispose()
}
