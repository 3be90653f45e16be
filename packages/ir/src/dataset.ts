import type { Tensors } from './engine.ts'
import type { Tensor } from './tensor.ts'

/** One sample. Tensors include a batch axis of 1. */
export interface Sample {
  inputs: Record<string, Tensor>
  /** A tensor for the built-in losses and metrics; anything for a metric of the app's own. */
  label?: unknown
}

/** Samples, labelled or not. Streams: nobody holds all of them. */
export interface Dataset {
  /** Enters the cache's key: change it when the samples change. */
  readonly key: string
  readonly length?: number
  /** Can be started again, and gives the same samples again. */
  samples(): AsyncIterable<Sample>
}

/** Runs a named model on one sample's inputs. */
export type Runners = Record<string, (inputs: Tensors) => Promise<Tensors>>

/** A number computed on a dataset. */
export interface Metric {
  readonly key: string
  readonly higherIsBetter: boolean
  evaluate(run: Runners, dataset: Dataset): Promise<{ value: number; perSample: number[] }>
}

/** Gives types to a dataset module's default export. */
export function defineDataset(dataset: Dataset): Dataset {
  return dataset
}

/** Gives types to a metric module's default export. */
export function defineMetric(metric: Metric): Metric {
  return metric
}
