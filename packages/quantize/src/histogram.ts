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

  constructor(bins = 2048) {
    this.bins = bins
    this.#counts = new Float64Array(bins)
  }

  add(values: Float32Array): void {
    let [min, max] = [Infinity, -Infinity]
    for (const value of values) {
      if (!Number.isFinite(value)) this.invalid++
      else {
        if (value < min) min = value
        if (value > max) max = value
      }
    }
    if (min > max) return
    this.min = Math.min(this.min, min)
    this.max = Math.max(this.max, max)
    this.#widen(this.min, this.max)
    const [counts, low, width, last] = [this.#counts, this.#low, this.#width, this.bins - 1]
    for (const value of values) {
      if (!Number.isFinite(value)) continue
      this.total++
      counts[Math.min(last, Math.max(0, Math.floor((value - low) / width)))]!++
    }
  }

  /** Every bin that has values: its middle and how many. */
  *entries(): Generator<[middle: number, count: number]> {
    for (let bin = 0; bin < this.bins; bin++) {
      const count = this.#counts[bin]!
      if (count > 0) yield [this.#low + (bin + 0.5) * this.#width, count]
    }
  }

  /** Doubles the bins' width until the range fits; counts of two old bins meet in a new one, so that nothing is lost. */
  #widen(min: number, max: number): void {
    if (this.#width === 0) {
      const span = Math.max(max - min, Math.abs(max) * 1e-6, 1e-30)
      this.#low = min
      this.#width = (span * 1.0001) / this.bins
      return
    }
    while (max > this.#low + this.#width * this.bins || min < this.#low) {
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
