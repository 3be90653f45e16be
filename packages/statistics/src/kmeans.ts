/** Values together, ascending by value; entry i of each array is the sum over all cells before cell i. */
interface Cells {
  readonly count: number
  readonly weights: Float64Array
  readonly firsts: Float64Array
  readonly seconds: Float64Array
}

/** What to find levels for. */
export interface KMeansOptions {
  /** How many levels there are at most. */
  readonly count: number
  /** How much the squared error of each value counts; all alike where it is not given. */
  readonly weights?: ArrayLike<number>
  /** Whether 0 is one of the levels. */
  readonly zero?: boolean
  /** So many values that differ are taken one by one; more go into about as many cells, which one level serves. @default 2048 */
  readonly cells?: number
}

/** With twice as many, levels of real kernels err as little to four digits. */
const CELLS = 2048

/**
 * The levels of least squared error, each value taking the nearest: k-means in one dimension by dynamic programming (Wang & Song 2011,
 * "Ckmeans.1d.dp"), each row of its table by divide and conquer, since where the last cluster best begins only moves up with where it ends. No start is
 * guessed, so that nothing depends on one. Exact for at most `cells` values that differ.
 * @returns ascending, different as float32.
 */
export function kMeans(values: Float32Array, { count, weights, zero = false, cells: most = CELLS }: KMeansOptions): Float32Array {
  const cells = cellsOf(values, weights, most)
  const ends = clusterEnds(cells, Math.min(count, cells.count + (zero ? 1 : 0)), zero)
  const levels: number[] = zero ? [0] : []
  for (const { from, to, pinned } of ends) {
    const weight = cells.weights[to]! - cells.weights[from]!
    if (!pinned && weight > 0) levels.push(Math.fround((cells.firsts[to]! - cells.firsts[from]!) / weight))
  }
  return Float32Array.from(new Set(levels.map((level) => level + 0))).sort()
}

/** Cells end where they would hold more than their share of the values, or be wider than their share of the range. */
function cellsOf(values: Float32Array, weights: ArrayLike<number> | undefined, cells: number): Cells {
  const sorted = values.slice().sort()
  const distinct = sorted.reduce((sum, item, at) => sum + (at === 0 || item !== sorted[at - 1] ? 1 : 0), 0)
  const exact = distinct <= cells
  const [most, width] = [(2 * sorted.length) / cells, (2 * (sorted.at(-1)! - sorted[0]!)) / cells]
  const starts: number[] = []
  let from = 0
  sorted.forEach((item, at) => {
    if (at > 0 && item === sorted[at - 1]) return
    if (at > 0 && !exact && at - from < most && item - sorted[from]! < width) return
    starts.push(item)
    from = at
  })
  const lows = Float32Array.from(starts)
  const count = lows.length
  const sums = [0, 1, 2].map(() => new Float64Array(count + 1)) as [Float64Array, Float64Array, Float64Array]
  for (let at = 0; at < values.length; at++) {
    const [value, weight] = [values[at]!, weights ? weights[at]! : 1]
    const cell = cellOf(lows, value) + 1
    sums[0][cell]! += weight
    sums[1][cell]! += weight * value
    sums[2][cell]! += weight * value * value
  }
  for (const sum of sums) for (let cell = 1; cell <= count; cell++) sum[cell]! += sum[cell - 1]!
  return { count, weights: sums[0], firsts: sums[1], seconds: sums[2] }
}

/** The last one that begins at or before a value. */
function cellOf(lows: Float32Array, value: number): number {
  let [low, high] = [0, lows.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (lows[middle]! <= value) low = middle
    else high = middle - 1
  }
  return low
}

interface Run {
  readonly from: number
  readonly to: number
  /** Whether its level is 0. */
  readonly pinned: boolean
}

/** Cuts the cells into so many runs of least squared error; with `zero`, one of them, which may be empty, has the level 0. */
function clusterEnds(cells: Cells, count: number, zero: boolean): Run[] {
  const { seconds } = cells
  const size = cells.count + 1
  const free = new Table(count, size)
  const pinned = new Table(zero ? count : 0, size)
  for (let runs = 1; runs <= count; runs++) {
    if (runs === 1) for (let end = 0; end < size; end++) free.set(1, end, errorUpTo(cells, end), 0)
    else free.extend(cells, runs)
    if (!zero) continue
    if (runs > 1) pinned.extend(cells, runs)
    // What a run at 0 adds is a difference of sums, so that the best beginning up to here is the best.
    const before = (from: number): number => (runs === 1 ? 0 : free.at(runs - 1, from)) - seconds[from]!
    let best = 0
    for (let end = 0; end < size; end++) {
      if (runs > 1 && before(end) < before(best)) best = end
      const error = before(best) + seconds[end]!
      if (runs === 1 || error < pinned.at(runs, end)) pinned.set(runs, end, error, -best - 1)
    }
  }
  const result: Run[] = []
  let [table, end] = [zero ? pinned : free, cells.count]
  for (let runs = count; runs > 0; runs--) {
    const entry = table.from(runs, end)
    const from = entry < 0 ? -entry - 1 : entry
    result.push({ from, to: end, pinned: entry < 0 })
    if (entry < 0) table = free
    end = from
  }
  return result
}

/** Squared error about the mean of the cells before `end`. */
function errorUpTo({ weights, firsts, seconds }: Cells, end: number): number {
  return weights[end]! > 0 ? Math.max(0, seconds[end]! - firsts[end]! ** 2 / weights[end]!) : 0
}

/** Least errors for each number of runs and each end, and where the last run begins; below 0 where that one has the level 0. */
class Table {
  readonly #size: number
  readonly #errors: Float64Array
  readonly #froms: Int32Array

  constructor(runs: number, size: number) {
    this.#size = size
    this.#errors = new Float64Array((runs + 1) * size)
    this.#froms = new Int32Array((runs + 1) * size)
  }

  at(runs: number, end: number): number {
    return this.#errors[runs * this.#size + end]!
  }

  from(runs: number, end: number): number {
    return this.#froms[runs * this.#size + end]!
  }

  set(runs: number, end: number, error: number, from: number): void {
    this.#errors[runs * this.#size + end] = error
    this.#froms[runs * this.#size + end] = from
  }

  /** One run more than in the row before. */
  extend({ weights, firsts, seconds }: Cells, runs: number): void {
    const size = this.#size
    const before = this.#errors.subarray((runs - 1) * size, runs * size)
    const errors = this.#errors.subarray(runs * size, (runs + 1) * size)
    const froms = this.#froms.subarray(runs * size, (runs + 1) * size)
    const fill = (low: number, high: number, least: number, most: number): void => {
      if (low > high) return
      const end = (low + high) >> 1
      const last = Math.min(end, most)
      const [weightAt, firstAt, secondAt] = [weights[end]!, firsts[end]!, seconds[end]!]
      let [best, error] = [least, Infinity]
      for (let from = least; from <= last; from++) {
        const weight = weightAt - weights[from]!
        const first = firstAt - firsts[from]!
        // The squared error about the mean of the run, which rounding must not make negative.
        const own = weight > 0 ? secondAt - seconds[from]! - (first * first) / weight : 0
        const total = before[from]! + (own > 0 ? own : 0)
        if (total < error) {
          best = from
          error = total
        }
      }
      errors[end] = error
      froms[end] = best
      fill(low, end - 1, least, best)
      fill(end + 1, high, best, most)
    }
    fill(0, size - 1, 0, size - 1)
  }
}
