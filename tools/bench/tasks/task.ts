import type { Dataset, Sample, Tensors } from '@whittle/ir'

/** One sample's score. */
export interface Score {
  /** Between 0 and 1; its mean is the task's accuracy. */
  readonly correct: number
  /** Decisions of which `correct` is the share; 1 by default. */
  readonly decisions?: number
  /** Where the answer is text: edits between it and the truth, and the truth's characters. */
  readonly errors?: number
  readonly length?: number
}

/** Runs a model once. */
export type Run = (inputs: Tensors) => Promise<Tensors>

/** A real model, data that it can be calibrated with, and other data that tell how well it does. */
export interface Task {
  readonly name: string
  /** The original model. */
  readonly file: string
  /** What `correct` is the mean of. */
  readonly accuracy: string
  /** Evaluation samples, as many as the figures need. */
  readonly samples: number
  /** Queries of an import whose variants for wasm are compared; `task` is the calibration data. Default: `DEFAULT_FORMS`. */
  readonly forms?: readonly string[]
  /** Fetches what is not installed with the workspace. @throws when it cannot be had. */
  prepare?(log: (line: string) => void): Promise<void>
  readonly calibration: Dataset
  /** Shares no word, face or seed with the calibration. The same samples for the same count, a prefix for a smaller one. */
  evaluation(count: number): Dataset
  /** The outputs that are judged; by default those of one run on the sample's inputs. For models that carry state from run to run. */
  answer?(run: Run, sample: Sample): Promise<Tensors>
  /** Judges outputs; the original's are given for tasks without a truth. */
  score(outputs: Tensors, sample: Sample, original: Tensors): Score | Promise<Score>
}

export const DEFAULT_FORMS = [
  'int8&calibrate=task',
  'int8',
  'fp16',
  'bits=6&calibrate=task',
  'bits=5&calibrate=task',
  'int4&calibrate=task',
] as const
