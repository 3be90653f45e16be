import { cholesky, solveCholesky } from '@whittle/statistics'
import type { Working } from './feedback.ts'

/**
 * The levels of least squared error of the outputs for the codes that weights have: least squares over all rows, whose normal equations sum up the
 * moments between what takes one level and what takes another (van Baalen et al. 2024, "GPTVQ", section 3.3). 0 stays 0; what none takes stays.
 */
export function refitLevels(rows: readonly Working[], levels: Float64Array, scale: Float32Array): Float64Array {
  const count = levels.length
  const matrix = new Float64Array(count * count)
  const target = new Float64Array(count)
  rows.forEach(({ codes, moments, withRow }, at) => {
    const { size, matrix: own } = moments
    const step = scale[at]!
    const square = step * step
    for (let i = 0; i < size; i++) {
      const to = codes[i]! * count
      target[codes[i]!]! += step * withRow[i]!
      const from = i * size
      matrix[to + codes[i]!]! += square * own[from + i]!
      // Each pair of weights once, and below its sum with the other order.
      for (let j = 0; j < i; j++) matrix[to + codes[j]!]! += 2 * square * own[from + j]!
    }
  })
  const free = [...levels.keys()].filter((level) => levels[level] !== 0 && matrix[level * count + level]! > 0)
  const n = free.length
  const small = new Float64Array(n * n)
  const solution = new Float64Array(n)
  free.forEach((level, i) => {
    solution[i] = target[level]!
    free.forEach((other, j) => {
      const both = (matrix[level * count + other]! + matrix[other * count + level]!) / 2
      small[i * n + j] = i === j ? both * (1 + 1e-9) : both
    })
  })
  const factor = cholesky(small, n)
  if (!factor) return levels
  solveCholesky(factor, n, solution)
  const result = levels.slice()
  free.forEach((level, i) => (result[level] = solution[i]!))
  return result
}

/** The scale of least squares of a row's output for the codes that it has. */
export function refitScale({ codes, withRow, withCodes }: Working, levels: Float64Array, scale: number): number {
  let [cross, square] = [0, 0]
  for (let i = 0; i < codes.length; i++) {
    const level = levels[codes[i]!]!
    cross += level * withRow[i]!
    square += (level * withCodes[i]!) / scale
  }
  return cross > 0 && square > 0 ? cross / square : scale
}
