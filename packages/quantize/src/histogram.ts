/** Tables that are counted into in turn: one after the other in a table, equal values would wait for each other. */
const LANES = 4

/** Values that are looked at twice, for the range and to be counted, while they are in the first-level cache. */
const CHUNK = 4096

/** Counts of values over a range that widens by itself: memory does not grow with what is added. The number of bins is even. */
export class Histogram {
  readonly bins: number
  min = Infinity
  max = -Infinity
  /** Values that are not finite. */
  invalid = 0
  total = 0
  #low = 0
  #width = 0
  #counts: Float64Array
  /** One batch's counts, and a bin for what rounding puts over the end. */
  readonly #lanes: readonly Int32Array[]

  constructor(bins = 4096) {
    this.bins = bins
    this.#counts = new Float64Array(bins)
    this.#lanes = Array.from({ length: LANES }, () => new Int32Array(bins + 1))
  }

  add(values: Float32Array): void {
    for (let start = 0; start < values.length; start += CHUNK) this.#addChunk(values.subarray(start, start + CHUNK))
    this.#fold()
  }

  #addChunk(values: Float32Array): void {
    const { min, max, invalid } = extremesOf(values)
    this.invalid += invalid
    this.total += values.length - invalid
    if (min > max) return
    if (min < this.min || max > this.max) {
      this.min = Math.min(this.min, min)
      this.max = Math.max(this.max, max)
      this.#widen(this.min, this.max)
    }
    count(invalid > 0 ? values.filter(Number.isFinite) : values, this.#low, 1 / this.#width, this.#lanes)
  }

  #fold(): void {
    const counts = this.#counts
    for (const lane of this.#lanes) {
      for (let bin = 0; bin < this.bins; bin++) counts[bin]! += lane[bin]!
      counts[this.bins - 1]! += lane[this.bins]!
      lane.fill(0)
    }
  }

  /** Every bin that has values: its middle and how many. */
  *entries(): Generator<[middle: number, count: number]> {
    for (let bin = 0; bin < this.bins; bin++) {
      const count = this.#counts[bin]!
      if (count > 0) yield [this.#low + (bin + 0.5) * this.#width, count]
    }
  }

  /** Between which edges the bins lie, and how many values are in each. */
  get table(): { readonly low: number; readonly width: number; readonly counts: Readonly<Float64Array> } {
    return { low: this.#low, width: this.#width, counts: this.#counts }
  }

  /** The value that a share of all others, 0 to 1, does not exceed: within a bin's width of the true one. */
  quantile(share: number): number {
    let left = share * this.total
    for (let bin = 0; bin < this.bins; bin++) {
      const count = this.#counts[bin]!
      if (count > 0 && left <= count) {
        const value = this.#low + (bin + left / count) * this.#width
        return Math.max(this.min, Math.min(this.max, value))
      }
      left -= count
    }
    return this.max
  }

  /** Doubles the bins' width until the range fits; counts of two old bins meet in a new one, so that nothing is lost. */
  #widen(min: number, max: number): void {
    const fits = (): boolean => max <= this.#low + this.#width * this.bins && min >= this.#low
    if (this.#width === 0) {
      const span = Math.max(max - min, Math.abs(max) * 1e-6, 1e-30)
      this.#low = min
      this.#width = (span * 1.0001) / this.bins
      return
    }
    if (fits()) return
    this.#fold()
    while (!fits()) {
      const down = min < this.#low
      const merged = new Float64Array(this.bins)
      const half = this.bins / 2
      for (let bin = 0; bin < this.bins; bin++) merged[(down ? half : 0) + (bin >> 1)]! += this.#counts[bin]!
      if (down) this.#low -= this.#width * this.bins
      this.#width *= 2
      this.#counts = merged
    }
  }
}

/**
 * The least and the greatest finite value, and how many are not finite; min > max where none is finite.
 *
 * Compares bit patterns as integers, in which all floats but NaN keep their order: comparing floats takes V8 2 to 13 ns a value by the data,
 * this 2 ns.
 */
export function extremesOf(values: Float32Array): { min: number; max: number; invalid: number } {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length)
  let [least, greatest] = [0x7fffffff, -0x80000000]
  for (let index = 0; index < bits.length; index++) {
    const pattern = bits[index]!
    const key = pattern ^ ((pattern >> 31) & 0x7fffffff)
    if (key < least) least = key
    if (key > greatest) greatest = key
  }
  if (least > MINUS_INFINITY && greatest < INFINITY)
    return values.length > 0 ? { min: floatOf(least), max: floatOf(greatest), invalid: 0 } : { min: Infinity, max: -Infinity, invalid: 0 }
  const finite = values.filter(Number.isFinite)
  return { ...extremesOf(finite), invalid: values.length - finite.length }
}

/** Infinity and -Infinity as they are compared; NaN lies beyond them. */
const INFINITY = 0x7f800000
const MINUS_INFINITY = ~INFINITY

const scratch = new Int32Array(1)
const scratchFloat = new Float32Array(scratch.buffer)

function floatOf(key: number): number {
  scratch[0] = key ^ ((key >> 31) & 0x7fffffff)
  return scratchFloat[0]! + 0
}

/**
 * Adds each of `values`, all of at least `low`, to its bin in one of the tables. int32 sums that are spelled out take V8 half the time of `++`.
 */
function count(values: Float32Array, low: number, scale: number, [a, b, c, d]: readonly Int32Array[]): void {
  const end = values.length - (values.length % LANES)
  for (let index = 0; index < end; index += LANES) {
    const i = ((values[index]! - low) * scale) | 0
    const j = ((values[index + 1]! - low) * scale) | 0
    const k = ((values[index + 2]! - low) * scale) | 0
    const l = ((values[index + 3]! - low) * scale) | 0
    a![i] = (a![i]! + 1) | 0
    b![j] = (b![j]! + 1) | 0
    c![k] = (c![k]! + 1) | 0
    d![l] = (d![l]! + 1) | 0
  }
  for (let index = end; index < values.length; index++) a![((values[index]! - low) * scale) | 0]!++
}
