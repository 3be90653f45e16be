/** Mean and standard deviation of a random number. */
export interface Normal {
  readonly mean: number
  readonly deviation: number
}

/** Those of a normal number that is clipped to [low, high], in closed form (Nagel et al. 2019, appendix C). */
export function clippedNormal({ mean, deviation }: Normal, low: number, high: number): Normal {
  if (!(deviation > 0)) return { mean: Math.max(low, Math.min(high, mean)), deviation: 0 }
  const a = (low - mean) / deviation
  const b = (high - mean) / deviation
  const below = distribution(a)
  const above = distribution(-b)
  const inside = 1 - below - above
  const [left, right] = [density(a), density(b)]
  // Infinite ends have no weight.
  const at = (end: number, weight: number): number => (weight === 0 ? 0 : end * weight)
  const first = at(low, below) + at(high, above) + mean * inside + deviation * (left - right)
  const inner = mean ** 2 * inside + 2 * mean * deviation * (left - right) + deviation ** 2 * (inside + at(a, left) - at(b, right))
  const second = at(low ** 2, below) + at(high ** 2, above) + inner
  return { mean: first, deviation: Math.sqrt(Math.max(0, second - first ** 2)) }
}

/** Steps of the numeric integral on each side. */
const STEPS = 200
/** Standard deviations that it reaches. */
const REACH = 8

/** Those of what a function gives of a normal number, by the trapezoidal rule. */
export function mappedNormal({ mean, deviation }: Normal, map: (item: number) => number): Normal {
  let [weight, first, second] = [0, 0, 0]
  for (let step = -STEPS; step <= STEPS; step++) {
    const z = (REACH * step) / STEPS
    const share = density(z)
    const item = map(mean + z * deviation)
    weight += share
    first += share * item
    second += share * item * item
  }
  first /= weight
  return { mean: first, deviation: Math.sqrt(Math.max(0, second / weight - first * first)) }
}

function density(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
}

/** Of the standard normal distribution, within 1e-7 (Abramowitz and Stegun 1964, 26.2.17). */
function distribution(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z))
  const tail = density(z) * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return z > 0 ? 1 - tail : tail
}
