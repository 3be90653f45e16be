import type { Dataset, Sample, Tensors } from '@whittle/ir'

/** One sample's score. */
export interface Score {
  /** Between 0 and 1; its mean is the task's accuracy. */
  readonly correct: number
  /** Where the answer is text: edits between it and the truth, and the truth's characters. */
  readonly errors?: number
  readonly length?: number
}

/** A real model, data that it can be calibrated with, and other data that tell how well it does. */
export interface Task {
  readonly name: string
  /** The original model. */
  readonly file: string
  /** What `correct` is the mean of. */
  readonly accuracy: string
  readonly calibration: Dataset
  /** Shares no word, face or seed with the calibration. The same samples for the same count, a prefix for a smaller one. */
  evaluation(count: number): Dataset
  /** Judges a model's outputs; the original's are given for tasks without a truth. */
  score(outputs: Tensors, sample: Sample, original: Tensors): Score
}
