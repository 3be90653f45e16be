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
  const mean = differences.reduce((sum, value) => sum + value, 0) / n
  const binary = [...perSampleOriginal, ...perSampleCompressed].every((value) => value === 0 || value === 1)
  return decide(100 * mean, binary ? proportionsOf(differences) : meansOf(differences, mean), n, drop)
}

/** The interval (in points) that so many samples would have, of which the same shares agree and disagree. */
type IntervalAt = (samples: number) => [low: number, high: number]

function proportionsOf(differences: readonly number[]): IntervalAt {
  const n = differences.length
  const [gained, lost] = [differences.filter((value) => value > 0).length, differences.filter((value) => value < 0).length]
  return (samples) => {
    const [low, high] = pairedProportionInterval((gained * samples) / n, (lost * samples) / n, samples)
    return [100 * low, 100 * high]
  }
}

/** The width of an interval of means falls with the root of the number of samples. */
function meansOf(differences: readonly number[], mean: number): IntervalAt {
  const [low, high] = pairedMeanInterval(differences)
  return (samples) => {
    const narrower = Math.sqrt(differences.length / samples)
    return [100 * (mean + (low - mean) * narrower), 100 * (mean + (high - mean) * narrower)]
  }
}

function decide(difference: number, at: IntervalAt, n: number, drop: number): Verdict {
  const interval = at(n)
  if (interval[0] >= -drop) return { difference, interval, n, decision: 'holds' }
  if (interval[1] < -drop) return { difference, interval, n, decision: 'fails' }
  const needs = samplesToDecide(at, n, drop)
  return { difference, interval, n, decision: 'undecided', ...(needs === undefined ? {} : { needs }) }
}

/** More samples than anybody has. */
const MOST_SAMPLES = 1e9

/** By doubling and halving: an interval narrows with more samples. */
function samplesToDecide(at: IntervalAt, n: number, drop: number): number | undefined {
  const decides = (samples: number): boolean => at(samples)[0] >= -drop || at(samples)[1] < -drop
  let [low, high] = [n, 2 * n]
  while (!decides(high)) {
    if (high > MOST_SAMPLES) return undefined
    ;[low, high] = [high, 2 * high]
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (decides(middle)) high = middle
    else low = middle
  }
  return high
}
