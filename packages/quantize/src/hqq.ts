import { roundUpToBfloat16 } from '@whittle/statistics'
import type { Grid } from './weights.ts'

/** The exponent of the norm: below 1, a large error of few weights counts little beside small ones of many. */
const P = 0.7
const BETA = 10
const BETA_GROWTH = 1.01
const MAX_ITERATIONS = 20

/** A zero point is a whole number of these: fine enough, and few different bytes. */
const ZERO_STEP = 1 / 16
/** The problem is not convex: from each of these, in steps beside the given zero point, it is solved again. */
const ZERO_STARTS = [0, 0.25, -0.25, 0.5]
/** And from each of these shares of the given scale. */
const SCALE_STARTS = [1, 0.9, 0.8]

/** `size ** (P - 1)` of errors of less than one step, which nearly all are. */
const FINENESS = 4096
const POWERS = Float64Array.from({ length: FINENESS }, (_, at) => ((at + 0.5) / FINENESS) ** (P - 1))

/** What one pass over the weights of a group finds. */
interface Pass {
  /** The sum of the errors' 0.7th powers, in steps. */
  error: number
  /** Sums over weights without the outliers' parts, for the next grid. */
  zero: number
  cross: number
  square: number
}

/**
 * Half-quadratic quantization (Badri and Shaji 2023): moves the zero point of a grid so that the sum of the errors' 0.7th powers falls. In turn,
 * errors are split into outliers (a shrinkage) and the rest, and the zero point becomes that of least squares for the rest. Errors are counted
 * in steps, so that the result does not depend on the weights' unit. No data are needed.
 * @param levels the greatest integer; the least is 0.
 * @returns the best grid that was seen, the given one included.
 */
export function refineZero(members: Float32Array, grid: Grid, levels: number): Grid {
  const { scale } = grid
  let best = grid
  let least = Infinity
  for (const start of ZERO_STARTS) {
    let zero = grid.zero + start
    for (let iteration = 0, beta = BETA; iteration < MAX_ITERATIONS; iteration++, beta *= BETA_GROWTH) {
      const pass = passOver(members, scale, zero, 0, levels, beta)
      if (pass.error < least) {
        least = pass.error
        best = { scale, zero }
      }
      const next = Math.round(pass.zero / members.length / ZERO_STEP) * ZERO_STEP
      if (next === zero || !Number.isFinite(next)) break
      zero = next
    }
  }
  return best
}

/** The same for a symmetric grid, where the scale moves: that of least squares for what is no outlier, rounded up to a bfloat16. */
export function refineScale(members: Float32Array, start: number, max: number): Grid {
  let best = start
  let least = Infinity
  for (const share of SCALE_STARTS) {
    let scale = roundUpToBfloat16(start * share)
    for (let iteration = 0, beta = BETA; iteration < MAX_ITERATIONS; iteration++, beta *= BETA_GROWTH) {
      const pass = passOver(members, scale, 0, -max, max, beta)
      const error = pass.error * (scale / start) ** P
      if (error < least) {
        least = error
        best = scale
      }
      const next = roundUpToBfloat16((scale * pass.cross) / pass.square)
      if (!(next > 0 && Number.isFinite(next)) || next === scale) break
      scale = next
    }
  }
  return { scale: best, zero: 0 }
}

/**
 * Rounds all members and splits their errors. An outlier's part is what minimises `|e|^p + beta / 2 (e - error)^2`, in the paper's approximation:
 * the error less `|error|^(p - 1) / beta`.
 */
function passOver(members: Float32Array, scale: number, zero: number, min: number, max: number, beta: number): Pass {
  const pass = { error: 0, zero: 0, cross: 0, square: 0 }
  for (let at = 0; at < members.length; at++) {
    const real = members[at]! / scale
    let q = Math.round(real + zero)
    q = q < min ? min : q > max ? max : q
    const error = real - (q - zero)
    const size = Math.abs(error)
    const power = size < 1 ? POWERS[Math.floor(size * FINENESS)]! : size ** (P - 1)
    pass.error += size * power
    const outlier = size - power / beta
    const rest = outlier <= 0 ? real : error < 0 ? real + outlier : real - outlier
    pass.zero += q - rest
    pass.cross += q * rest
    pass.square += q * q
  }
  return pass
}
