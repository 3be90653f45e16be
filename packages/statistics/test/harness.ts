import { type Context, createRandom, silentLogger } from '@whittle/ir'
import { nativeEngine } from '@whittle/engine'

export { datasetOf, randomSpd } from '@whittle/testing'

const engine = nativeEngine({ threads: 1 })

export const context = (more: Partial<Context> = {}): Context => ({ logger: silentLogger, random: createRandom('test'), engine, ...more })
