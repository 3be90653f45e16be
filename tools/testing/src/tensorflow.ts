import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { Tensor } from '@whittle/ir'

/** What is used of TensorFlow.js, which runs here as an oracle; its own types want the DOM. */
interface TensorFlow {
  loadLayersModel(handler: object): Promise<LoadedModel>
  loadGraphModel(handler: object): Promise<LoadedModel>
  tensor(data: ArrayLike<number>, shape: readonly number[], dtype: string): Given
  setBackend(name: string): Promise<boolean>
  getBackend(): string
}
interface LoadedModel {
  predict(inputs: Given | Given[]): Given | Given[]
}
interface Given {
  shape: number[]
  dtype: string
  dataSync(): ArrayLike<number>
}

const require = createRequire(import.meta.url)

/** The back ends of TensorFlow.js that Node has: plain JavaScript, which computes in float64, and WebAssembly, as in a browser. */
export type TensorFlowBackend = 'cpu' | 'wasm'

/**
 * Runs a layers model or a graph model on TensorFlow.js itself.
 * @param file its `model.json`, with its weights beside it in the order of one group.
 * @param inputs in the model's order.
 * @returns its outputs in the model's order.
 */
export async function runTensorFlow(file: string, inputs: readonly Tensor[], backend: TensorFlowBackend = 'wasm'): Promise<Tensor[]> {
  const tf = {
    ...require('@tensorflow/tfjs-core'),
    ...require('@tensorflow/tfjs-layers'),
    ...require('@tensorflow/tfjs-converter'),
  } as TensorFlow
  // A back end registers itself by being loaded.
  require('@tensorflow/tfjs-backend-cpu')
  const wasm = require.resolve('@tensorflow/tfjs-backend-wasm')
  const { setWasmPaths } = require(wasm) as { setWasmPaths(folder: string): void }
  const before = tf.getBackend()
  if (backend === 'wasm') setWasmPaths(`${path.dirname(wasm)}/`)
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js's back end '${backend}' does not start`)
  try {
    const { format, ...artifacts } = artifactsOf(file)
    const handler = { load: () => Promise.resolve({ format, ...artifacts }) }
    const model = await (format === 'graph-model' ? tf.loadGraphModel(handler) : tf.loadLayersModel(handler))
    const given = inputs.map((input) => tf.tensor(input.toNumbers(), input.dims, input.type))
    const outputs = model.predict(given.length === 1 ? given[0]! : given)
    return [outputs].flat().map((output) => Tensor.of(output.dtype as 'float32', output.shape, Array.from(output.dataSync())))
  } finally {
    if (before) await tf.setBackend(before)
  }
}

/** What TensorFlow.js's loaders ask for. */
function artifactsOf(file: string): { format: unknown } & Record<string, unknown> {
  const { modelTopology, weightsManifest, signature, format } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  const [{ paths, weights }] = weightsManifest as [{ paths: string[]; weights: unknown[] }]
  const data = Buffer.concat(paths.map((name) => readFileSync(path.join(path.dirname(file), name))))
  const weightData = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)
  return { modelTopology, format, signature, weightSpecs: weights, weightData }
}
