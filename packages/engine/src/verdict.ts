import { DatasetError, invalidOption } from '@whittle/ir'
import { pairedMeanInterval, pairedProportionInterval } from './interval.ts'

/** Whether a compressed model keeps the metric, from the samples of both, paired. */
export interface Verdict {
  /** Mean of compressed less original, in points: hundredths of the metric. Below 0 is worse, also where less is better. */
  readonly difference: number
  /** The 95 % interval of the difference, in points. */
  readonly interval: [low: number, high: number]
  /** Pairs of samples. */
  readonly n: number
  /** 'holds' when the whole interval is within the budget, 'fails' when the whole interval is beyond it. */
  readonly decision: 'holds' | 'fails' | 'undecided'
  /** Where undecided: about how many samples would decide, if the difference stays as it is; absent when none would. */
  readonly needs?: number
}

export interface VerdictRequest {
  /** The metric of each sample for the original: 0 or 1 for right and wrong, or any number. */
  readonly perSampleOriginal: readonly number[]
  /** The same samples in the same order for the compressed model. */
  readonly perSampleCompressed: readonly number[]
  /** Points of the metric that may be lost: 0.5 is half a hundredth. */
  readonly drop: number
  /** false for an error or a distance; true by default. */
  readonly higherIsBetter?: boolean
}

/**
 * Judges a budget of accuracy on paired samples with a 95 % interval: Tango's score interval where every value is 0 or 1
 * (see `pairedProportionInterval`), Student's t of the differences otherwise.
 * @throws {DatasetError} when there are no samples, or not as many of one as of the other.
 */
export function verdict({ perSampleOriginal, perSampleCompressed, drop, higherIsBetter = true }: VerdictRequest): Verdict {
  const n = perSampleOriginal.length
  if (!(drop >= 0)) throw invalidOption('verdict', 'drop', 'points, 0 or more', drop)
  if (n === 0) throw new DatasetError('DATASET_EMPTY', 'the metric gave no samples, so that nothing can be judged')
  if (perSampleCompressed.length !== n)
    throw new DatasetError(
      'METRIC_UNPAIRED',
      `the metric gave ${n} samples for the original and ${perSampleCompressed.length} for the compressed model; perSample needs one value a sample`,
    )
  const sign = higherIsBetter ? 1 : -1
  const differences = perSampleOriginal.map((value, index) => sign * (perSampleCompressed[index]! - value))
  if (differences.some((value) => !Number.isFinite(value)))
    throw new DatasetError('METRIC_VALUE', 'the metric gave a value that is not finite for at least one sample')
  const binary = [...perSampleOriginal, ...perSampleCompressed].every((value) => value === 0 || value === 1)
  const [low, high] = binary
    ? pairedProportionInterval(differences.filter((value) => value > 0).length, differences.filter((value) => value < 0).length, n)
    : pairedMeanInterval(differences)
  return decide(100 * (differences.reduce((sum, value) => sum + value, 0) / n), [100 * low, 100 * high], n, drop)
}

function decide(difference: number, interval: [number, number], n: number, drop: number): Verdict {
  const [low, high] = interval
  if (low >= -drop) return { difference, interval, n, decision: 'holds' }
  if (high < -drop) return { difference, interval, n, decision: 'fails' }
  const room = difference + drop
  const reach = room > 0 ? difference - low : high - difference
  // The width of an interval falls with the root of the number of samples.
  const needs = Math.ceil(n * (reach / room) ** 2)
  return { difference, interval, n, decision: 'undecided', ...(Number.isFinite(needs) ? { needs: Math.max(needs, n + 1) } : {}) }
}
