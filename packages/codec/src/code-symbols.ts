import { LEAST_STATE, PRECISION } from './format.ts'
import { Writer } from './writer.ts'

const TOTAL = 2 ** PRECISION

/**
 * Codes symbols by range asymmetric numeral systems (Duda 2013), two states in turn: both states, the number of 16-bit words, and the words.
 * @param tableOf the table of the symbol at an index: its frequencies.
 */
export function codeSymbols(symbols: Uint8Array, tables: readonly Uint16Array[], tableOf: Uint8Array): Uint8Array {
  const frequencies = new Uint16Array(256 * tables.length)
  const sums = new Uint16Array(256 * tables.length)
  tables.forEach((table, at) => {
    frequencies.set(table, 256 * at)
    for (let symbol = 1; symbol < 256; symbol++) sums[256 * at + symbol] = sums[256 * at + symbol - 1]! + table[symbol - 1]!
  })
  // At most a word for each symbol.
  const words = new Uint8Array(2 * symbols.length)
  let at = words.length
  let state = LEAST_STATE
  let other = LEAST_STATE
  // Backwards, as the reader gets out first what went in last.
  for (let i = symbols.length - 1; i >= 0; i--) {
    const entry = (tableOf[i]! << 8) | symbols[i]!
    const frequency = frequencies[entry]!
    if (state >= frequency * 2 ** 19) {
      words[--at] = state >>> 8
      words[--at] = state
      state >>>= 16
    }
    const quotient = (state / frequency) | 0
    const next = quotient * (TOTAL - frequency) + state + sums[entry]!
    state = other
    other = next
  }
  // The first symbol's state is the one that was used last.
  return new Writer().word(other).word(state).number((words.length - at) / 2).put(words.subarray(at)).finish() // prettier-ignore
}
