import { type Context, DatasetError, type Model, type Report, Tensor, type Weight } from '@whittle/ir'
import {
  type Curvature,
  type Gram,
  addBias,
  collectGrams,
  curvatureOf,
  elementsOf,
  outputVariance,
  rowsOf,
  whyNoGram,
} from '@whittle/statistics'
import { compensate, orderOf } from './reconstruct.ts'
import { sensitivities } from './sensitivity.ts'

/** A kernel as rows of weights, one for each output channel, each with the statistics of what it is multiplied with. */
interface Layer {
  readonly weight: Weight
  readonly rows: Float32Array[]
  readonly curvatures: Curvature[]
  /** For each row the order of removal, and what each removal adds, as a share of the variance of the layer's output. */
  readonly removals: { order: Uint32Array; costs: Float64Array }[]
}

/** The most of a layer's weights that may go, as a multiple of the ratio. */
const MOST = 2

/** Why {@link pruneByCurvature} cannot take a weight; undefined where it can. */
export function whyNoCurvature({ node, input, value, tensor }: Weight): string | undefined {
  if (input !== 1) return 'it is not the second input of its node'
  if (value.uses.length > 1) return 'several nodes share it'
  if (!tensor.toFloat32().every(Number.isFinite)) return 'it has values that are not finite'
  return whyNoGram(node)
}

/**
 * Removes the weights whose removal changes their layer's output least on the calibration data, and lets the others make up for them: optimal
 * brain surgeon, layer by layer, with the exact least-squares update of what is kept, and the bias corrected (Hassibi & Stork 1993; Frantar &
 * Alistarh 2022, "Optimal brain compression").
 */
export async function pruneByCurvature(
  model: Model,
  weights: readonly Weight[],
  { ratio, scope }: { ratio: number; scope: 'tensor' | 'global' },
  context: Context,
  report: Report,
): Promise<void> {
  if (!context.engine || !context.calibration)
    throw new DatasetError(
      'CALIBRATION_MISSING',
      "method 'obs' needs calibration data and an engine; give them, or take method 'magnitude'",
    )
  const grams = await collectGrams(
    model,
    weights.map(({ node }) => node),
    context,
  )
  const layers: Layer[] = []
  for (const weight of weights) {
    context.signal?.throwIfAborted()
    layers.push(layerOf(weight, grams.get(weight.node)!, ratio))
    context.onProgress?.({ step: 'ordering weights', done: layers.length, total: weights.length })
  }
  const counts =
    scope === 'tensor' ? layers.map((layer) => countsOf([layer], [1], ratio)[0]!) : await allocate(model, layers, ratio, context)
  for (const [index, layer] of layers.entries()) {
    context.signal?.throwIfAborted()
    apply(layer, masksOf(layer, counts[index]!), report)
  }
}

function layerOf(weight: Weight, grams: readonly Gram[], ratio: number): Layer {
  const rows = rowsOf(weight)
  const groups = grams.map(curvatureOf)
  const curvatures = rows.map((_, index) => groups[Math.floor((index * groups.length) / rows.length)]!)
  const variance = rows.reduce((sum, row, index) => sum + outputVariance(row, curvatures[index]!), 0) || 1
  const limit = Math.ceil(rows[0]!.length * Math.min(1, ratio * MOST))
  const removals = rows.map((row, index) => {
    const { order, costs } = orderOf(row, curvatures[index]!, limit)
    return { order, costs: costs.map((cost) => cost / variance) }
  })
  return { weight, rows, curvatures, removals }
}

/** For each layer, how many weights of each row go, so that the sum of costs times the layers' factors is least. */
function countsOf(layers: readonly Layer[], factors: readonly number[], ratio: number): number[][] {
  const total = layers.reduce((sum, { rows }) => sum + rows.length * rows[0]!.length, 0)
  const all = layers.flatMap((layer, index) => layer.removals.map(({ costs }) => costs.map((cost) => cost * factors[index]!)))
  const kept = cheapestPrefixes(all, Math.floor(total * ratio))
  let next = 0
  return layers.map(({ rows }) => kept.slice(next, (next += rows.length)))
}

/** Weights the layers by how much of their error arrives at the model's outputs. */
async function allocate(model: Model, layers: readonly Layer[], ratio: number, context: Context): Promise<number[][]> {
  const trials = layers.map((layer) => {
    const counts = countsOf([layer], [1], ratio)[0]!
    const error = layer.removals.reduce((sum, { costs }, row) => sum + costs.slice(0, counts[row]).reduce((a, b) => a + b, 0), 0)
    const masks = masksOf(layer, counts)
    const rows = layer.rows.map((row, index) => compensate(row, masks[index]!, layer.curvatures[index]!).row)
    return { value: layer.weight.value, data: elementsOf(layer.weight, rows), error }
  })
  const factors = await sensitivities(model, trials, context)
  // Outputs that are all whole numbers tell nothing: then every layer matters as much.
  return countsOf(layers, factors.some((factor) => factor > 0) ? factors : layers.map(() => 1), ratio)
}

/** How many of each row's removals go, `count` in all, so that the sum of their costs is least; each row's come in its own order. */
function cheapestPrefixes(rows: readonly Float64Array[], count: number): number[] {
  // A removal's price is what makes all up to it worthwhile: costs along a row mostly rise, and where they fall the earlier pays for both.
  const rising = rows.map((costs) => {
    const prices = Float64Array.from(costs)
    for (let index = 1; index < prices.length; index++) prices[index] = Math.max(prices[index]!, prices[index - 1]!)
    return prices
  })
  const sorted = Float64Array.from(rising.flatMap((row) => [...row])).sort()
  const threshold = sorted[Math.min(count, sorted.length) - 1] ?? -1
  const taken = rising
    .map((row) => row.findIndex((price) => price >= threshold))
    .map((index, row) => (index < 0 ? rising[row]!.length : index))
  let left = Math.min(count, sorted.length) - taken.reduce((a, b) => a + b, 0)
  for (const [row, prices] of rising.entries())
    while (left > 0 && taken[row]! < prices.length && prices[taken[row]!] === threshold) {
      taken[row]!++
      left--
    }
  return taken
}

function masksOf({ rows, removals }: Layer, counts: readonly number[]): Uint8Array[] {
  return rows.map((row, index) => {
    const mask = new Uint8Array(row.length)
    for (const at of removals[index]!.order.slice(0, counts[index])) mask[at] = 1
    return mask
  })
}

function apply({ weight, rows, curvatures }: Layer, masks: readonly Uint8Array[], report: Report): void {
  const { node, value } = weight
  const biases = new Float32Array(rows.length)
  let zeros = 0
  const pruned = rows.map((row, index) => {
    const mask = masks[index]!
    for (const item of mask) zeros += item
    if (!mask.includes(1)) return row
    const { row: result, bias } = compensate(row, mask, curvatures[index]!)
    biases[index] = bias
    return result
  })
  value.graph.setTensor(value, Tensor.float32(value.tensor!.dims, elementsOf(weight, pruned)))
  addBias(node, biases)
  report.changed.push({ at: value.name, what: `${zeros} of ${value.tensor!.size} weights are zero, the others make up for them` })
}
