import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type ElementType, type Engine, Tensor, type TensorData, UnsupportedError, messageOf } from '@whittle/ir'
import * as kernels from '@whittle/tfjs/run'
import { familyOf } from '@whittle/tfjs/write'

const PACKAGE = '@tensorflow/tfjs-backend-wasm'

/** The version whose kernels the programs are written for: how they are called is not promised from version to version. */
export const TFJS_VERSION = '4.22.0'

/** Runs weight files with programs in them on TensorFlow.js's WebAssembly: what an app's small runtime gives. */
export function tfjsEngine(): Engine {
  return {
    name: 'tfjs',
    key: `${PACKAGE}@${TFJS_VERSION}`,
    async open(file) {
      if (!(file instanceof Uint8Array)) throw new UnsupportedError('ENGINE_REFUSED', 'the tfjs engine runs weight files')
      const session = await runtime().InferenceSession.create(file)
      return {
        inputNames: session.inputNames,
        outputNames: session.outputNames,
        async run(inputs) {
          const { Tensor: Plain } = runtime()
          const feeds = Object.entries(inputs).map(([name, tensor]) => [
            name,
            new Plain(tensor.type, tensor.data() as kernels.Elements, tensor.dims),
          ])
          try {
            const results = await session.run(Object.fromEntries(feeds))
            return Object.fromEntries(
              Object.entries(results).map(([name, { type, dims, data }]) => [
                name,
                Tensor.of(type as ElementType, dims, data as TensorData),
              ]),
            )
          } catch (error) {
            throw new UnsupportedError('ENGINE_RUN', `the tfjs engine failed to run the model: ${messageOf(error)}`, { cause: error })
          }
        },
        dispose: () => session.release(),
      }
    },
  }
}

let shared: kernels.TfjsRuntime | undefined

function runtime(): kernels.TfjsRuntime {
  if (shared) return shared
  shared = kernels.createRuntime(Object.fromEntries([...familyOf].map(([kernel, family]) => [kernel, kernels[family]])))
  shared.env.wasm.wasmBinary = readFileSync(createRequire(import.meta.url).resolve(`${PACKAGE}/dist/tfjs-backend-wasm-simd.wasm`))
  return shared
}
