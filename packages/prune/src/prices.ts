import { removalOrder } from './greedy.ts'
import type { Inputs } from '@whittle/statistics'
import { LARGEST_GREEDY, risingPrices } from './remove.ts'
import { sweep } from './sweep.ts'

/** Some of a layer's weights, and what the removal of each adds to the mean squared error of the layer's output, summed over its channels. */
export interface Price {
  readonly weights: number
  readonly price: number
}

/** Rows of a layer by which all are judged. */
const ROWS = 48
/** Shares of long rows at which the sweep is tried. */
const SHARES = [0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1]

/**
 * What a layer's weights cost, in the order in which they are best removed: as many as it has, in all.
 * @param rows of weights, in groups of one size.
 * @param inputs of each group.
 */
export function pricesOf(rows: readonly Float32Array[], inputs: readonly Inputs[]): Price[] {
  const [{ size }] = inputs as [Inputs]
  const perGroup = rows.length / inputs.length
  const count = Math.min(rows.length, ROWS)
  const judged = Array.from({ length: count }, (_, at) => Math.floor(((at + 0.5) * rows.length) / count))
  const scale = rows.length / count
  const group = (at: number): Inputs => inputs[Math.floor(at / perGroup)]!
  if (size <= LARGEST_GREEDY)
    return judged
      .flatMap((at) => [...risingPrices(removalOrder(rows[at]!, group(at).inverse, size).costs)])
      .sort((a, b) => a - b)
      .map((price) => ({ weights: scale, price }))
  const prices: Price[] = []
  let last = { share: 0, error: 0, price: 0 }
  for (const share of SHARES) {
    const error = judged.reduce((sum, at) => sum + sweep([rows[at]!], group(at), Math.round(share * size)).errors[0]!, 0)
    const weights = (share - last.share) * size * count
    const price = Math.max(last.price, (error - last.error) / weights)
    prices.push({ weights: weights * scale, price })
    last = { share, error, price }
  }
  return prices
}
