import { TransformError } from '@whittle/ir'
import { type Learned, type Standing, readCheckpoint, removeCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { firstNotFinite } from './diagnose.ts'
import type { Judge } from './judge.ts'
import { clipNorm, createOptimizer, type Optimizer, type Parameter } from './optimizer.ts'
import type { ResolvedTraining } from './options.ts'
import type { RunningStatistic } from './running.ts'
import type { Batches, Placed } from './samples.ts'
import { scheduleOf } from './schedule.ts'
import type { TrainingGraphs, TrainingStep } from './step.ts'
import type { Training } from './train.ts'

/** How a loop ended. */
export interface LoopResult {
  /** Steps done. */
  steps: number
  /** The step after which the weights are kept; 0 are those before. */
  best: number
  /**
   * What the weights were judged by, before and with those that are kept: the mean loss of what was held out, or of batches where nothing was, or
   * a metric.
   */
  judged: { by: string; before: number; after: number }
  /** Why it ended before the last step. */
  ended?: string
}

export interface LoopParts {
  readonly step: TrainingStep
  readonly graphs: TrainingGraphs
  readonly parameters: readonly Parameter[]
  readonly running: readonly RunningStatistic[]
  readonly options: ResolvedTraining
  readonly training: Training
  readonly batches: Batches
  /** Undefined where nothing is held out. */
  readonly judge: Judge | undefined
  /** Samples a run. */
  readonly samples: number
}

/** Steps of gradient descent; the best weights by what was held out are kept. */
export class Loop {
  readonly #parts: LoopParts
  readonly #optimizer: Optimizer
  readonly #learned: Learned
  #standing: Standing = { done: 0, best: 0, least: Infinity, sinceBest: 0, before: NaN, losses: [], seconds: 0 }

  constructor(parts: LoopParts) {
    this.#parts = parts
    this.#optimizer = createOptimizer(parts.options)
    const { parameters, running } = parts
    this.#learned = { parameters, running, kept: [...parameters, ...running].map(({ values }) => values.slice()) }
  }

  async run(): Promise<LoopResult> {
    const { options, training, parameters } = this.#parts
    const { context, owner } = training
    const rate = scheduleOf(owner, options.steps, options)
    await this.#goOn()
    const standing = this.#standing
    const began = performance.now() - 1000 * standing.seconds
    if (standing.done === 0) standing.before = await this.#judge()
    let ended: string | undefined
    while (standing.done < options.steps && ended === undefined) {
      context.onProgress?.({ step: owner, done: standing.done, total: options.steps })
      const { loss, slopes, feeds } = await this.#slopes()
      if (Number.isNaN(standing.before)) standing.before = loss
      // Where a gradient is no finite number, the norm is none either.
      if (!Number.isFinite(loss + clipNorm(slopes, options.clip))) {
        ended = await this.#notFinite(standing.done + 1, feeds)
        break
      }
      const now = options.learningRate * rate(standing.done)
      parameters.forEach((parameter, index) => this.#optimizer.step(parameter, slopes[index]!, now))
      standing.losses.push(loss)
      standing.done++
      const last = standing.done === options.steps
      if (standing.done % options.every === 0 || last) await this.#judge()
      if (standing.sinceBest >= options.patience) ended = `no better ${this.#parts.judge?.of ?? 'loss'} in ${options.patience} looks`
      standing.seconds = (performance.now() - began) / 1000
      if (standing.seconds > options.seconds) ended = `its ${options.seconds} seconds were over`
      const aborted = context.signal?.aborted === true
      if (aborted) ended = 'it was aborted'
      if (aborted || (standing.done % options.every === 0 && !last)) await writeCheckpoint(context.checkpoints, standing, this.#learned)
    }
    // What ended between two looks may be the best.
    if (ended !== undefined && standing.done % options.every !== 0 && !ended.startsWith('the loss')) await this.#judge()
    context.onProgress?.({ step: owner, done: standing.done, total: options.steps })
    if (context.signal?.aborted !== true) await removeCheckpoint(context.checkpoints)
    const { done, best, before, least, losses } = standing
    const recent = losses.slice(-options.every)
    const { judge } = this.#parts
    const mean = recent.reduce((sum, loss) => sum + loss, 0) / Math.max(1, recent.length)
    const judged = judge ? { by: judge.of, before: judge.shown(before), after: judge.shown(least) } : { by: 'loss', before, after: mean }
    this.#values().forEach((values, index) => values.set(this.#learned.kept[index]!))
    return { steps: done, best, judged, ...(ended === undefined ? {} : { ended }) }
  }

  /** Where a build was interrupted, from its last checkpoint on, with the samples that come next. */
  async #goOn(): Promise<void> {
    const { training, batches, samples } = this.#parts
    const standing = await readCheckpoint(training.context.checkpoints, this.#learned)
    if (!standing) return
    this.#standing = standing
    training.context.logger.info(`${training.owner}: goes on behind step ${standing.done}, where it was interrupted`)
    for (let run = 0; run < standing.done * this.#runs(); run++) await batches.next(samples)
  }

  /** How many runs a batch takes. */
  #runs(): number {
    const { options, samples } = this.#parts
    return Math.max(1, Math.round(options.batch / samples))
  }

  /** The mean loss of a batch and its gradients, added up over as many runs as the batch takes. */
  async #slopes(): Promise<{ loss: number; slopes: Float32Array[]; feeds: readonly Placed[] }> {
    const { step, batches, samples } = this.#parts
    const runs = this.#runs()
    let total = 0
    let sums: Float32Array[] | undefined
    let feeds: readonly Placed[] = []
    for (let run = 0; run < runs; run++) {
      feeds = await batches.next(samples)
      const { loss, slopes } = await step.gradients(feeds)
      total += loss / runs
      if (runs > 1) for (const slope of slopes) for (let at = 0; at < slope.length; at++) slope[at]! /= runs
      if (!sums) sums = slopes
      else sums.forEach((sum, index) => add(sum, slopes[index]!))
      if (!Number.isFinite(loss)) break
    }
    return { loss: total, slopes: sums!, feeds }
  }

  /** What the weights cost by what was held out, NaN where nothing was; keeps those that cost the least so far. */
  async #judge(): Promise<number> {
    const { judge, training } = this.#parts
    const { done, least } = this.#standing
    if (!judge) {
      this.#keep(NaN)
      return NaN
    }
    const cost = await judge.cost()
    training.context.logger.debug(`${training.owner}: the ${judge.of} after step ${done} is ${judge.shown(cost).toPrecision(4)}`)
    if (cost < least) this.#keep(cost)
    else this.#standing.sinceBest++
    return cost
  }

  #keep(cost: number): void {
    this.#values().forEach((values, index) => this.#learned.kept[index]!.set(values))
    Object.assign(this.#standing, { best: this.#standing.done, least: cost, sinceBest: 0 } satisfies Partial<Standing>)
  }

  #values(): Float32Array[] {
    return [...this.#learned.parameters, ...this.#learned.running].map(({ values }) => values)
  }

  /** @throws {TransformError} before the first step, since nothing was learned. */
  async #notFinite(at: number, batch: readonly Placed[]): Promise<string> {
    const { graphs, training, step } = this.#parts
    const { context, owner } = training
    const node = await firstNotFinite(graphs.backward, await step.feeds(batch), context.engine)
    const where = node ? ` (the first in ${node})` : ''
    if (at === 1)
      throw new TransformError(
        'TRAIN_NOT_FINITE',
        `${owner}: the loss or a gradient is not a finite number before the first step${where}; look at the samples near ${batch[0]!.where}`,
      )
    return `the loss or a gradient was not a finite number at step ${at}${where}; a lower learningRate may help`
  }
}

function add(sum: Float32Array, other: Float32Array): void {
  for (let at = 0; at < sum.length; at++) sum[at]! += other[at]!
}
