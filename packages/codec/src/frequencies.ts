import { PRECISION } from './format.ts'

const TOTAL = 2 ** PRECISION
/** More than any line of symbols takes. */
const IMPOSSIBLE = 2 ** 40

/** Frequencies of the 256 symbols, adding up to 2 ** PRECISION; a symbol that occurs has at least 1. */
export function frequenciesOf(counts: ArrayLike<number>): Uint16Array {
  let sum = 0
  for (let symbol = 0; symbol < 256; symbol++) sum += counts[symbol]!
  const out = new Uint16Array(256)
  if (sum === 0) {
    out[0] = TOTAL
    return out
  }
  let left = TOTAL
  for (let symbol = 0; symbol < 256; symbol++)
    if (counts[symbol]! > 0) left -= out[symbol] = Math.max(1, Math.round((counts[symbol]! * TOTAL) / sum))
  // What rounding left over or took too much goes where it changes the length least.
  while (left !== 0) {
    const step = Math.sign(left)
    let best = -1
    let bestGain = -Infinity
    for (let symbol = 0; symbol < 256; symbol++) {
      const frequency = out[symbol]!
      if (frequency === 0 || frequency + step < 1) continue
      const gain = counts[symbol]! * Math.log2((frequency + step) / frequency)
      if (gain > bestGain) [best, bestGain] = [symbol, gain]
    }
    out[best]! += step
    left -= step
  }
  return out
}

/** Bits that each symbol takes with these frequencies; no saving elsewhere makes up for one that has none. */
export function costsOf(frequencies: Uint16Array): Float64Array {
  return Float64Array.from(frequencies, (frequency) => (frequency === 0 ? IMPOSSIBLE : PRECISION - Math.log2(frequency)))
}
