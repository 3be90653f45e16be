import { invalidOption } from '@whittle/ir'
import type { RangeMethod } from './ranges.ts'

export interface QuantizeOptions {
  /** Bits of a weight, 2 to 8. @default 8 */
  bits?: number
  /**
   * Bits of an activation; null leaves activations alone. 8 needs calibration data and an engine, or BatchNormalizations that were folded into
   * the layers before all of them; 'dynamic' rounds to 8 bits at every run, on the range that there then is, and needs nothing. @default null
   */
  activations?: 8 | 'dynamic' | null
  /**
   * How ranges are chosen: the full one, that of least squared error, or for activations also the one that keeps `percentile` % of the values,
   * or that of least Kullback-Leibler divergence; with these two, weights take least squares. @default 'mse'
   */
  range?: RangeMethod
  /** What share of an activation's values `range: 'percentile'` keeps, in %; half of the others are cut off at each end. @default 99.99 */
  percentile?: number
  /** One scale for each output channel, for each block of one, or one a tensor. @default 'channel' */
  granularity?: 'channel' | 'tensor' | 'block'
  /** Weights of a block, 16 to 256; powers of two compute as they are on WebGPU. @default 32 */
  block?: number
  /** false: each grid has a zero point, for weights that lie to one side. Such weights are only stored in fewer bits. @default true */
  symmetric?: boolean
  /**
   * `'uniform'`: steps up to the largest weight, as many as `bits` count; `'kmeans'`: as many levels, placed by k-means and shared by the tensor;
   * `'entropy'`: steps of which nothing is cut off, so large that a weight takes `bits` bits on average after entropy coding. @default 'uniform'
   */
  levels?: 'uniform' | 'kmeans' | 'entropy'
  /**
   * `'nearest'` and `'hqq'` need nothing: `'hqq'` moves scales, or zero points where `symmetric` is false, for what most weights lose; `'gptq'`
   * and `'adaround'` round so that what each layer gives changes least, and need calibration data and an engine; with one scale a channel, whatever
   * `range` says. @default 'nearest'
   */
  rounding?: 'nearest' | 'hqq' | 'gptq' | 'adaround'
  /**
   * `'uniform'` gives every weight the same bits; `'mixed'` measures what each costs at the model's outputs, and gives more bits (at most float16)
   * to those that matter and fewer to the others, in the same bytes altogether. Needs calibration data and an engine. @default 'uniform'
   */
  allocation?: 'uniform' | 'mixed'
  /** With `allocation: 'mixed'`: the SQNR in dB that the outputs shall have, for which weights take more bytes than `bits` says. @default null */
  sqnr?: number | null
  /** With `allocation: 'mixed'`: the bytes that the weights may take after brotli, where that is less than with `bits`. @default null */
  bytes?: number | null
  /**
   * `'cross-layer'` first makes the channels between two layers equally large in the weights of both, where nothing but ReLU and the like is
   * between them: one scale then suits a whole kernel better. Needs nothing. @default 'none'
   */
  equalization?: 'none' | 'cross-layer'
  /**
   * `'statistics'` takes the shift of the mean that rounding weights causes out of each layer's bias, as far as the statistics of folded
   * BatchNormalizations say what its inputs are on average, and needs no data. `'full'` measures the shift, layer by layer with all layers before it
   * rounded; needs calibration data and an engine. @default 'none'
   */
  correction?: 'none' | 'statistics' | 'full'
  /**
   * Between 0 and 1, how much of what is hard to round moves from activations into the weights that read them, where a normalization, a Mul with a
   * constant or a layer can take up the factor of each channel. Needs calibration data and an engine. @default null
   */
  smooth?: number | null
  /** Weights of fewer elements are left alone: they weigh little and matter much. @default 256 */
  minSize?: number
  /** Whether the grids remember the weights as they were before rounding, in memory only, for a transform that trains through them. @default false */
  latent?: boolean
}

/** Every option with a value: what a recipe records. */
export type ResolvedOptions = Required<QuantizeOptions>

export const QUANTIZE_DEFAULTS = {
  bits: 8,
  activations: null,
  range: 'mse',
  percentile: 99.99,
  granularity: 'channel',
  block: 32,
  symmetric: true,
  levels: 'uniform',
  rounding: 'nearest',
  allocation: 'uniform',
  sqnr: null,
  bytes: null,
  equalization: 'none',
  correction: 'none',
  smooth: null,
  minSize: 256,
  latent: false,
} as const satisfies ResolvedOptions

/** Fills in defaults. @throws {OptionError} for a value out of range, or two that contradict each other. */
export function resolveOptions(options: QuantizeOptions): ResolvedOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as QuantizeOptions
  const resolved: ResolvedOptions = { ...QUANTIZE_DEFAULTS, ...given }
  const { bits, percentile, granularity, block, symmetric, levels, rounding, allocation, sqnr, bytes, minSize } = resolved
  if (!(Number.isInteger(bits) && bits >= 2 && bits <= 8)) throw invalidOption('quantize', 'bits', 'a whole number from 2 to 8', bits)
  oneOf(resolved, 'activations', [8, 'dynamic', null])
  oneOf(resolved, 'range', ['minmax', 'mse', 'percentile', 'entropy'])
  if (!(percentile > 50 && percentile <= 100)) throw invalidOption('quantize', 'percentile', 'a share over 50 and up to 100', percentile)
  oneOf(resolved, 'granularity', ['channel', 'tensor', 'block'])
  if (!(Number.isInteger(block) && block >= 16 && block <= 256))
    throw invalidOption('quantize', 'block', 'a whole number from 16 to 256', block)
  oneOf(resolved, 'symmetric', [true, false])
  oneOf(resolved, 'latent', [true, false])
  oneOf(resolved, 'levels', ['uniform', 'kmeans', 'entropy'])
  oneOf(resolved, 'rounding', ['nearest', 'hqq', 'gptq', 'adaround'])
  oneOf(resolved, 'allocation', ['uniform', 'mixed'])
  if (sqnr !== null && !Number.isFinite(sqnr)) throw invalidOption('quantize', 'sqnr', 'a number of dB or null', sqnr)
  if (bytes !== null && !(bytes > 0)) throw invalidOption('quantize', 'bytes', 'a number of bytes or null', bytes)
  for (const [name, value] of Object.entries({ sqnr, bytes }))
    if (value !== null && allocation === 'uniform') throw invalidOption('quantize', name, "null with allocation 'uniform'", value)
  oneOf(resolved, 'equalization', ['none', 'cross-layer'])
  oneOf(resolved, 'correction', ['none', 'statistics', 'full'])
  const onData = rounding === 'gptq' || rounding === 'adaround'
  if (onData && granularity !== 'channel')
    throw invalidOption('quantize', 'granularity', `'channel' with rounding '${rounding}'`, granularity)
  if (onData && !symmetric) throw invalidOption('quantize', 'symmetric', `true with rounding '${rounding}'`, symmetric)
  if (levels !== 'uniform' && rounding !== 'nearest')
    throw invalidOption('quantize', 'rounding', `'nearest' with levels '${levels}'`, rounding)
  if (levels !== 'uniform' && !symmetric) throw invalidOption('quantize', 'symmetric', `true with levels '${levels}'`, symmetric)
  checkSmooth(resolved)
  if (!(Number.isInteger(minSize) && minSize >= 0)) throw invalidOption('quantize', 'minSize', 'a whole number of elements', minSize)
  return resolved
}

function checkSmooth({ smooth, activations }: ResolvedOptions): void {
  if (smooth === null) return
  if (!(smooth >= 0 && smooth <= 1)) throw invalidOption('quantize', 'smooth', 'a number from 0 to 1, or null', smooth)
  if (activations === null) throw invalidOption('quantize', 'smooth', 'null without activations', smooth)
}

function oneOf<K extends keyof ResolvedOptions>(options: ResolvedOptions, name: K, allowed: readonly ResolvedOptions[K][]): void {
  if (allowed.includes(options[name])) return
  const names = allowed.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)))
  throw invalidOption('quantize', name, `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`, options[name])
}
