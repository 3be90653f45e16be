import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Model, type Tensor, createRandom } from '@whittle/ir'
import { randomInputs, runModel } from '@whittle/testing'
import { familyOf } from '../src/run/families.ts'
import * as run from '../src/run.ts'
import { type WrittenProgram, writeProgram } from '../src/write/write-program.ts'

const require = createRequire(import.meta.url)
export const binary = readFileSync(require.resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm'))

/** All kernels, by name. */
export const kernels = Object.fromEntries([...familyOf].map(([kernel, family]) => [kernel, run[family]]))

export async function startWritten({ program, weights }: WrittenProgram): Promise<run.ProgramSession> {
  const weightOf = (name: string): run.WeightTensor => {
    const { tensor } = weights.find((weight) => weight.name === name)!
    return { type: tensor.type, dims: tensor.dims, bytes: tensor.bytes() }
  }
  return await run.startProgram(binary, program, weightOf, kernels)
}

export const feedsOf = (inputs: Readonly<Record<string, Tensor>>): Record<string, run.RunTensor> =>
  Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, { dims: tensor.dims, data: tensor.data() as run.Elements }]))

/** What a model gives on random inputs: as a program, and in onnxruntime. */
export async function both(
  model: Model,
  dims: Readonly<Record<string, number>> = {},
): Promise<{ got: Record<string, run.RunTensor>; want: Record<string, Tensor>; written: WrittenProgram }> {
  const inputs = randomInputs(model, createRandom('inputs'), dims)
  const written = writeProgram(model)
  const session = await startWritten(written)
  const want = await runModel(model, inputs)
  const got = session.run(feedsOf(inputs))
  session.dispose()
  return { got, want, written }
}
