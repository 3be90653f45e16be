import { entropyRange } from './entropy.ts'
import { Histogram, extremesOf } from './histogram.ts'

/**
 * How the range of an activation's grid is chosen: the full one, the one of least squared error, the one that cuts off a share of the values,
 * or the one of least Kullback-Leibler divergence.
 */
export type RangeMethod = 'minmax' | 'mse' | 'percentile' | 'entropy'

export const RANGE_METHODS: readonly RangeMethod[] = ['minmax', 'mse', 'percentile', 'entropy']

/** What a range can be chosen of. */
export interface Extremes {
  /** The least and the greatest finite value. */
  readonly min: number
  readonly max: number
  /** Values, and how many more are not finite. */
  readonly total: number
  readonly invalid: number
}

/** A grid of unsigned integers, and the range that it spans. */
export interface Grid {
  readonly scale: number
  readonly zeroPoint: number
  readonly min: number
  readonly max: number
}

/** Bins of a histogram for entropy: several for each of 256 levels of any window of it. */
const FINE_BINS = 4096

/** Ranges of named activations, collected sample by sample: of each its extremes, and with all methods but 'minmax' a histogram. */
export class RangeCollector {
  readonly ranges = new Map<string, Extremes>()
  readonly #method: RangeMethod

  constructor(method: RangeMethod = 'mse') {
    this.#method = method
  }

  add(name: string, values: Float32Array): void {
    const known = this.ranges.get(name)
    if (this.#method === 'minmax') this.ranges.set(name, joined(known, values))
    else if (known) (known as Histogram).add(values)
    else {
      const histogram = new Histogram(this.#method === 'entropy' ? FINE_BINS : undefined)
      histogram.add(values)
      this.ranges.set(name, histogram)
    }
  }
}
