import type { Price } from './prices.ts'

/** No layer loses more, nor more than so many times the share of all: it was tried at that share, and far from it the error may rise otherwise. */
export const MOST = 0.95
const TIMES = 2

/** A layer's weights. */
export interface Share {
  readonly size: number
  /** Ascending. */
  readonly prices: readonly Price[]
  /** How much of the layer's error arrives at the model's outputs. */
  readonly factor: number
}

/**
 * How many weights of each layer go, `count` in all, so that the error that arrives at the outputs is least: at most {@link TIMES} the share that all
 * lose on average, and at most {@link MOST}, as far as that is enough.
 */
export function allocate(layers: readonly Share[], count: number): number[] {
  const total = layers.reduce((sum, { size }) => sum + size, 0)
  const limits = layers.map(({ size }) => Math.floor(size * Math.min(MOST, (TIMES * count) / total)))
  // Where nearly all has to go, the limit gives way.
  const open = limits.reduce((a, b) => a + b, 0) >= count
  const counts = layers.map(() => 0)
  const offers = layers
    .flatMap(({ prices, factor }, layer) => prices.map(({ weights, price }) => ({ layer, weights, price: price * factor })))
    .sort((a, b) => a.price - b.price || a.layer - b.layer)
  let left = count
  for (const { layer, weights } of offers) {
    const limit = open ? limits[layer]! : layers[layer]!.size
    const taken = Math.min(weights, limit - counts[layer]!, left)
    counts[layer]! += taken
    left -= taken
    if (left <= 0) break
  }
  return whole(counts)
}

/** Whole numbers of the same sum, each next to what it stands for: the running total is rounded. */
function whole(counts: readonly number[]): number[] {
  let total = 0
  return counts.map((item) => {
    const before = Math.round(total)
    total += item
    return Math.round(total) - before
  })
}
