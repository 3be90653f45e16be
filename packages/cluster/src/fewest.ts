import { fitCodebook, nearestLevel } from '@whittle/statistics'
import { hasZeros } from './coded.ts'
import { toScale } from './plain.ts'

/** What `values: 'auto'` chooses from. */
const COUNTS = [4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256]

/**
 * The fewest values with which the squared error of the rows is at most `noise` of their power, each weight counting as `weights` says.
 * @returns by bisection: more values err less.
 */
export function fewestValues(
  rows: readonly Float32Array[],
  weights: ((row: number) => ArrayLike<number>) | undefined,
  noise: number,
  scaled: boolean,
): number {
  const zero = hasZeros(rows)
  const share = (count: number): number => {
    const { levels, scale } = fitCodebook(rows, { count, zero, ...(weights ? { weights } : {}), ...(scaled ? { toScale } : {}) })
    let [signal, error] = [0, 0]
    rows.forEach((row, at) => {
      const [own, step] = [weights?.(at), scale[at]!]
      for (let index = 0; index < row.length; index++) {
        const [weight, item] = [own ? own[index]! : 1, row[index]!]
        signal += weight * item * item
        error += weight * (item - levels[nearestLevel(levels, item / step)]! * step) ** 2
      }
    })
    return signal > 0 ? error / signal : 0
  }
  let [low, high] = [0, COUNTS.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (share(COUNTS[middle]!) <= noise) high = middle
    else low = middle + 1
  }
  return COUNTS[low]!
}
