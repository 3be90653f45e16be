import { entropyRange } from './entropy.ts'
import { Histogram } from './histogram.ts'

/**
 * How the range of an activation's grid is chosen: the full one, the one of least squared error, the one that cuts off a share of the values,
 * or the one of least Kullback-Leibler divergence.
 */
export type RangeMethod = 'minmax' | 'mse' | 'percentile' | 'entropy'

/** A grid of unsigned integers, and the range that it spans. */
export interface Grid {
  readonly scale: number
  readonly zeroPoint: number
  readonly min: number
  readonly max: number
}

/** Histograms of named activations, collected sample by sample. */
export class RangeCollector {
  readonly histograms = new Map<string, Histogram>()

  add(name: string, values: Float32Array): void {
    let histogram = this.histograms.get(name)
    if (!histogram) this.histograms.set(name, (histogram = new Histogram()))
    histogram.add(values)
  }
}

/**
 * The scale and the zero point of an unsigned grid of `bits` for what a histogram holds. Zero is always representable, since padding needs it.
 * @param percentile what share of the values 'percentile' keeps, in %; half of the others are cut off at each end.
 * @returns undefined when the activation was never finite.
 */
export function chooseRange(histogram: Histogram, bits: number, method: RangeMethod, percentile = 99.99): Grid | undefined {
  const full = fullRange(histogram, bits)
  if (!full || full.min === full.max) return full
  switch (method) {
    case 'minmax':
      return full
    case 'mse':
      return leastSquares(histogram, full, bits)
    case 'percentile': {
      const cut = (100 - percentile) / 200
      return fullRange({ min: histogram.quantile(cut), max: histogram.quantile(1 - cut) }, bits)
    }
    case 'entropy':
      return fullRange(entropyRange(histogram, 2 ** bits), bits)
  }
}

/**
 * The grid that spans two values and zero.
 * @returns undefined where `min` is over `max`: nothing was finite.
 */
export function fullRange({ min, max }: { min: number; max: number }, bits: number): Grid | undefined {
  if (!(min <= max)) return undefined
  return gridOf(Math.min(0, min), Math.max(0, max), bits)
}

/** Shrink factors that 'mse' tries. */
const SHRINKS = Array.from({ length: 41 }, (_, step) => 1 - step * 0.02)

/** Both ends move by themselves: outliers mostly stand on one side. */
function leastSquares(histogram: Histogram, full: Grid, bits: number): Grid {
  const entries = [...histogram.entries()]
  let best = full
  let leastError = squaredError(entries, best, bits)
  for (const end of ['max', 'min'] as const) {
    const start = best
    for (const shrink of SHRINKS.slice(1)) {
      const range = { min: start.min, max: start.max, [end]: start[end] * shrink }
      if (range.min === range.max) continue
      const grid = gridOf(range.min, range.max, bits)
      const error = squaredError(entries, grid, bits)
      if (error < leastError) {
        leastError = error
        best = grid
      }
    }
  }
  return best
}

function gridOf(min: number, max: number, bits: number): Grid {
  const levels = 2 ** bits - 1
  if (min === max) return { scale: 1, zeroPoint: 0, min, max }
  const scale = Math.fround(Math.max((max - min) / levels, 2 ** -100))
  return { scale, zeroPoint: Math.max(0, Math.min(levels, Math.round(-min / scale))), min, max }
}

function squaredError(entries: readonly [number, number][], grid: Grid, bits: number): number {
  const levels = 2 ** bits - 1
  let error = 0
  for (const [value, count] of entries) {
    const q = Math.max(0, Math.min(levels, Math.round(value / grid.scale) + grid.zeroPoint))
    const difference = value - (q - grid.zeroPoint) * grid.scale
    error += difference * difference * count
  }
  return error
}
