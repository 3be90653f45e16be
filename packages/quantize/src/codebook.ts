import type { CodebookQuantization, ScaleGrid } from '@whittle/ir'
import { fitCodebook, nearestLevel, roundUpToBfloat16 } from '@whittle/statistics'
import { groupsOf, membersOf } from './groups.ts'

export interface CodebookGrid extends ScaleGrid {
  /** 2 to 8: as many levels as `2 ** bits`. */
  readonly bits: number
}

/**
 * Gives a weight levels that need not be evenly spaced: those of k-means in one dimension, shared by the tensor, times a scale for each channel or
 * block. One level is 0, so that zeros stay zeros.
 * @returns the representable values nearest to `data`, and the codebook.
 */
export function clusterTensor(
  data: Float32Array,
  dims: readonly number[],
  grid: CodebookGrid,
): { data: Float32Array; quantization: CodebookQuantization } {
  const { bits, axis, block } = grid
  const groups = groupsOf(dims, grid)
  const members = Array.from({ length: groups.count }, (_, group) => membersOf(data, groups, group))
  const { levels, scale } = fitCodebook(members, { count: 2 ** bits, zero: true, toScale: roundUpToBfloat16 })
  const result = new Float32Array(data.length)
  members.forEach((items, group) => {
    const [step, from] = [scale[group]!, groups.starts[group]!]
    for (let at = 0; at < items.length; at++) result[groups.order[from + at]!] = levels[nearestLevel(levels, items[at]! / step)]! * step
  })
  return {
    data: result,
    quantization: {
      kind: 'codebook',
      bits,
      levels,
      scale,
      ...(axis === undefined ? {} : { axis }),
      ...(block ? { block } : {}),
    },
  }
}
