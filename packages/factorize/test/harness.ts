import { type Context, type Dataset, type Model, createRandom, silentLogger } from '@whittle/ir'
import { nativeEngine, portsOf, randomDataset } from '@whittle/engine'
import { noiseShare, outputsOn } from '@whittle/statistics'
import { type Matrix, matrixOf } from '../src/matrix.ts'

export const engine = nativeEngine({ threads: 1 })

export const samplesOf = (model: Model, count = 4, seed = 'calibration'): Dataset => randomDataset(portsOf(model).inputs, count, seed)

export const context = (more: Partial<Context> = {}): Context => ({ logger: silentLogger, random: createRandom('test'), engine, ...more })

export function randomMatrix(rows: number, columns: number, seed: string): Matrix {
  const random = createRandom(seed)
  return matrixOf(
    rows,
    columns,
    Float64Array.from({ length: rows * columns }, () => random.normal()),
  )
}

/** The share of noise in a changed model's outputs on samples of their own. */
export async function noiseOf(model: Model, other: Model, count = 4): Promise<number> {
  const samples = []
  for await (const { inputs } of samplesOf(model, count, 'unseen').samples()) samples.push(inputs)
  return noiseShare(await outputsOn(model, samples, engine), await outputsOn(other, samples, engine))
}
