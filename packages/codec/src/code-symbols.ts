import { LEAST_STATE, PRECISION } from './format.ts'
import { Writer } from './writer.ts'

const TOTAL = 2 ** PRECISION

/**
 * Codes symbols by range asymmetric numeral systems (Duda 2013), two states in turn: both states, the number of 16-bit words, and the words.
 * @param tableOf the table of the symbol at an index: its frequencies.
 */
export function codeSymbols(symbols: Uint8Array, tables: readonly Uint16Array[], tableOf: Uint8Array): Uint8Array {
  const sums = tables.map((table) => {
    const sum = new Uint16Array(256)
    for (let symbol = 1; symbol < 256; symbol++) sum[symbol] = sum[symbol - 1]! + table[symbol - 1]!
    return sum
  })
  const states = [LEAST_STATE, LEAST_STATE]
  const words: number[] = []
  // Backwards, as the reader gets out first what went in last.
  for (let i = symbols.length - 1; i >= 0; i--) {
    const symbol = symbols[i]!
    const frequency = tables[tableOf[i]!]![symbol]!
    let state = states[i & 1]!
    if (state >= frequency * 2 ** 19) {
      words.push(state & 0xffff)
      state >>>= 16
    }
    states[i & 1] = Math.floor(state / frequency) * TOTAL + (state % frequency) + sums[tableOf[i]!]![symbol]!
  }
  const out = new Writer().word(states[0]!).word(states[1]!).number(words.length)
  for (const word of words.reverse()) out.byte(word & 255).byte(word >>> 8)
  return out.finish()
}
