import { PRECISION } from './format.ts'

const TOTAL = 2 ** PRECISION
/** More than any line of symbols takes. */
const IMPOSSIBLE = 2 ** 40

/** Bits that a symbol takes with each frequency; no saving elsewhere makes up for one that has none. */
export const COSTS: Float64Array = /* @__PURE__ */ byFrequency((frequency) =>
  frequency === 0 ? IMPOSSIBLE : PRECISION - Math.log2(frequency),
)
/** Bits that a symbol takes less when its frequency grows by 1, or more when it shrinks. */
const GROWN = /* @__PURE__ */ byFrequency((frequency) => Math.log2((frequency + 1) / frequency))
const SHRUNK = /* @__PURE__ */ byFrequency((frequency) => Math.log2((frequency - 1) / frequency))

function byFrequency(of: (frequency: number) => number): Float64Array {
  return Float64Array.from({ length: TOTAL + 1 }, (_, frequency) => of(frequency))
}

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
    const gains = step > 0 ? GROWN : SHRUNK
    let best = -1
    let bestGain = -Infinity
    for (let symbol = 0; symbol < 256; symbol++) {
      const frequency = out[symbol]!
      if (frequency === 0 || frequency + step < 1) continue
      const gain = counts[symbol]! * gains[frequency]!
      if (gain > bestGain) [best, bestGain] = [symbol, gain]
    }
    out[best]! += step
    left -= step
  }
  return out
}

/** Bytes that an ideal coder of single bytes would take. */
export function entropyOf(bytes: Uint8Array): number {
  const counts = new Float64Array(256)
  for (const byte of bytes) counts[byte]!++
  return counts.reduce((bits, count) => (count ? bits - count * Math.log2(count / bytes.length) : bits), 0) / 8
}
