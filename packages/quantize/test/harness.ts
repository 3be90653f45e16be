import { type Context, type Dataset, type Model, type Value, createRandom, silentLogger } from '@whittle/ir'
import { nativeEngine, portsOf, randomDataset } from '@whittle/engine'

export const engine = nativeEngine({ threads: 1 })

export const samplesOf = (model: Model, count = 3, seed = 'calibration'): Dataset => randomDataset(portsOf(model).inputs, count, seed)

export const context = (more: Partial<Context> = {}): Context => ({ logger: silentLogger, random: createRandom('test'), engine, ...more })

export { datasetOf } from '@whittle/testing'

/** Any value of the model, by name. */
export function valueOf(model: Model, name: string): Value {
  for (const graph of model.graphs()) {
    for (const value of [...graph.inputs, ...graph.initializers]) if (value.name === name) return value
    for (const node of graph.nodes) for (const output of node.outputs) if (output?.name === name) return output
  }
  throw new Error(`no value ${name}`)
}

export const normal = (size: number, seed: string, scale = 1): Float32Array => {
  const random = createRandom(seed)
  return Float32Array.from({ length: size }, () => random.normal() * scale)
}

export const squaredError = (a: Float32Array, b: Float32Array): number => a.reduce((sum, item, index) => sum + (item - b[index]!) ** 2, 0)
