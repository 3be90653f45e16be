import { type CodebookQuantization, type IntegerQuantization, type Quantization, type ScaleGrid, type Weight, scaleDims } from '@whittle/ir'
import { clusterTensor } from './codebook.ts'
import { codeTensor } from './coded.ts'
import type { ResolvedOptions } from './options.ts'
import { quantizeTensor } from './weights.ts'

/** What of the options settles a weight's grid. */
export type GridOptions = Pick<ResolvedOptions, 'range' | 'granularity' | 'block' | 'symmetric' | 'rounding' | 'levels'>

/**
 * How a weight is cut into parts that share a scale.
 * @param axis of its output channels; undefined where there is to be one scale.
 */
export function scaleGridOf({ tensor, role, inputAxis, node }: Weight, axis: number | undefined, options: GridOptions): ScaleGrid {
  if (axis === undefined || options.granularity === 'tensor') return {}
  const { dims } = tensor
  if (options.granularity === 'block' && inputAxis !== undefined) {
    // A row of a table is what is read at once: it has the scales, and its columns are cut into blocks.
    const [channels, cut] = role === 'embedding' ? [inputAxis, axis] : [axis, inputAxis]
    const taps = dims.reduce(
      (product, dim, at) => (at === channels || at === cut || isDirection(node.type, at) ? product : product * dim),
      1,
    )
    const size = Math.max(1, Math.round(options.block / taps))
    if (size < dims[cut]!) return { axis: channels, block: { axis: cut, size } }
    if (role === 'embedding') return { axis: channels }
  }
  // The two directions of a recurrent layer are layers of their own.
  return isDirection(node.type, 0) && axis !== 0 && dims[0]! > 1 ? { axis, block: { axis: 0, size: 1 } } : { axis }
}

function isDirection(type: string, axis: number): boolean {
  return axis === 0 && (type === 'LSTM' || type === 'GRU' || type === 'RNN')
}

/**
 * Bits from which on tables keep their full range. Their columns have long tails: at 8 bits, cutting them off gains half a decibel, and makes steps so
 * much finer that an entropy coder needs an eighth of a bit more for each element, which is worth more.
 */
const WHOLE_TABLES = 8

/** Rounds a weight as the options say, to the nearest. */
export function roundToGrid(
  { tensor, role }: Weight,
  grid: ScaleGrid,
  bits: number,
  options: GridOptions,
): { data: Float32Array; quantization: IntegerQuantization | CodebookQuantization } {
  const data = tensor.toFloat32()
  if (options.levels === 'kmeans') return clusterTensor(data, tensor.dims, { bits, ...grid })
  if (options.levels === 'entropy') return codeTensor(data, tensor.dims, { bits, ...grid })
  const { symmetric, rounding } = options
  const range = role === 'embedding' && bits >= WHOLE_TABLES ? 'minmax' : options.range
  return quantizeTensor(data, tensor.dims, { bits, range, symmetric, rounding: rounding === 'hqq' ? 'hqq' : 'nearest', ...grid })
}

/** Whether a weight has this form already. */
export function hasGrid(old: Quantization | undefined, grid: ScaleGrid, bits: number, { symmetric, levels }: GridOptions): boolean {
  if (old?.kind !== (levels === 'kmeans' ? 'codebook' : 'integer')) return false
  // Of what is coded by entropy, the bits that integers need are not those that they take.
  if (levels !== 'entropy' && old.bits !== bits) return false
  if (old.kind === 'integer' && old.signed !== symmetric) return false
  return old.axis === grid.axis && old.block?.axis === grid.block?.axis && old.block?.size === grid.block?.size
}

/** For the report: `32 scales on axis 0`. */
export function describeGrid(dims: readonly number[], grid: ScaleGrid): string {
  const count = scaleDims(dims, grid).reduce((a, b) => a * b, 1)
  if (grid.axis === undefined) return 'one scale'
  if (grid.block?.size === 1) return `${count} scales on axes ${grid.block.axis} and ${grid.axis}`
  return `${count} scales on axis ${grid.axis}${grid.block ? ` and in blocks of ${grid.block.size} on axis ${grid.block.axis}` : ''}`
}
