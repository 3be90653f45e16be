import type { AffineValues, PaletteValues } from './values.ts'
import { type Grid, gridOf } from './grid.ts'

/** Which scale or palette belongs to an element: as the file says it. */
export interface Groups {
  readonly grid: Grid
  /** Channels that share one. */
  readonly block: number
  readonly isPerOuter: boolean
  readonly isPerInner: boolean
  /** How many there are. */
  readonly count: number
}

/** @throws RangeError when axes and sizes do not fit the tensor. */
export function groupsOf(dims: readonly number[], values: AffineValues | PaletteValues): Groups {
  const { axis } = values
  const total = dims.reduce((product, dim) => product * dim, 1)
  if (axis === undefined) return { grid: { outer: 1, rows: 1, inner: total }, block: 1, isPerOuter: false, isPerInner: false, count: 1 }
  if (!(Number.isInteger(axis) && axis >= 0 && axis < dims.length)) throw new RangeError(`axis ${axis} of ${dims.length} axes`)
  const grid = gridOf(dims, axis)
  const block = (values.kind === 'palette' ? values.groupSize : values.blockSize) ?? 1
  if (!(Number.isInteger(block) && block >= 1)) throw new RangeError(`blocks of ${block}`)
  const isBlocked = values.kind === 'affine' && values.blockSize !== undefined
  const channelAxis = values.kind === 'affine' ? values.channelAxis : undefined
  const isPerOuter = isBlocked && (channelAxis === undefined || channelAxis < axis)
  const isPerInner = isBlocked && (channelAxis === undefined || channelAxis > axis)
  if (isBlocked && channelAxis !== undefined && dims[channelAxis] !== (isPerOuter ? grid.outer : grid.inner))
    throw new RangeError(`channelAxis ${channelAxis} is not the only axis on its side of axis ${axis}`)
  const count = (isPerOuter ? grid.outer : 1) * Math.ceil(grid.rows / block) * (isPerInner ? grid.inner : 1)
  return { grid, block, isPerOuter, isPerInner, count }
}
