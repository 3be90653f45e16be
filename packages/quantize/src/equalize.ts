import type { Model, Report, Value } from '@whittle/ir'
import { type Link, type Side, isLayer, linkBehind, moveFactors, outputSide } from './channels.ts'

/** Rounds over all links; a chain of three layers is even after a handful. */
const MAX_ROUNDS = 50

/** The greatest change of a scale's logarithm that still counts. */
const TOLERANCE = 1e-4

/** A channel whose weights are smaller than this share of its layer's greatest is dead: made as large as the others, its bias would outgrow all. */
const DEAD = 1e-3

/** A link behind a layer. */
interface Pair extends Link {
  readonly producer: Side
}

/**
 * Cross-layer equalization (Nagel et al. 2019, "Data-free quantization through weight equalization and bias correction", section 4.1): where
 * only positively homogeneous ops are between two layers, channel i is divided by `s_i = sqrt(r1_i / r2_i)` in the first and multiplied by it in
 * the second, r being the greatest magnitude of the channel's weights in each. Then both have the same, and one scale for a whole kernel suits all.
 * Chains, depthwise convolutions among them, are gone over until nothing moves. In exact arithmetic the model's function stays the same.
 */
export function equalize(model: Model, report: Report): void {
  const links: Pair[] = []
  for (const node of model.nodes()) {
    const producer = outputSide(node)
    const link = linkBehind(node)
    if (typeof link !== 'string' && typeof producer !== 'string') links.push({ ...link, producer })
    else if (isLayer(node)) report.skipped.push({ at: node.describe(), why: `not equalized with the layers behind it: ${String(link)}` })
  }
  const weights = new Map<Value, Float64Array>()
  for (const { producer, consumers } of links)
    for (const { kernel } of [producer, ...consumers]) weights.set(kernel, Float64Array.from(kernel.tensor!.toFloat32()))
  const factors = equalizeWeights(links, weights)
  moveFactors(
    model,
    links.map((link, at) => ({ link, factors: factors[at]! })),
  )
  links.forEach(({ node, consumers }, at) => {
    const widest = factors[at]!.reduce((most, item) => Math.max(most, item, 1 / item), 1)
    const names = consumers.map((side) => side.node.describe()).join(', ')
    report.changed.push({ at: node.describe(), what: `equalized with ${names}, by up to ${widest.toPrecision(3)}` })
  })
}

/** Edits `weights` in place. @returns for each link what its channels were divided by. */
export function equalizeWeights(
  links: readonly Pick<Pair, 'producer' | 'consumers'>[],
  weights: ReadonlyMap<Value, Float64Array>,
): Float64Array[] {
  const factors = links.map(({ producer }) => new Float64Array(producer.channels).fill(1))
  const alive = links.map(({ producer, consumers }) => {
    const [first, second] = [rangesOf([producer], weights), rangesOf(consumers, weights)]
    const least = DEAD * first.reduce((a, b) => Math.max(a, b), 0)
    return first.map((range, channel) => (range > least && second[channel]! > 0 ? 1 : 0))
  })
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let moved = 0
    links.forEach(({ producer, consumers }, at) => {
      const scales = scalesOf(rangesOf([producer], weights), rangesOf(consumers, weights), alive[at]!)
      for (const scale of scales) moved = Math.max(moved, Math.abs(Math.log(scale)))
      multiply(producer, weights, (channel) => 1 / scales[channel]!)
      for (const side of consumers) multiply(side, weights, (channel) => scales[channel]!)
      scales.forEach((scale, channel) => (factors[at]![channel]! *= scale))
    })
    if (moved < TOLERANCE) break
  }
  return factors
}

/** Dead channels, and those that nobody reads, go with the mean of the others. */
function scalesOf(first: Float64Array, second: Float64Array, alive: Float64Array): Float64Array {
  const logarithms = first.map((range, channel) => (alive[channel] ? Math.log(range / second[channel]!) / 2 : 0))
  const count = alive.reduce((sum, item) => sum + item, 0)
  const mean = logarithms.reduce((sum, item) => sum + item, 0) / Math.max(1, count)
  return logarithms.map((item, channel) => Math.exp(alive[channel] ? item : mean))
}

/** The greatest magnitude of each channel, over all sides. */
function rangesOf(sides: readonly Side[], weights: ReadonlyMap<Value, Float64Array>): Float64Array {
  const ranges = new Float64Array(sides[0]!.channels)
  for (const { kernel, channelOf } of sides)
    weights.get(kernel)!.forEach((item, index) => {
      const channel = channelOf(index)
      ranges[channel] = Math.max(ranges[channel]!, Math.abs(item))
    })
  return ranges
}

function multiply({ kernel, channelOf }: Side, weights: ReadonlyMap<Value, Float64Array>, factor: (channel: number) => number): void {
  const data = weights.get(kernel)!
  for (let index = 0; index < data.length; index++) data[index]! *= factor(channelOf(index))
}
