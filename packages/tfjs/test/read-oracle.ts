import { createRequire } from 'node:module'
import type { Model } from '@whittle/ir'
import { Tensor, createRandom } from '@whittle/ir'
import { differenceOf, randomInputs, runModel } from '@whittle/testing'
import { expect } from 'vitest'
import { readTfjs, type TfjsOptions } from '../src/index.ts'

/** What these tests use of TensorFlow.js, which runs here as an oracle; its own types want the DOM. */
interface Tf {
  layers: Record<string, (config?: object) => Layer>
  model(config: object): TfModel
  sequential(config?: object): TfModel
  input(config: object): unknown
  loadLayersModel(handler: object): Promise<TfModel>
  loadGraphModel(handler: object): Promise<TfModel>
  tensor(data: ArrayLike<number>, shape: readonly number[], dtype: string): TfTensor
  serialization: { registerClass(layer: unknown): void }
  setBackend(name: string): Promise<boolean>
}
interface Layer {
  apply(inputs: unknown): unknown
}
export interface TfTensor {
  shape: number[]
  dtype: string
  dataSync(): ArrayLike<number>
}
interface TfModel {
  add(layer: unknown): void
  predict(inputs: unknown): TfTensor | TfTensor[]
  execute(inputs: unknown, outputs: string[]): TfTensor | TfTensor[]
  executeAsync(inputs: unknown, outputs: string[]): Promise<TfTensor | TfTensor[]>
  save(handler: object): Promise<unknown>
  getWeights(): (TfTensor & { size: number })[]
  setWeights(weights: TfTensor[]): void
}

const require = createRequire(import.meta.url)
// The backend registers its kernels by being loaded.
require('@tensorflow/tfjs-backend-cpu')

export const tf = {
  ...require('@tensorflow/tfjs-core'),
  ...require('@tensorflow/tfjs-layers'),
  ...require('@tensorflow/tfjs-converter'),
} as Tf

export interface Artifacts {
  json: Record<string, unknown>
  weights: Uint8Array
}

/** A layers model as it is saved, its weights random, also those that begin as zeros or ones. */
export async function saved(model: TfModel, seed = 'weights'): Promise<Artifacts> {
  const random = createRandom(seed)
  model.setWeights(
    model.getWeights().map((weight) => {
      const data = Float32Array.from({ length: weight.size }, () => random.normal() * 0.3 + 0.6 * Number(weight.shape.length === 1))
      // Variances stand among the vectors, and are not below zero.
      return tf.tensor(weight.shape.length === 1 ? data.map((item) => Math.abs(item) + 0.1) : data, weight.shape, 'float32')
    }),
  )
  let artifacts: { modelTopology: unknown; weightSpecs: unknown[]; weightData: ArrayBuffer } | undefined
  await model.save({
    save: (given: typeof artifacts) => {
      artifacts = given
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } })
    },
  })
  const { modelTopology, weightSpecs, weightData } = artifacts!
  const json = { format: 'layers-model', modelTopology, weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }] }
  return { json: JSON.parse(JSON.stringify(json)) as Record<string, unknown>, weights: new Uint8Array(weightData) }
}

export function read({ json, weights }: Artifacts, options: TfjsOptions = {}): Model {
  return readTfjs(JSON.stringify(json), () => weights, options)
}

/** Runs a layers model and what was read of it on the same random inputs. */
export async function expectSame(model: TfModel, dims: Record<string, number> = {}, options: TfjsOptions = {}): Promise<Model> {
  const artifacts = await saved(model)
  const own = read(artifacts, options)
  const inputs = randomInputs(own, createRandom('inputs'), { N: 2, ...dims })
  const given = model.predict(Object.values(inputs).length === 1 ? toTf(Object.values(inputs)[0]!) : Object.values(inputs).map(toTf))
  await compare(own, inputs, Array.isArray(given) ? given : [given])
  return own
}

/** Outputs of ONNX Runtime against those of TensorFlow.js, in their order. */
export async function compare(own: Model, inputs: Record<string, Tensor>, expected: readonly TfTensor[]): Promise<void> {
  const outputs = await runModel(own, inputs)
  const names = own.graph.outputs.map(({ name }) => name)
  expect(names.length).toBe(expected.length)
  names.forEach((name, index) => {
    const [wanted, output] = [expected[index]!, outputs[name]!]
    expect([output.type, ...output.dims], `type and shape of '${name}'`).toEqual([wanted.dtype, ...wanted.shape])
    expect(differenceOf(fromTf(wanted), output), `difference of '${name}'`).toBeLessThan(1e-4)
  })
}

export function toTf(tensor: Tensor): TfTensor {
  return tf.tensor(tensor.toNumbers(), tensor.dims, tensor.type)
}

export function fromTf(tensor: TfTensor): Tensor {
  return Tensor.of(tensor.dtype as 'float32', tensor.shape, Array.from(tensor.dataSync()))
}

/** The ops of a model, in their order. */
export function opsOf(model: Model): string[] {
  return [...model.nodes()].map(({ op }) => op)
}
