import { TransformError } from '@whittle/ir'
import { firstNotFinite } from './diagnose.ts'
import { clipNorm, createOptimizer, type Optimizer, type Parameter } from './optimizer.ts'
import type { ResolvedTraining } from './options.ts'
import type { RunningStatistic } from './running.ts'
import { type Batches, type Placed, inRuns } from './samples.ts'
import { scheduleOf } from './schedule.ts'
import type { TrainingGraphs, TrainingStep } from './step.ts'
import type { Training } from './train.ts'

/** How a loop ended. */
export interface LoopResult {
  /** Steps done. */
  steps: number
  /** The step after which the weights are kept; 0 are those before. */
  best: number
  /** The mean loss before and with the weights that are kept: of what was held out, or of batches where nothing was. */
  loss: { before: number; after: number }
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
  readonly heldOut: readonly Placed[]
  /** Samples a run. */
  readonly samples: number
}

/** Steps of gradient descent; the weights with the least loss on what was held out are kept. */
export class Loop {
  readonly #parts: LoopParts
  readonly #optimizer: Optimizer
  /** Copies of the parameters' values, and of running statistics. */
  #kept: Float32Array[]
  #best = 0
  #least = Infinity
  #sinceBest = 0

  constructor(parts: LoopParts) {
    this.#parts = parts
    this.#optimizer = createOptimizer(parts.options)
    this.#kept = this.#copies()
  }

  async run(): Promise<LoopResult> {
    const { options, training, parameters } = this.#parts
    const { context, owner } = training
    const rate = scheduleOf(owner, options.steps, options)
    const began = performance.now()
    const losses: number[] = []
    let before = await this.#judge(0)
    let ended: string | undefined
    let done = 0
    while (done < options.steps && ended === undefined) {
      context.onProgress?.({ step: owner, done, total: options.steps })
      const { loss, slopes, feeds } = await this.#slopes()
      before = Number.isNaN(before) ? loss : before
      if (!isFinite(loss, slopes)) {
        ended = await this.#notFinite(done + 1, feeds)
        break
      }
      clipNorm(slopes, options.clip)
      const now = options.learningRate * rate(done)
      parameters.forEach((parameter, index) => this.#optimizer.step(parameter, slopes[index]!, now))
      losses.push(loss)
      done++
      if (done % options.every === 0 || done === options.steps) await this.#judge(done)
      if (this.#sinceBest >= options.patience) ended = `no lower loss in ${options.patience} looks`
      if (context.signal?.aborted) ended = 'it was aborted'
      if ((performance.now() - began) / 1000 > options.seconds) ended = `its ${options.seconds} seconds were over`
    }
    // What ended between two looks may be the best.
    if (ended !== undefined && done % options.every !== 0 && !ended.startsWith('the loss')) await this.#judge(done)
    context.onProgress?.({ step: owner, done, total: options.steps })
    const last = losses.slice(-options.every)
    const judged = this.#parts.heldOut.length > 0
    const after = judged ? this.#least : last.reduce((sum, loss) => sum + loss, 0) / Math.max(1, last.length)
    this.#restore()
    return { steps: done, best: this.#best, loss: { before, after }, ...(ended === undefined ? {} : { ended }) }
  }

  /** The mean loss of a batch and its gradients, added up over as many runs as the batch takes. */
  async #slopes(): Promise<{ loss: number; slopes: Float32Array[]; feeds: readonly Placed[] }> {
    const { step, batches, samples, options } = this.#parts
    const runs = Math.max(1, Math.round(options.batch / samples))
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

  /** The mean loss of what was held out, NaN where nothing was; keeps the weights where it is the least so far. */
  async #judge(done: number): Promise<number> {
    const { step, heldOut, samples } = this.#parts
    if (heldOut.length === 0) {
      this.#keep(done, NaN)
      return NaN
    }
    let sum = 0
    for (const run of inRuns(heldOut, samples)) sum += (await step.loss(run)) * run.length
    const loss = sum / heldOut.length
    this.#parts.training.context.logger.debug(`${this.#parts.training.owner}: the loss after step ${done} is ${loss.toPrecision(4)}`)
    if (loss < this.#least) this.#keep(done, loss)
    else this.#sinceBest++
    return loss
  }

  #keep(done: number, loss: number): void {
    this.#kept = this.#copies()
    this.#best = done
    this.#least = loss
    this.#sinceBest = 0
  }

  #copies(): Float32Array[] {
    return this.#learned().map(({ values }) => values.slice())
  }

  #restore(): void {
    this.#learned().forEach(({ values }, index) => values.set(this.#kept[index]!))
  }

  #learned(): { values: Float32Array }[] {
    return [...this.#parts.parameters, ...this.#parts.running]
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

function isFinite(loss: number, slopes: readonly Float32Array[]): boolean {
  return Number.isFinite(loss) && slopes.every((slope) => Number.isFinite(slope.reduce((sum, item) => sum + Math.abs(item), 0)))
}

function add(sum: Float32Array, other: Float32Array): void {
  for (let at = 0; at < sum.length; at++) sum[at]! += other[at]!
}
