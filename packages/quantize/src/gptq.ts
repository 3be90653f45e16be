import { type Moments, product } from '@whittle/statistics'

export interface RoundedRow {
  /** Whole numbers in [-max, max]. */
  readonly integers: Int8Array
  readonly scale: number
  /** `(w - scale q)' H (w - scale q)`: what rounding adds to the output's squared error. */
  readonly error: number
}

/** Shares of the full range that are tried as a row's range, from the widest on: fewer where steps are fine, since cutting off then costs more. */
const SHRINKS = [1, 0.9, 0.8, 0.7, 0.6, 0.5]

function shrinksFor(max: number): number[] {
  return SHRINKS.slice(0, max > 31 ? 1 : max > 7 ? 3 : 6)
}

/** Rounds of coordinate descent, each over all weights; it mostly ends sooner. */
const MAX_SWEEPS = 20

/** Changes of scale and descents after them. */
const MAX_TURNS = 4

/**
 * Rounds a row of weights to a scale times whole numbers so that its output changes least on the calibration data: GPTQ (Frantar et al. 2023)
 * in the equal form of LDLQ (Chee et al. 2023, "QuIP"), where each weight makes up for the rounding of those behind it; of several scales the
 * best. Weights of 0 stay 0.
 * @param max the greatest integer.
 * @param toScale rounds a scale to one that may be stored.
 */
export function roundRow(row: Float32Array, moments: Moments, max: number, toScale: (scale: number) => number): RoundedRow {
  const largest = row.reduce((most, item) => Math.max(most, Math.abs(item)), 0)
  if (largest === 0) return { integers: new Int8Array(row.length), scale: 1, error: 0 }
  const full = Math.max(largest / max, 2 ** -100)
  const candidates = shrinksFor(max).map((shrink) => gptq(row, moments, max, toScale(full * shrink)))
  return candidates.reduce((a, b) => (b.error < a.error ? b : a))
}

/**
 * From the last weight to the first, each is rounded with what it has to make up for the others:
 * `e'LL'e` is the sum over i of `L_ii^2 (e_i + sum over j > i of L_ji / L_ii e_j)^2`.
 */
function gptq(row: Float32Array, { size, factor, pivots }: Moments, max: number, scale: number): RoundedRow {
  const integers = new Int8Array(size)
  const errors = new Float64Array(size)
  let total = 0
  for (let i = size - 1; i >= 0; i--) {
    const at = i * size
    let carried = 0
    for (let j = i + 1; j < size; j++) carried += factor[at + j]! * errors[j]!
    const weight = row[i]!
    if (weight !== 0) integers[i] = Math.max(-max, Math.min(max, Math.round((weight + carried) / scale)))
    errors[i] = weight - integers[i]! * scale
    total += pivots[i]! * (errors[i]! + carried) ** 2
  }
  return { integers, scale, error: total }
}

/** What an integer costs beside its error: the bits that an entropy coder takes for it, times an exchange rate. */
export interface Price {
  /** For each integer from -max to max. */
  readonly bits: Float64Array
  /** Squared error that a bit is worth. */
  readonly rate: number
}

/**
 * Improves a rounded row by coordinate descent on the integers (Behdin et al. 2023, "QuantEase") and the scale of least squares in turn, while
 * that helps. Keeps `H w` and `H q`, so that only moved integers cost a pass over a row of `H`.
 * @param price what integers cost to download (entropy-constrained quantization, Chou et al. 1989).
 */
export function improveRow(
  row: Float32Array,
  start: RoundedRow,
  moments: Moments,
  max: number,
  toScale: (scale: number) => number,
  price: Price,
): RoundedRow {
  const integers = Int8Array.from(start.integers)
  const withRow = product(moments, row)
  const withIntegers = product(moments, integers)
  const errorAt = (scale: number): number => {
    let error = 0
    for (let i = 0; i < row.length; i++) error += (row[i]! - integers[i]! * scale) * (withRow[i]! - withIntegers[i]! * scale)
    return error
  }
  const costAt = (scale: number): number => errorAt(scale) + price.rate * integers.reduce((sum, item) => sum + price.bits[item + max]!, 0)
  let best = { ...start, error: errorAt(start.scale) }
  let cost = costAt(start.scale)
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    sweep(row, integers, best.scale, moments, max, withRow, withIntegers, price)
    let [cross, square] = [0, 0]
    for (let i = 0; i < row.length; i++) {
      cross += integers[i]! * withRow[i]!
      square += integers[i]! * withIntegers[i]!
    }
    const refit = cross > 0 && square > 0 ? toScale(cross / square) : best.scale
    const scale = errorAt(refit) < errorAt(best.scale) ? refit : best.scale
    const next = costAt(scale)
    if (!(next < cost)) break
    const gain = 1 - next / cost
    best = { integers: Int8Array.from(integers), scale, error: errorAt(scale) }
    cost = next
    if (gain < 1e-3) break
  }
  return best
}

/** Each integer in turn takes the value that costs least while all others stand. Edits `integers` and `withIntegers`. */
function sweep(
  row: Float32Array,
  integers: Int8Array,
  scale: number,
  { size, matrix }: Moments,
  max: number,
  withRow: Float64Array,
  withIntegers: Float64Array,
  { bits, rate }: Price,
): void {
  for (let round = 0; round < MAX_SWEEPS; round++) {
    let moved = false
    for (let j = 0; j < size; j++) {
      if (row[j] === 0) continue
      const at = j * size
      const curvature = matrix[at + j]!
      const wanted = integers[j]! + (withRow[j]! / scale - withIntegers[j]!) / curvature
      const nearest = Math.max(-max, Math.min(max, Math.round(wanted)))
      const inward = nearest - Math.sign(nearest)
      const costOf = (integer: number): number => curvature * (scale * (wanted - integer)) ** 2 + rate * bits[integer + max]!
      const next = inward !== nearest && costOf(inward) < costOf(nearest) ? inward : nearest
      const step = next - integers[j]!
      // A step that costs the same could be taken back for ever.
      if (step === 0 || !(costOf(next) < costOf(integers[j]!))) continue
      integers[j] = next
      moved = true
      for (let i = 0; i < size; i++) withIntegers[i]! += matrix[at + i]! * step
    }
    if (!moved) return
  }
}

/** The bits of each integer from -max to max for an entropy coder that knows how often each comes. */
export function bitsOf(rows: readonly RoundedRow[], max: number): Float64Array {
  const counts = new Float64Array(2 * max + 1).fill(0.5)
  for (const { integers } of rows) for (const item of integers) counts[item + max]!++
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.map((count) => -Math.log2(count / total))
}
