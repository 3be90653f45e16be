/** A layer's weights, and what rounding them does to the model. */
export interface Layer {
  /** Elements. */
  readonly size: number
  /** Noise at the model's outputs, as a share of the signal, with `bits` bits a weight. */
  readonly noise: number
  readonly bits: number
}

/** Among choices of bits: float16. */
export const FLOAT16 = 16

/** What a weight of float16 takes after brotli; integers take about a bit less than they have (measured on small convolutional networks). */
const FLOAT16_BITS = 14.2
const SAVED_BITS = 1.1

/** The noise of float16: 11 significant bits, about what 12-bit integers have. */
const FLOAT16_AS_BITS = 12

/** Bits that a weight takes in the download. */
function coded(bits: number): number {
  return bits === FLOAT16 ? FLOAT16_BITS : bits - SAVED_BITS
}

/** A bit more quarters the noise: a step is half as wide. */
function noiseOf({ noise, bits }: Layer, given: number): number {
  return noise * 4 ** (bits - (given === FLOAT16 ? FLOAT16_AS_BITS : given))
}

/** What layers together may take and cost. */
export interface AllocationLimits {
  /** At most the bytes of so many bits for each weight. */
  readonly bits: number
  /** At most so many bytes after brotli, if that is less. */
  readonly bytes?: number | undefined
  /** At most so much noise: where the bytes of `bits` do not suffice, more are taken, unless `bytes` says how many there are. */
  readonly noise?: number | undefined
}

/**
 * Mixed precision: gives each layer one of `choices` so that the sum of their noise is least in the bytes that there are; noise of rounding is taken
 * to be additive, and a quarter with each bit more. Each layer takes the choice of least noise plus price times bytes, at the least price that fits
 * (Shoham and Gersho 1988, "Efficient bit allocation for an arbitrary set of quantizers").
 */
export function allocateBits(
  layers: readonly Layer[],
  choices: readonly number[],
  { bits, bytes = Infinity, noise }: AllocationLimits,
): number[] {
  const at = (price: number): number[] => layers.map((layer) => cheapest(layer, choices, price))
  const bitsOf = (given: readonly number[]): number => layers.reduce((sum, { size }, index) => sum + size * coded(given[index]!), 0)
  const budget = Math.min(bitsOf(layers.map(() => bits)), bytes * 8)
  const inBudget = at(leastPrice((price) => bitsOf(at(price)) <= budget))
  const total = (given: readonly number[]): number => layers.reduce((sum, layer, index) => sum + noiseOf(layer, given[index]!), 0)
  if (noise === undefined || bytes < Infinity || total(inBudget) <= noise) return inBudget
  // The less bytes cost, the less noise there is.
  return at(1 / leastPrice((price) => total(at(1 / price)) <= noise))
}

function cheapest(layer: Layer, choices: readonly number[], price: number): number {
  const cost = (given: number): number => noiseOf(layer, given) + price * layer.size * coded(given)
  return choices.reduce((best, given) => (cost(given) < cost(best) ? given : best))
}

/** By bisection of its logarithm. */
function leastPrice(fits: (price: number) => boolean): number {
  let [low, high] = [-40, 40]
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2
    if (fits(10 ** middle)) high = middle
    else low = middle
  }
  return 10 ** high
}
