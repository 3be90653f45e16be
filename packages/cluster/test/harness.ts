import { type Context, type Dataset, type Model, type Value, createRandom, silentLogger } from '@whittle/ir'
import { nativeEngine, portsOf, randomDataset } from '@whittle/engine'

export const engine = nativeEngine({ threads: 1 })

export const samplesOf = (model: Model, count = 4, seed = 'calibration'): Dataset => randomDataset(portsOf(model).inputs, count, seed)

export const context = (more: Partial<Context> = {}): Context => ({ logger: silentLogger, random: createRandom('test'), engine, ...more })

export function initializer(model: Model, name: string): Value {
  const value = [...model.initializers()].find((other) => other.name === name)
  if (!value) throw new Error(`no initializer ${name}`)
  return value
}

export const normal = (size: number, seed: string): Float32Array => {
  const random = createRandom(seed)
  return Float32Array.from({ length: size }, () => random.normal())
}
