import { fitCodebook, nearestLevel, roundMantissa } from '@whittle/statistics'
import { type Coded, type Sharing, hasZeros, ordered } from './coded.ts'

/** Shares values among weights of which nothing else is known: the best levels for their squared error, and of those the nearest. */
export function clusterPlainly(rows: readonly Float32Array[], { count, scaled }: Sharing): Coded {
  const { levels, scale } = fitCodebook(rows, { count, zero: hasZeros(rows), ...(scaled ? { toScale } : {}) })
  const errors = new Float64Array(rows.length)
  const codes = rows.map((row, at) => {
    const step = scale[at]!
    return Uint8Array.from(row, (item) => {
      const code = nearestLevel(levels, item / step)
      errors[at]! += (item - levels[code]! * step) ** 2
      return code
    })
  })
  return ordered({ levels, scale, codes, errors })
}

/** A scale that takes few bits. */
export function toScale(scale: number): number {
  return roundMantissa(scale, 7)
}
