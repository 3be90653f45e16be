import { type CodebookQuantization, type Context, type Model, Tensor, type Weight, weightsOf } from '@whittle/ir'
import { type LayerMoments, collectGrams, elementsOf, layerMoments, replaceRows, rowsOf } from '@whittle/statistics'
import { type Coded, valuesOf } from './coded.ts'
import { fewestValues } from './fewest.ts'
import { clusterOnData } from './on-data.ts'
import type { ResolvedOptions } from './options.ts'
import { clusterPlainly } from './plain.ts'
import type { Wanted } from './weights.ts'

/** A weight as rows, with what is known of what they are multiplied with. */
export interface Prepared extends Wanted {
  /** One for each output channel, or all weights as one. */
  readonly rows: readonly Float32Array[]
  readonly layer: LayerMoments | undefined
}

/** Measures what layers are fed with, where that is wanted. */
export async function prepare(model: Model, wanted: readonly Wanted[], context: Context): Promise<Prepared[]> {
  const nodes = wanted.flatMap(({ weight, onData }) => (onData ? [weight.node] : []))
  const grams = nodes.length > 0 ? await collectGrams(model, nodes, context) : new Map<never, never>()
  return wanted.map((item) => {
    const { weight, channels, onData } = item
    const rows = channels ? rowsOf(weight) : [weight.tensor.toFloat32()]
    return { ...item, rows, layer: onData ? layerMoments(weight, grams.get(weight.node)!, rows.length) : undefined }
  })
}

/**
 * The codebook of a weight, and its codes.
 * @param decibels what `values: 'auto'` leaves of it.
 */
export function share({ rows, layer, channels }: Prepared, { values, granularity }: ResolvedOptions, decibels: number): Coded {
  const scaled = channels && granularity === 'channel'
  const weights = layer && ((row: number) => layer.groupOf(row).moments.pivots)
  const count = values === 'auto' ? fewestValues(rows, weights, 10 ** (-decibels / 10), scaled) : values
  return layer ? clusterOnData(rows, layer, { count, scaled }) : clusterPlainly(rows, { count, scaled })
}

/**
 * Gives the weights of a model, or of a copy of it, their values and codebooks.
 * @returns the signal to noise ratio of each layer's output in dB; of the weights where nothing is known of their inputs.
 */
export function write(model: Model, prepared: readonly Prepared[], coded: readonly Coded[]): number[] {
  const weights = new Map<string, Weight>()
  for (const weight of weightsOf(model)) if (!weights.has(weight.value.name)) weights.set(weight.value.name, weight)
  return prepared.map((item, index) => {
    const own = coded[index]!
    const weight = weights.get(item.weight.value.name)!
    const quality = item.layer ? replaceRows(weight, item.rows, shortRows(own), item.layer) : replace(weight, item, own)
    weight.value.quantization = codebookOf(own, weight)
    return quality
  })
}

function shortRows(coded: Coded): { values: Float32Array; error: number }[] {
  return coded.codes.map((_, row) => ({ values: valuesOf(coded, row), error: coded.errors[row]! }))
}

function replace(weight: Weight, { rows, channels }: Prepared, coded: Coded): number {
  const { value, tensor } = weight
  const values = rows.map((_, row) => valuesOf(coded, row))
  value.graph.setTensor(value, Tensor.float32(tensor.dims, channels ? elementsOf(weight, values) : values[0]!))
  const signal = rows.reduce((sum, row) => row.reduce((part, item) => part + item * item, sum), 0)
  const noise = coded.errors.reduce((a, b) => a + b, 0)
  return signal > 0 ? 10 * Math.log10(signal / Math.max(noise, signal * 1e-12)) : 120
}

function codebookOf({ levels, scale }: Coded, { outputAxis }: Weight): CodebookQuantization {
  const bits = Math.max(2, Math.ceil(Math.log2(levels.length)))
  const alike = scale.every((item) => item === 1)
  return { kind: 'codebook', bits, levels, ...(alike ? { scale: Float32Array.of(1) } : { scale, axis: outputAxis! }) }
}

/** For the report: `432 weights share 16 values; 130 are zero, 4 of them for the first time; the layer's own error is at 27.1 dB`. */
export function describe({ weight, rows, notOnData, layer }: Prepared, coded: Coded, quality: number): string {
  const { levels, scale, codes } = coded
  const zero = levels.indexOf(0)
  const zeros = codes.reduce((sum, row) => row.reduce((part, code) => part + (code === zero ? 1 : 0), sum), 0)
  const before = rows.reduce((sum, row) => row.reduce((part, item) => part + (item === 0 ? 1 : 0), sum), 0)
  const scales = scale.some((item) => item !== 1) ? ', times a scale for each output' : ''
  return [
    `${weight.tensor.size} weights share ${levels.length} values${scales}${notOnData ? `, the nearest: ${notOnData}` : ''}`,
    ...(zeros > 0 ? [`${zeros} are zero, ${zeros - before} of them for the first time`] : []),
    `${layer ? "the layer's own error" : 'their error'} is at ${quality.toFixed(1)} dB`,
  ].join('; ')
}
