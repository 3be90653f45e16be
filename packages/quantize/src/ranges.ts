import { Histogram } from './histogram.ts'

/** How the range of a grid is chosen: the full one, or the one of least squared error. */
export type RangeMethod = 'minmax' | 'mse'

/** Ranges of named activations, collected sample by sample. */
export class RangeCollector {
  readonly histograms = new Map<string, Histogram>()

  add(name: string, values: Float32Array): void {
    let histogram = this.histograms.get(name)
    if (!histogram) this.histograms.set(name, (histogram = new Histogram()))
    histogram.add(values)
  }
}

/** Shrink factors that 'mse' tries. */
const SHRINKS = Array.from({ length: 41 }, (_, step) => 1 - step * 0.02)

/**
 * The scale and the zero point of an unsigned grid of `bits` for what a histogram holds. Zero is always representable, since padding needs it.
 * @returns undefined when the activation was never finite.
 */
export function chooseRange(
  histogram: Histogram,
  bits: number,
  method: RangeMethod,
): { scale: number; zeroPoint: number; min: number; max: number } | undefined {
  if (histogram.total === 0) return undefined
  const full = { min: Math.min(0, histogram.min), max: Math.max(0, histogram.max) }
  if (full.min === full.max) return { scale: 1, zeroPoint: 0, ...full }
  if (method === 'minmax') return gridOf(full.min, full.max, bits)
  const entries = [...histogram.entries()]
  let best = gridOf(full.min, full.max, bits)
  let leastError = squaredError(entries, best, bits)
  // Both ends move by themselves: outliers mostly stand on one side.
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

function gridOf(min: number, max: number, bits: number): { scale: number; zeroPoint: number; min: number; max: number } {
  const levels = 2 ** bits - 1
  const scale = Math.fround(Math.max((max - min) / levels, 2 ** -100))
  return { scale, zeroPoint: Math.max(0, Math.min(levels, Math.round(-min / scale))), min, max }
}

function squaredError(entries: readonly [number, number][], grid: { scale: number; zeroPoint: number }, bits: number): number {
  const levels = 2 ** bits - 1
  let error = 0
  for (const [value, count] of entries) {
    const q = Math.max(0, Math.min(levels, Math.round(value / grid.scale) + grid.zeroPoint))
    const difference = value - (q - grid.zeroPoint) * grid.scale
    error += difference * difference * count
  }
  return error
}
