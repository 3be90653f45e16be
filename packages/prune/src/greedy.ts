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
  const matrix = Float64Array.from(inverse)
  const active = Array.from({ length: n }, (_, index) => index)
  const order = new Uint32Array(limit)
  const costs = new Float64Array(limit)
  for (let step = 0; step < limit; step++) {
    let at = 0
    let least = Infinity
    for (let k = 0; k < active.length; k++) {
      const index = active[k]!
      const cost = (weights[index]! * weights[index]!) / matrix[index * n + index]!
      if (cost < least) {
        least = cost
        at = k
      }
    }
    const removed = active[at]!
    active[at] = active.at(-1)!
    active.pop()
    order[step] = removed
    costs[step] = least
    const pivot = matrix[removed * n + removed]!
    const base = removed * n
    const factor = weights[removed]! / pivot
    for (const i of active) {
      const ratio = matrix[base + i]! / pivot
      if (ratio === 0) continue
      weights[i]! -= matrix[base + i]! * factor
      const rowI = i * n
      for (const j of active) matrix[rowI + j]! -= ratio * matrix[base + j]!
    }
  }
  return { order, costs }
}
