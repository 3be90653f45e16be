import { type ElementType, Tensor, type TensorData, UnsupportedError } from '@whittle/ir'
import type { Tensor as OrtTensor, TensorConstructor } from 'onnxruntime-common'

/** Element types that onnxruntime's JavaScript API takes and gives. */
const PASSED: ReadonlySet<ElementType> = new Set<ElementType>([
  ...(['float32', 'float64', 'float16', 'int8', 'int16', 'int32', 'int64', 'int4'] as const),
  ...(['uint8', 'uint16', 'uint32', 'uint64', 'uint4', 'bool', 'string'] as const),
])

/** Makes onnxruntime's tensor of ours, on the same memory. float16 goes as bit patterns. */
export function toOrt(create: TensorConstructor, name: string, tensor: Tensor): OrtTensor {
  if (!PASSED.has(tensor.type))
    throw new UnsupportedError(
      'ENGINE_TYPE',
      `input '${name}' is ${tensor.type}, which onnxruntime's JavaScript API cannot take; cast it inside the model`,
    )
  if (tensor.type === 'string') return new create('string', [...tensor.strings()], tensor.dims)
  return new create(tensor.type as 'float32', tensor.data() as Float32Array, tensor.dims)
}

/** Makes our tensor of onnxruntime's, on the same memory. */
export function fromOrt(tensor: OrtTensor): Tensor {
  if (tensor.type === 'string') return Tensor.strings(tensor.dims, tensor.data as string[])
  return Tensor.of(tensor.type as ElementType, tensor.dims, tensor.data as unknown as TensorData)
}
