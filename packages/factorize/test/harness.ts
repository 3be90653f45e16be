import { type Context, type Dataset, type Model, createRandom, silentLogger } from '@whittle/ir'
import { nativeEngine, portsOf, randomDataset } from '@whittle/engine'

export const engine = nativeEngine({ threads: 1 })

export const samplesOf = (model: Model, count = 4, seed = 'calibration'): Dataset => randomDataset(portsOf(model).inputs, count, seed)

export const context = (more: Partial<Context> = {}): Context => ({ logger: silentLogger, random: createRandom('test'), engine, ...more })
