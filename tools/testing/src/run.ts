import { type ElementType, Model, type Random, Tensor, type TensorData, kindOf } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import * as ort from 'onnxruntime-node'

/**
 * Runs a model in onnxruntime's native CPU provider, its graph optimizations off, so that what runs is what the model says.
 * @throws what onnxruntime says of a model or of inputs that it refuses.
 */
export async function runModel(model: Model | Uint8Array, inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
  const bytes = model instanceof Model ? writeOnnx(model) : model
  const session = await ort.InferenceSession.create(bytes, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  })
  try {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toOrt(tensor)]))
    const outputs = await session.run(feeds)
    return Object.fromEntries(session.outputNames.map((name) => [name, fromOrt(outputs[name]!)]))
  } finally {
    await session.release()
  }
}

/**
 * Random inputs for a model: normal numbers for floats, 0 to 9 for integers. Free dimensions are looked up in `dims`, and are 2 where
 * they are not there.
 */
export function randomInputs(model: Model, random: Random, dims: Readonly<Record<string, number>> = {}): Record<string, Tensor> {
  const inputs = model.graph.inputs.filter((input) => !input.tensor)
  return Object.fromEntries(
    inputs.map((input) => {
      const shape = (input.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : (dims[dim] ?? 2)))
      return [input.name, randomTensor(random, input.elementType ?? 'float32', shape)]
    }),
  )
}

function randomTensor(random: Random, type: ElementType, dims: number[]): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1)
  const below = type === 'bool' ? 2 : 10
  return Tensor.of(
    type,
    dims,
    Array.from({ length: size }, () => (kindOf(type) === 'float' ? random.normal() : random.integer(below))),
  )
}

function toOrt(tensor: Tensor): ort.Tensor {
  return new ort.Tensor(tensor.type as 'float32', tensor.data() as Float32Array, tensor.dims)
}

/** A copy: onnxruntime may use its memory again. */
function fromOrt(tensor: ort.Tensor): Tensor {
  if (tensor.type === 'string') return Tensor.strings(tensor.dims, tensor.data as string[])
  return Tensor.of(tensor.type as ElementType, tensor.dims, (tensor.data as Float32Array).slice() as unknown as TensorData)
}
