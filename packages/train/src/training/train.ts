import { type Context, type Dataset, type Engine, type Metric, type Model, TransformError, inferShapes } from '@whittle/ir'
import type { Objective } from '../objective/objective.ts'
import type { Frozen } from '../reach.ts'
import { valuesByName } from '../values.ts'
import { type Choice, chooseParameters } from './choice.ts'
import { lossJudge, metricJudge } from './judge.ts'
import { Loop, type LoopResult } from './loop.ts'
import { type TrainOptions, resolveTraining } from './options.ts'
import { RunningStatistic } from './running.ts'
import { Batches, SampleSource } from './samples.ts'
import { sizeOfRun } from './size-of-run.ts'
import { type TrainingGraphs, TrainingStep, trainingGraphs } from './step.ts'
import { writeBack } from './write-back.ts'

/** What training needs beside its options. */
export interface Training {
  /** Who trains, for messages: `distill`. */
  readonly owner: string
  readonly objectives: readonly Objective[]
  readonly dataset: Dataset
  readonly context: Context & { readonly engine: Engine }
  /** Judges the weights on what is held out, in place of the loss; it may run `model` and `original`. */
  readonly metric?: Metric | undefined
  /** Whether values with integer grids are rounded to them while training, the grids being learned as well. */
  readonly throughGrids?: boolean
}

export interface Trained extends LoopResult {
  /** Names of the weights that learned. */
  learned: string[]
  /** Nodes through which no gradient goes. */
  frozen: Frozen[]
  /** Weights that did not learn. */
  skipped: { at: string; why: string }[]
  /** What a run takes at most, and how many samples are in it. */
  run: { bytes: number; samples: number }
}

/**
 * Trains a model in place on the samples of a dataset, and keeps the weights with the least loss on samples that were held out. Where the
 * signal of the context aborts it, it ends with the best so far.
 * @throws {DatasetError} when there are too few samples, or one does not fit.
 * @throws {TransformError} TRAIN_NOTHING when no parameter can learn, TRAIN_NOT_FINITE when the loss is no number before the first step,
 * TRAIN_MEMORY when one sample takes more memory than allowed.
 */
export async function train(model: Model, given: TrainOptions, training: Training): Promise<Trained> {
  const { owner, objectives, context, metric } = training
  const options = resolveTraining(owner, given)
  const source = await SampleSource.open(owner, training.dataset, context.random.fork(owner))
  const heldOut = source.holdOut(options.holdout)
  const batches = new Batches(source)
  const typical = heldOut.length > 0 ? heldOut : await batches.next(1)
  for (const objective of objectives) await objective.prepare?.(typical.map(({ sample }) => sample))

  const copy = model.clone()
  inferShapes(copy)
  const choice = chooseParameters(owner, copy, options, training)
  const graphs = trainingGraphs(copy, { objectives, ...choice, ofBatches: options.batchNorm === 'batch', answering: metric !== undefined })
  const parameters = choice.parameters.filter(({ name }) => graphs.slopes.has(name))
  if (parameters.length === 0) throw nothingLearns(owner, choice, graphs)
  const named = valuesByName(model)
  const running = graphs.statistics.map((statistic) => new RunningStatistic(statistic, named.get(statistic.name)!))
  const run = sizeOfRun(owner, graphs.backward, typical, options.batch, options.memory)
  context.logger.info(`${owner}: a step takes up to ${Math.round(run.bytes / 1e6)} MB, ${run.samples} samples at a time`)
  const step = await TrainingStep.open(context.engine, graphs, objectives, parameters, running)
  const judge = metric ? await metricJudge(metric, step, heldOut, context) : lossJudge(step, heldOut, run.samples)
  try {
    const judged = heldOut.length > 0 ? judge : undefined
    const loop = new Loop({ step, graphs, parameters, running, options, training, batches, judge: judged, samples: run.samples })
    const result = await loop.run()
    writeBack(model, [...parameters, ...running], choice)
    return {
      ...result,
      learned: choice.learned.filter(({ by }) => graphs.slopes.has(by)).map(({ name }) => name),
      frozen: graphs.frozen,
      skipped: [...choice.skipped, ...graphs.unreached.map((at) => ({ at, why: 'no gradient of the loss reaches it' }))],
      run,
    }
  } finally {
    await judge.dispose?.()
    await step.dispose()
  }
}

function nothingLearns(owner: string, { learners }: Choice, { frozen }: TrainingGraphs): TransformError {
  const ways = frozen.map(({ at, why }) => `${at} (${why})`)
  const reason =
    learners.length === 0
      ? 'it has no float32 weights of that kind'
      : `no gradient reaches its weights; in the way: ${ways.join(', ') || 'nothing that depends on them'}`
  return new TransformError('TRAIN_NOTHING', `${owner}: nothing of the model can learn: ${reason}`)
}
