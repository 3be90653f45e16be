import type { Dataset } from './dataset.ts'
import type { Engine } from './engine.ts'
import type { Model } from './model.ts'
import type { Logger } from './logger.ts'
import type { Random } from './random.ts'
import type { Target } from './target.ts'

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }
export type JsonObject = { [key: string]: JsonValue }

/** What a transform did, place by place: nothing is changed or skipped in silence. */
export interface Report {
  changed: { at: string; what: string }[]
  skipped: { at: string; why: string }[]
}

/** One compression step. */
export interface Transform {
  /** The package, the directive and the heading in the docs. */
  readonly name: string
  /** Every default filled in: part of the cache's key, and the record of what was done. */
  readonly options: JsonObject
  /** Throws when the transform cannot run on this model at all. */
  requires?(model: Model, context: Context): void
  /** Edits the model in place. */
  run(model: Model, context: Context): Report | Promise<Report>
}

/**
 * Where work that takes minutes keeps its state, so that a build that was interrupted goes on where it was. What is kept is for one step of one
 * recipe on one model with the same data.
 */
export interface Checkpoints {
  /** @returns what was written last under the name; undefined where there is nothing, or it was damaged. */
  read(name: string): Promise<unknown>
  /** @param state numbers, texts, arrays, typed arrays and plain objects of these. */
  write(name: string, state: unknown): Promise<void>
  remove(name: string): Promise<void>
}

/** All that a transform may use and that is not an option of its own. */
export interface Context {
  /** Runs models; needed by what calibrates, folds or measures. */
  readonly engine?: Engine
  /** The target that the variant is for; undefined where the work is shared by all. */
  readonly target?: Target
  readonly calibration?: Dataset
  /** Samples to learn from, labelled or not; where there are none, `calibration` serves. */
  readonly training?: Dataset
  /** The model before the first step, or another that is followed in its place; {@link compress} gives it. Not to be edited. */
  readonly original?: Model
  /** {@link compress} gives each step its own names. */
  readonly checkpoints?: Checkpoints
  readonly logger: Logger
  readonly signal?: AbortSignal
  /** Called with what is done of `total`; both in the unit of the step. */
  readonly onProgress?: (progress: { step: string; done: number; total?: number }) => void
  readonly random: Random
}
