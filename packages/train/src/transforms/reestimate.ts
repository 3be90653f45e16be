import { type Context, type Dataset, type Model, type Report, Tensor, type Transform, invalidOption } from '@whittle/ir'
import { useBatchStatistics } from '../batch-statistics.ts'
import { Batches, SampleSource, stacked } from '../training/samples.ts'
import { valuesByName } from '../values.ts'
import { needs } from './needs.ts'

export interface ReestimateOptions {
  /** Batches that are looked at. @default 16 */
  batches?: number
  /** Samples a batch; one where the model's batch axis is fixed. @default 32 */
  batch?: number
  /** Samples, labels unused. @default the context's `training`, or its `calibration` */
  dataset?: Dataset
}

/**
 * Takes the means and variances that BatchNormalizations keep anew from samples, such as where weights before them were pruned or rounded;
 * those that `simplify` folds have none any more. Each normalizes by its batch meanwhile, and what is kept is the mean over batches ("precise
 * BN", Wu & Johnson 2021).
 * @throws {TransformError} TRAIN_DATA without samples, TRAIN_ENGINE without an engine.
 */
export function reestimate({ batches = 16, batch = 32, dataset }: ReestimateOptions = {}): Transform {
  for (const [name, value] of Object.entries({ batches, batch }))
    if (!(Number.isInteger(value) && value > 0)) throw invalidOption('reestimate', name, 'a whole number above 0', value)
  return {
    name: 'reestimate',
    options: { batches, batch, ...(dataset ? { dataset: dataset.key } : {}) },
    async run(model, context): Promise<Report> {
      const copy = model.clone()
      const statistics = useBatchStatistics(copy)
      if (statistics.length === 0)
        return { changed: [], skipped: [{ at: 'the model', why: 'no BatchNormalization in it keeps statistics of its own' }] }
      copy.graph.setOutputs(copy.graph.outputs.filter(({ name }) => statistics.some(({ output }) => output === name)))
      const moments = await momentsOf(
        copy,
        statistics.map(({ output }) => output),
        { batches, batch, dataset },
        context,
      )
      const values = valuesByName(model)
      const changed: Report['changed'] = []
      for (let at = 0; at < statistics.length; at += 2) {
        const [mean, spread] = [moments[at]!, moments[at + 1]!]
        // Within the batches and between their means.
        const variance = spread.mean.map((within, channel) => within + mean.square[channel]! - mean.mean[channel]! ** 2)
        for (const [{ name }, data] of [
          [statistics[at]!, mean.mean],
          [statistics[at + 1]!, variance],
        ] as const) {
          const value = values.get(name)!
          value.graph.setTensor(value, Tensor.float32(value.tensor!.dims, data))
          changed.push({ at: name, what: `taken anew from ${batches} batches` })
        }
      }
      return { changed, skipped: [] }
    },
  }
}

type Given = Required<Omit<ReestimateOptions, 'dataset'>> & Pick<ReestimateOptions, 'dataset'>

/** The mean over batches of each output, and of its square. */
async function momentsOf(model: Model, outputs: readonly string[], given: Given, context: Context): Promise<Moments[]> {
  const { engine, samples } = needs('reestimate', given.dataset, context)
  const batches = new Batches(await SampleSource.open('reestimate', samples, context.random.fork('reestimate')))
  const stacks = model.graph.inputs.every(({ shape }) => typeof shape?.[0] === 'string')
  const session = await engine.open(model)
  const moments = outputs.map((): Moments => ({ mean: new Float64Array(), square: new Float64Array() }))
  try {
    for (let run = 0; run < given.batches; run++) {
      context.signal?.throwIfAborted()
      const items = await batches.next(stacks ? given.batch : 1)
      const names = Object.keys(items[0]!.sample.inputs)
      const inputs = Object.fromEntries(names.map((name) => [name, stacked(items.map(({ sample }) => sample.inputs[name]!))]))
      const results = await session.run(inputs)
      outputs.forEach((name, index) => {
        const own = results[name]!.toFloat32()
        const { mean, square } = run === 0 ? (moments[index] = emptyMoments(own.length)) : moments[index]!
        for (let at = 0; at < own.length; at++) {
          mean[at]! += own[at]! / given.batches
          square[at]! += own[at]! ** 2 / given.batches
        }
      })
    }
  } finally {
    await session.dispose()
  }
  return moments
}

interface Moments {
  readonly mean: Float64Array
  readonly square: Float64Array
}

const emptyMoments = (size: number): Moments => ({ mean: new Float64Array(size), square: new Float64Array(size) })
