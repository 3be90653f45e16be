import { type Context, DatasetError, type Model, type Node, type Report, Tensor, type Weight } from '@whittle/ir'
import {
  type Inputs,
  type Trial,
  addBias,
  collectGrams,
  collectPrefix,
  elementsOf,
  fittedInputs,
  held,
  inputsOf,
  rowsOf,
  sensitivities,
  takesBias,
  whyNoGram,
} from '@whittle/statistics'
import { MOST, allocate } from './allocate.ts'
import { pricesOf } from './prices.ts'
import { removeWeights } from './remove.ts'
import { sweep } from './sweep.ts'
import { type Pattern, sweepPattern } from './sweep-pattern.ts'

/** Why {@link pruneByCurvature} cannot take a weight; undefined where it can. */
export function whyNoCurvature({ node, input, value, tensor }: Weight): string | undefined {
  if (input !== 1) return 'it is not the second input of its node'
  if (value.uses.length > 1) return 'several nodes share it'
  if (!tensor.toFloat32().every(Number.isFinite)) return 'it has values that are not finite'
  return whyNoGram(node)
}

/**
 * Removes the weights whose removal changes the model's outputs least on the calibration data, and lets the others make up for them: optimal brain
 * surgeon (Hassibi & Stork 1993; Frantar & Alistarh 2022, "Optimal brain compression"), layer by layer from the inputs on. Each layer is fitted
 * to what the original's gave, on the inputs that the layers pruned before it leave to it, so that errors do not add up.
 */
export async function pruneByCurvature(
  model: Model,
  weights: readonly Weight[],
  share: { ratio: number; scope: 'tensor' | 'global' } | Pattern,
  given: Context,
  report: Report,
): Promise<void> {
  if (!given.engine || !given.calibration)
    throw new DatasetError(
      'CALIBRATION_MISSING',
      "method 'obs' needs calibration data and an engine; give them, or take method 'magnitude'",
    )
  const context = { ...given, calibration: await held(given.calibration) }
  const removals = await removalsOf(model, weights, share, context)
  const original = model.clone()
  const total = removals.filter((remove) => remove).length
  let done = 0
  for (const [index, weight] of weights.entries()) {
    context.signal?.throwIfAborted()
    const remove = removals[index]
    if (!remove) {
      report.skipped.push({ at: weight.value.name, why: 'other layers lose their weights at less cost' })
      continue
    }
    await pruneLayer(model, original, weight, remove, context, report)
    context.onProgress?.({ step: 'pruning layers', done: ++done, total })
  }
}

/** What takes weights out of a layer's rows; `inputs` of each group of rows. */
type Removal = (rows: readonly Float32Array[], inputs: readonly Inputs[]) => Float32Array[]

/** That of each layer; undefined where none of its weights go. */
async function removalsOf(
  model: Model,
  weights: readonly Weight[],
  share: { ratio: number; scope: 'tensor' | 'global' } | Pattern,
  context: Context,
): Promise<(Removal | undefined)[]> {
  if ('keep' in share)
    return weights.map(({ tensor, inputAxis }) => {
      const channels = tensor.dims[inputAxis!]!
      return (rows, inputs) => {
        const perGroup = rows.length / inputs.length
        return inputs.flatMap((group, at) =>
          sweepPattern(rows.slice(at * perGroup, (at + 1) * perGroup), group, share, group.size / channels),
        )
      }
    })
  const { ratio, scope } = share
  const counts =
    scope === 'tensor' ? weights.map(({ tensor }) => Math.floor(tensor.size * ratio)) : await divide(model, weights, ratio, context)
  return counts.map((count) => (count > 0 ? (rows, inputs) => removeWeights(rows, inputs, count) : undefined))
}

/** Layers of less than this share of all weights are left alone where others can lose enough: each would take as long as a large one. */
const LEAST = 1 / 200

/** Divides the weights that go among the layers, by what they cost there and by how much of a layer's error arrives at the model's outputs. */
async function divide(model: Model, weights: readonly Weight[], ratio: number, context: Context): Promise<number[]> {
  const total = weights.reduce((sum, { tensor }) => sum + tensor.size, 0)
  const count = Math.floor(total * ratio)
  const large = weights.filter(({ tensor }) => tensor.size >= total * LEAST)
  const taken = large.reduce((sum, { tensor }) => sum + tensor.size, 0) * MOST >= count ? large : weights
  const grams = await collectGrams(
    model,
    taken.map(({ node }) => node),
    context,
  )
  const trials: Trial[] = []
  const prices = taken.map((weight, index) => {
    context.signal?.throwIfAborted()
    const rows = rowsOf(weight)
    const inputs = grams.get(weight.node)!.map((gram) => inputsOf(gram, takesBias(weight.node)))
    trials.push(trialOf(model.graph.nodes.indexOf(weight.node), weight, rows, inputs, ratio))
    context.onProgress?.({ step: 'ordering weights', done: index + 1, total: taken.length })
    return pricesOf(rows, inputs)
  })
  const measured = await sensitivities(model, trials, context)
  // Outputs that are all whole numbers tell nothing: then every layer matters as much for its size.
  const factors = measured.some((factor) => factor > 0) ? measured : trials.map(({ error }) => 1 / (error || 1))
  const counts = allocate(
    taken.map(({ tensor }, index) => ({ size: tensor.size, prices: prices[index]!, factor: factors[index]! })),
    count,
  )
  return weights.map((weight) => counts[taken.indexOf(weight)] ?? 0)
}

/** A layer as it would be with the share gone, and the squared error of its output. */
function trialOf(at: number, weight: Weight, rows: readonly Float32Array[], inputs: readonly Inputs[], ratio: number): Trial {
  const perGroup = rows.length / inputs.length
  let error = 0
  const pruned = inputs.flatMap((group, index) => {
    const part = rows.slice(index * perGroup, (index + 1) * perGroup)
    const swept = sweep(part, group, Math.floor(part.length * group.size * ratio))
    error += swept.errors.reduce((a, b) => a + b, 0)
    return swept.rows
  })
  const shifts = Float32Array.from(pruned, (row, index) => inputs[Math.floor(index / perGroup)]!.shift(rows[index]!, row))
  return { apply: (copy) => replace(copy.graph.nodes[at]!, weight, pruned, shifts), error }
}

/** Gives a layer other rows, and its bias what they shift the mean by. */
function replace(node: Node, weight: Weight, rows: readonly Float32Array[], shifts: Float32Array): Float32Array {
  const elements = elementsOf(weight, rows)
  node.graph.setTensor(node.inputs[1]!, Tensor.float32(weight.tensor.dims, elements))
  addBias(node, shifts)
  return elements
}

async function pruneLayer(model: Model, original: Model, weight: Weight, remove: Removal, context: Context, report: Report): Promise<void> {
  const { node, value, tensor } = weight
  const centered = takesBias(weight.node)
  const moments = await collectPrefix(model, original, model.graph.nodes.indexOf(node), context)
  const groups = moments.map((group) => fittedInputs(group, centered))
  const rows = rowsOf(weight)
  const groupOf = (row: number): (typeof groups)[number] => groups[Math.floor((row * groups.length) / rows.length)]!
  const fitted = rows.map((row, at) => groupOf(at).fitted(row))
  const pruned = remove(
    fitted,
    groups.map(({ inputs }) => inputs),
  )
  const shifts = Float32Array.from(pruned, (row, at) => groupOf(at).shift(rows[at]!, row))
  const elements = replace(node, weight, pruned, shifts)
  const zeros = elements.reduce((sum, item) => sum + (item === 0 ? 1 : 0), 0)
  report.changed.push({ at: value.name, what: `${zeros} of ${tensor.size} weights are zero, the others make up for them` })
}
