import { type Context, DatasetError, type Model, type Report, Tensor, type Value } from '@whittle/ir'
import { type Link, type Side, isLayer, linkBehind, linkBehindScale, moveFactors } from './channels.ts'

/**
 * SmoothQuant (Xiao et al. 2023): channels of an activation that are far larger than others leave few levels of its grid for the rest. Channel j
 * is divided by `s_j = max|X_j|^alpha / max|W_j|^(1 - alpha)` where it is made, in the scale and bias of a normalization, a Mul or a layer, and
 * the weights that read it are multiplied by `s_j`: in exact arithmetic the model's function stays the same.
 * @param alpha 0 leaves all outliers in activations and 1 moves them all into weights; the paper takes 0.5.
 * @throws {DatasetError} without calibration data or an engine, and when the dataset yields nothing.
 */
export async function smoothActivations(model: Model, alpha: number, context: Context, report: Report): Promise<void> {
  const links: Link[] = []
  for (const node of model.graph.nodes) {
    const link = isLayer(node) ? linkBehind(node) : linkBehindScale(node)
    if (typeof link === 'object') links.push(link)
    else if (link !== undefined) report.skipped.push({ at: node.describe(), why: `not smoothed: ${link}` })
  }
  const greatest = await greatestOf(model, links, context)
  const moves = links.flatMap((link, at) => {
    const factors = smoothingFactors(greatest[at]!, greatestWeights(link.consumers), alpha)
    const name = link.node.describe()
    if (!factors) report.skipped.push({ at: name, why: 'not smoothed: it is NaN or infinite on the calibration data' })
    else report.changed.push({ at: name, what: `channels divided by ${span(factors)}, and the weights behind multiplied` })
    return factors ? [{ link, factors }] : []
  })
  moveFactors(model, moves)
}

/** @returns what each channel is divided by; undefined where an activation is not finite. */
export function smoothingFactors(activations: Float64Array, weights: Float64Array, alpha: number): Float64Array | undefined {
  if (!activations.every(Number.isFinite)) return undefined
  return activations.map((activation, channel) => {
    const weight = weights[channel]!
    return activation > 0 && weight > 0 ? activation ** alpha / weight ** (1 - alpha) : 1
  })
}

function span(factors: Float64Array): string {
  const [least, most] = [factors.reduce((a, b) => Math.min(a, b)), factors.reduce((a, b) => Math.max(a, b))]
  return `${least.toPrecision(3)} to ${most.toPrecision(3)}`
}

function greatestWeights(consumers: readonly Side[]): Float64Array {
  const greatest = new Float64Array(consumers[0]!.channels)
  for (const { kernel, channelOf } of consumers)
    kernel.tensor!.toFloat32().forEach((item, index) => {
      const channel = channelOf(index)
      greatest[channel] = Math.max(greatest[channel]!, Math.abs(item))
    })
  return greatest
}

/** The greatest magnitude of each channel that the layers of each link read. Found inside the engine: a number a channel comes out of it. */
async function greatestOf(
  model: Model,
  links: readonly Link[],
  { engine, calibration, signal, onProgress }: Context,
): Promise<Float64Array[]> {
  if (!engine || !calibration)
    throw new DatasetError('CALIBRATION_MISSING', "'smooth' needs calibration data and an engine; give them, or leave it out")
  const greatest = links.map(({ channels }) => new Float64Array(channels))
  if (links.length === 0) return greatest
  const { probe, names } = probeOf(model, links)
  const session = await engine.open(probe)
  let done = 0
  try {
    for await (const sample of calibration.samples()) {
      signal?.throwIfAborted()
      const outputs = await session.run(sample.inputs)
      names.forEach((list, at) => {
        for (const name of list)
          outputs[name]!.toFloat32().forEach((item, channel) => {
            greatest[at]![channel] = Math.max(greatest[at]![channel]!, item)
          })
      })
      done++
      onProgress?.({ step: 'measuring channels', done, total: calibration.length })
    }
  } finally {
    await session.dispose()
  }
  if (done === 0) throw new DatasetError('DATASET_EMPTY', `the calibration dataset '${calibration.key}' yields no samples`)
  return greatest
}

/** A copy of the model that gives the reductions alone; their names for each link. */
function probeOf(model: Model, links: readonly Link[]): { probe: Model; names: string[][] } {
  const probe = model.clone()
  const { graph } = probe
  const copies = new Map(model.graph.nodes.map((node, at) => [node, graph.nodes[at]!]))
  const outputs = new Map<Value, Value>()
  const names = links.map(({ consumers, channels }) =>
    consumers.map(({ node }) => {
      const value = copies.get(node)!.inputs[0]!
      const known = outputs.get(value)
      if (known) return known.name
      const constant = (items: number[]): Value => graph.addInitializer('probe_constant', Tensor.int64([items.length], items))
      const add = (op: string, inputs: Value[], attributes: Record<string, number | number[]> = {}): Value =>
        graph.addNode({ op, inputs, attributes, outputs: [`probe_${op}`] }).output
      const magnitude = add('Abs', [value])
      const isConv = node.type === 'Conv' || node.type === 'ConvTranspose'
      // [N, C, ...] -> [N, C, positions], or [..., C] -> [positions, C].
      const flat = add('Reshape', [magnitude, constant(isConv ? [0, channels, -1] : [-1, channels])])
      const reduced = add('ReduceMax', [flat, constant(isConv ? [0, 2] : [0])], { keepdims: 0 })
      reduced.elementType = 'float32'
      outputs.set(value, reduced)
      return reduced.name
    }),
  )
  graph.setOutputs([...outputs.values()])
  return { probe, names }
}
