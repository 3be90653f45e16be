import { type JsonObject, invalidOption } from '@whittle/ir'
import type { Learning } from './parameters.ts'
import { type OptimizerOptions, type ResolvedOptimizer, resolveOptimizer } from './optimizer.ts'
import type { ScheduleOptions } from './schedule.ts'

export interface TrainOptions extends OptimizerOptions, ScheduleOptions {
  /** Updates of the parameters. */
  steps: number
  /** Samples a step. @default 32 */
  batch?: number
  /**
   * The greatest learning rate; with `relative` a share of root mean squares. @default 0.0001 for 'adamw', 0.05 for 'sgd'
   */
  learningRate?: number
  /** Gradients are scaled down together to this norm where theirs is greater. @default Infinity */
  clip?: number
  /** Which parameters learn. @default 'all' */
  parameters?: Learning
  /** Share of the samples that is kept to tell the best step by, and not learned from. @default 0.1, at most 256 samples */
  holdout?: number
  /** Steps between two looks at the loss of what was held out. @default a tenth of the steps */
  every?: number
  /** Training ends after so many looks without a lower loss. @default Infinity */
  patience?: number
  /** Training ends after so many seconds. The result then depends on the machine. @default Infinity */
  seconds?: number
  /** Bytes that a step may take; larger batches are divided, and their gradients added up. @default 2e9 */
  memory?: number
  /** Zeros of kernels stay zeros. @default true */
  keepZeros?: boolean
  /**
   * What BatchNormalizations that are not folded use while they learn: the statistics that they keep, or those of each batch, which the kept
   * ones follow. Networks that learn from nothing need the latter. @default 'kept'
   */
  batchNorm?: 'kept' | 'batch'
}

export type ResolvedTraining = Required<Omit<TrainOptions, keyof OptimizerOptions | keyof ScheduleOptions>> &
  ResolvedOptimizer &
  Required<ScheduleOptions>

/** @throws {OptionError} OPTION_INVALID naming the option. */
export function resolveTraining(owner: string, given: TrainOptions): ResolvedTraining {
  const optimizer = resolveOptimizer(owner, given)
  const { steps, batch = 32, clip = Infinity, parameters = 'all', holdout = 0.1, patience = Infinity, seconds = Infinity } = given
  const { memory = 2e9, keepZeros = true, batchNorm = 'kept', schedule = 'cosine', warmup = 0.05 } = given
  const { learningRate = optimizer.optimizer === 'sgd' ? 0.05 : 0.0001 } = given
  const whole = (name: string, value: unknown): void => {
    if (!(Number.isInteger(value) && (value as number) > 0)) throw invalidOption(owner, name, 'a whole number above 0', value)
  }
  const positive = (name: string, value: unknown): void => {
    if (!(typeof value === 'number' && value > 0)) throw invalidOption(owner, name, 'a number above 0', value)
  }
  whole('steps', steps)
  whole('batch', batch)
  const { every = Math.max(1, Math.round(steps / 10)) } = given
  whole('every', every)
  positive('learningRate', learningRate)
  positive('clip', clip)
  positive('patience', patience)
  positive('seconds', seconds)
  positive('memory', memory)
  if (!(typeof holdout === 'number' && holdout >= 0 && holdout < 1)) throw invalidOption(owner, 'holdout', 'a share in [0, 1)', holdout)
  if (batchNorm !== 'kept' && batchNorm !== 'batch') throw invalidOption(owner, 'batchNorm', "'kept' or 'batch'", batchNorm)
  return {
    ...optimizer,
    steps,
    batch,
    learningRate,
    clip,
    parameters,
    holdout,
    every,
    patience,
    seconds,
    memory,
    keepZeros,
    batchNorm,
    schedule,
    warmup,
  }
}

/** As JSON, which has no infinity: the record of what was done, and part of the cache's key. */
export function recordOf(options: ResolvedTraining): JsonObject {
  const entries = Object.entries(options).filter(([, value]) => value !== Infinity)
  return Object.fromEntries(entries) as JsonObject
}
