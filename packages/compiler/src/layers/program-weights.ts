import { decodeWeights } from '@whittle/codec/decode'
import { sectionsOf } from '@whittle/codec/encode'
import { type ElementType, type Model, Tensor, inferShapes } from '@whittle/ir'
import { writeProgram } from '@whittle/tfjs/write'
import { type FileWeight, quickBrotli } from './onnx-weights.ts'

/** The weights of a file for the small runtime, by the names that they have in the model. */
export interface ProgramWeights {
  readonly kernels: readonly string[]
  readonly weights: ReadonlyMap<string, FileWeight>
  /** The same weights as the model has them, with their axes in the program's order. */
  readonly originals: ReadonlyMap<string, Float32Array>
}

/** @param model the simplified model, with the sizes of a typical run. */
export function programWeights(file: Uint8Array, model: Model): ProgramWeights {
  const copy = model.clone()
  inferShapes(copy)
  const written = writeProgram(copy)
  const { tensors, program } = decodeWeights(file)
  const weights = new Map<string, FileWeight>()
  for (const { name, type, dims, form, bits, bytes } of sectionsOf(file)) {
    const tensor = Tensor.fromBytes(type as ElementType, dims, tensors.get(name)!.bytes)
    weights.set(name, {
      stored: form === 'plain' ? type : form,
      bits,
      bytes: bytes.byteLength,
      brotli: quickBrotli(bytes),
      values: { dims, data: tensor.toFloat32() },
      computes: 'float32',
    })
  }
  return {
    kernels: (program as unknown as { steps: [string][] }).steps.map(([kernel]) => kernel),
    weights,
    originals: new Map(written.weights.flatMap(({ name, tensor }) => (tensor.type === 'float32' ? [[name, tensor.toFloat32()]] : []))),
  }
}
