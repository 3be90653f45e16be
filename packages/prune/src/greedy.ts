/**
 * The order in which a row's weights are best removed, and what each removal adds to the squared error of the row's output, when the weights
 * that are left make up for it at every step: exact greedy optimal brain surgeon (Frantar & Alistarh 2022, algorithm 1).
 * @param row the weights, size n.
 * @param inverse the inverse of the inputs' covariance, n x n, symmetric; not written.
 * @param limit removals after which to stop.
 * @returns indices in the order of removal, and their costs.
 */
export function removalOrder(row: Float32Array, inverse: Float64Array, limit: number): { order: Uint32Array; costs: Float64Array } {
  const n = row.length
  const weights = Float64Array.from(row)
  // Only the part below the diagonal is kept up to date, and what is left always fills the first rows and columns.
  const matrix = Float64Array.from(inverse)
  const indices = Uint32Array.from(row.keys())
  const pivots = new Float64Array(n)
  const order = new Uint32Array(limit)
  const costs = new Float64Array(limit)
  for (let step = 0; step < limit; step++) {
    const last = n - 1 - step
    let at = 0
    let least = Infinity
    for (let k = 0; k <= last; k++) {
      const cost = (weights[k]! * weights[k]!) / matrix[k * n + k]!
      if (cost < least) {
        least = cost
        at = k
      }
    }
    order[step] = indices[at]!
    costs[step] = least
    for (let k = 0; k <= last; k++) pivots[k] = k < at ? matrix[at * n + k]! : matrix[k * n + at]!
    const pivot = pivots[at]!
    const factor = weights[at]! / pivot
    if (at < last) {
      // The last takes the place of the removed.
      for (let k = 0; k < at; k++) matrix[at * n + k] = matrix[last * n + k]!
      for (let k = at + 1; k < last; k++) matrix[k * n + at] = matrix[last * n + k]!
      matrix[at * n + at] = matrix[last * n + last]!
      weights[at] = weights[last]!
      indices[at] = indices[last]!
      pivots[at] = pivots[last]!
    }
    for (let i = 0; i < last; i++) {
      weights[i]! -= pivots[i]! * factor
      const ratio = pivots[i]! / pivot
      if (ratio === 0) continue
      const from = i * n
      for (let j = 0; j <= i; j++) matrix[from + j]! -= ratio * pivots[j]!
    }
  }
  return { order, costs }
}
