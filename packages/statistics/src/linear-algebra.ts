/** Dense linear algebra on symmetric positive definite matrices, row-major, in double precision. */

/**
 * The lower Cholesky factor of `matrix` (size n x n), in place of a copy.
 * @returns undefined when the matrix is not positive definite.
 */
export function cholesky(matrix: Float64Array, n: number): Float64Array | undefined {
  const factor = Float64Array.from(matrix)
  for (let j = 0; j < n; j++) {
    const rowJ = j * n
    let diagonal = factor[rowJ + j]!
    for (let k = 0; k < j; k++) diagonal -= factor[rowJ + k]! ** 2
    if (!(diagonal > 0)) return undefined
    const root = Math.sqrt(diagonal)
    factor[rowJ + j] = root
    let i = j + 1
    // Four rows at once: their sums do not wait for one another.
    for (; i + 3 < n; i += 4) {
      const [a, b, c, d] = [i * n, (i + 1) * n, (i + 2) * n, (i + 3) * n]
      let [sumA, sumB, sumC, sumD] = [factor[a + j]!, factor[b + j]!, factor[c + j]!, factor[d + j]!]
      for (let k = 0; k < j; k++) {
        const item = factor[rowJ + k]!
        sumA -= factor[a + k]! * item
        sumB -= factor[b + k]! * item
        sumC -= factor[c + k]! * item
        sumD -= factor[d + k]! * item
      }
      factor[a + j] = sumA / root
      factor[b + j] = sumB / root
      factor[c + j] = sumC / root
      factor[d + j] = sumD / root
    }
    for (; i < n; i++) {
      const rowI = i * n
      let sum = factor[rowI + j]!
      for (let k = 0; k < j; k++) sum -= factor[rowI + k]! * factor[rowJ + k]!
      factor[rowI + j] = sum / root
    }
    factor.fill(0, rowJ + j + 1, rowJ + n)
  }
  return factor
}

/** Solves `L L^T x = b` for a lower factor, writing x into `b`. */
export function solveCholesky(factor: Float64Array, n: number, b: Float64Array): void {
  for (let i = 0; i < n; i++) {
    let sum = b[i]!
    for (let k = 0; k < i; k++) sum -= factor[i * n + k]! * b[k]!
    b[i] = sum / factor[i * n + i]!
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = b[i]!
    for (let k = i + 1; k < n; k++) sum -= factor[k * n + i]! * b[k]!
    b[i] = sum / factor[i * n + i]!
  }
}

/** The inverse `L^-1` of a lower factor. */
export function lowerInverse(factor: Float64Array, n: number): Float64Array {
  // Row i depends on the rows above it, so that all inner loops run along rows.
  const lower = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    const rowI = i * n
    let k = 0
    // Four rows at once; what of them is above the diagonal is zero.
    for (; k + 3 < i; k += 4) {
      const [a, b, c, d] = [k * n, (k + 1) * n, (k + 2) * n, (k + 3) * n]
      const [weightA, weightB, weightC, weightD] = [factor[rowI + k]!, factor[rowI + k + 1]!, factor[rowI + k + 2]!, factor[rowI + k + 3]!]
      for (let j = 0; j < k + 4; j++)
        lower[rowI + j] =
          lower[rowI + j]! - weightA * lower[a + j]! - weightB * lower[b + j]! - weightC * lower[c + j]! - weightD * lower[d + j]!
    }
    for (; k < i; k++) {
      const weight = factor[rowI + k]!
      const rowK = k * n
      for (let j = 0; j <= k; j++) lower[rowI + j]! -= weight * lower[rowK + j]!
    }
    lower[rowI + i] = 1
    const diagonal = factor[rowI + i]!
    for (let j = 0; j <= i; j++) lower[rowI + j]! /= diagonal
  }
  return lower
}

/** The inverse, from the lower factor: `L^-T L^-1`. */
export function inverse(factor: Float64Array, n: number): Float64Array {
  const lower = lowerInverse(factor, n)
  const result = new Float64Array(n * n)
  for (let k = 0; k < n; k++) {
    const rowK = k * n
    for (let i = 0; i <= k; i++) {
      const weight = lower[rowK + i]!
      if (weight === 0) continue
      const rowI = i * n
      for (let j = 0; j <= i; j++) result[rowI + j]! += weight * lower[rowK + j]!
    }
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) result[j * n + i] = result[i * n + j]!
  return result
}
