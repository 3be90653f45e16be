/** What a level costs beside its error: the bits that an entropy coder takes for it, times an exchange rate. */
export interface Price {
  /** For each level. */
  readonly bits: Float64Array
  /** Squared error that a bit is worth. */
  readonly rate: number
}

/**
 * What a bit is worth, as a share of a weight's part of the tensor's error. With r bits a weight the error falls as `2^-2r`, so that at 2 ln 2 a bit
 * less costs as much as a bit more gains.
 */
const RATE = 1.5

/**
 * The bits of each level for a coder that knows how often each comes (entropy-constrained quantization, Chou, Lookabaugh & Gray 1989).
 * @param error the squared error of all rows together.
 */
export function priceOf(rows: readonly Uint8Array[], levels: number, error: number): Price {
  const counts = countsOf(rows, levels)
  const total = counts.reduce((a, b) => a + b, 0)
  // A level that none has could come back.
  const bits = counts.map((count) => -Math.log2(Math.max(count, 0.5) / total))
  return { bits, rate: (RATE * error) / total }
}

/** How often each level comes. */
function countsOf(rows: readonly Uint8Array[], levels: number): Float64Array {
  const counts = new Float64Array(levels)
  for (const codes of rows) for (const code of codes) counts[code]!++
  return counts
}

/** Further levels that a price is weighed for, on each side of the nearest. */
const REACH = 2

/**
 * The level of least error and price for a value.
 * @param value in units of `levels`.
 * @param nearest the level nearest to it.
 * @param curvature squared error of a unit's square.
 */
export function cheapest(levels: ArrayLike<number>, value: number, nearest: number, curvature: number, { bits, rate }: Price): number {
  if (rate === 0) return nearest
  let [best, least] = [nearest, Infinity]
  const last = Math.min(levels.length - 1, nearest + REACH)
  for (let level = Math.max(0, nearest - REACH); level <= last; level++) {
    const cost = curvature * (value - levels[level]!) ** 2 + rate * bits[level]!
    if (cost < least) {
      best = level
      least = cost
    }
  }
  return best
}
