import { invalidOption } from '@whittle/ir'

export interface ClusterOptions {
  /**
   * How many values the weights of a tensor share, 2 to 256; `'auto'` takes for each tensor as few as leave its layer's own output at `layer` dB,
   * or the model's outputs at `sqnr` dB. @default 16
   */
  values?: number | 'auto'
  /**
   * `'kmeans'` takes the values of least squared error, and for each weight the nearest; it needs nothing. `'feedback'` takes those with which what
   * each layer gives changes least, weights making up for the errors of others; it needs calibration data and an engine. @default 'kmeans'
   */
  method?: 'kmeans' | 'feedback'
  /** `'channel'`: the values of a tensor are multiplied with a scale for each output channel. @default 'tensor' */
  granularity?: 'tensor' | 'channel'
  /** With `values: 'auto'`: signal to noise ratio in dB of what each layer gives; of its weights, where nothing is known of its inputs. @default 35 */
  layer?: number
  /** With `values: 'auto'`: the SQNR in dB that the model's outputs shall have on calibration data; `layer` is found for it. @default null */
  sqnr?: number | null
  /** Weights of fewer elements are left alone: they weigh little and matter much. @default 256 */
  minSize?: number
}

/** Every option with a value: what a recipe records. */
export type ResolvedOptions = Required<ClusterOptions>

export const CLUSTER_DEFAULTS = {
  values: 16,
  method: 'kmeans',
  granularity: 'tensor',
  layer: 35,
  sqnr: null,
  minSize: 256,
} as const satisfies ResolvedOptions

/** Fills in defaults. @throws {OptionError} for a value out of range, or two that contradict each other. */
export function resolveOptions(options: ClusterOptions): ResolvedOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ClusterOptions
  const resolved: ResolvedOptions = { ...CLUSTER_DEFAULTS, ...given }
  const { values, method, granularity, layer, sqnr, minSize } = resolved
  if (values !== 'auto' && !(Number.isInteger(values) && values >= 2 && values <= 256))
    throw invalidOption('cluster', 'values', "a whole number from 2 to 256 or 'auto'", values)
  if (method !== 'kmeans' && method !== 'feedback') throw invalidOption('cluster', 'method', "'kmeans' or 'feedback'", method)
  if (granularity !== 'tensor' && granularity !== 'channel')
    throw invalidOption('cluster', 'granularity', "'tensor' or 'channel'", granularity)
  if (!(typeof layer === 'number' && Number.isFinite(layer))) throw invalidOption('cluster', 'layer', 'a number of dB', layer)
  if (sqnr !== null && !Number.isFinite(sqnr)) throw invalidOption('cluster', 'sqnr', 'a number of dB or null', sqnr)
  if (sqnr !== null && values !== 'auto') throw invalidOption('cluster', 'sqnr', "null where values is not 'auto'", sqnr)
  if (!(Number.isInteger(minSize) && minSize >= 0)) throw invalidOption('cluster', 'minSize', 'a whole number of elements', minSize)
  return resolved
}
