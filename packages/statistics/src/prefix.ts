import { type Context, DatasetError, type Model, type Node, type Value, removeUnused } from '@whittle/ir'
import { addProbe, addProbeConstant, inputRows } from './input-rows.ts'

/** Second moments of what a layer of a changed model is multiplied with, and of that with what the same layer of the original is. */
export interface PrefixMoments {
  /** Inputs of one output, as in a `Gram`. */
  readonly size: number
  /** size x size: mean of `x_i x_j` over all positions of all samples, x the changed model's inputs. Not centered. */
  readonly products: Float64Array
  /** Inputs of one output of the original's layer: more, where the changed model has fewer channels. */
  readonly originalSize: number
  /** originalSize x size: mean of `o_i x_j`, o the original's inputs. Not centered. */
  readonly cross: Float64Array
  readonly mean: Float64Array
  readonly originalMean: Float64Array
  readonly positions: number
}

/** The outputs of the second probe, in this order. */
const SUMS = ['products', 'cross', 'mean', 'originalMean', 'positions'] as const

/**
 * Runs both models on all calibration samples up to one layer. The original's inputs of that layer are given to the other's probe, and the
 * products are summed inside the engine.
 * @param model a changed copy of `original`, with the same nodes; it may have fewer channels.
 * @param at the layer's index among the nodes of both graphs; one that `whyNoGram` allows.
 * @returns one for each group of channels.
 * @throws {DatasetError} without calibration data or an engine, and where a sample gives inputs that are not finite.
 */
export async function collectPrefix(model: Model, original: Model, at: number, context: Context): Promise<PrefixMoments[]> {
  const { engine, calibration } = context
  if (!engine || !calibration) throw new DatasetError('CALIBRATION_MISSING', 'the statistics of layers need calibration data and an engine')
  let originalSize = 0
  const before = probeOf(original, at, (node) => {
    const rows = inputRows(node)
    originalSize = rows.size
    return [rows.rows]
  })
  let groups = 1
  let size = 0
  const after = probeOf(model, at, (node) => {
    const rows = inputRows(node)
    ;({ groups, size } = rows)
    return sumsOf(node, rows.rows, groups, originalSize)
  })
  const sums = SUMS.map(() => undefined as Float64Array | undefined)
  const session = await engine.open(before)
  const other = await engine.open(after)
  const [rowsName] = session.outputNames
  const rowsInput = other.inputNames.at(-1)!
  let done = 0
  try {
    for await (const { inputs } of calibration.samples()) {
      context.signal?.throwIfAborted()
      const outputs = await other.run({ ...inputs, [rowsInput]: (await session.run(inputs))[rowsName!]! })
      other.outputNames.forEach((name, index) => {
        const data = outputs[name]!.toFloat32()
        const sum = (sums[index] ??= new Float64Array(data.length))
        for (let item = 0; item < data.length; item++) sum[item]! += data[item]!
      })
      if (!sums[2]!.every(Number.isFinite) || !sums[3]!.every(Number.isFinite))
        throw new DatasetError(
          'CALIBRATION_NOT_FINITE',
          `sample ${done} of the calibration dataset '${calibration.key}' gives NaN or infinite inputs to ${model.graph.nodes[at]!.describe()}; leave it out`,
        )
      done++
    }
  } finally {
    await session.dispose()
    await other.dispose()
  }
  if (done === 0) throw new DatasetError('DATASET_EMPTY', `the calibration dataset '${calibration.key}' yields no samples`)
  const positions = sums[4]![0]!
  const part = (index: number, group: number, length: number): Float64Array =>
    sums[index]!.slice(group * length, (group + 1) * length).map((sum) => sum / positions)
  return Array.from({ length: groups }, (_, group) => ({
    size,
    products: part(0, group, size * size),
    originalSize,
    cross: part(1, group, originalSize * size),
    mean: part(2, group, size),
    originalMean: part(3, group, originalSize),
    positions,
  }))
}

/** What the second probe gives; its last input is [groups, size, positions] of the original. */
function sumsOf({ graph }: Node, rows: Value, groups: number, size: number): Value[] {
  const original = graph.addInput(graph.model.uniqueName('probe_original'), 'float32', [groups, size, 'probe_positions'])
  const transposed = addProbe(graph, 'Transpose', [rows], { perm: [0, 2, 1] })
  const total = (of: Value): Value => addProbe(graph, 'ReduceSum', [of, addProbeConstant(graph, [2])], { keepdims: 0 })
  const shape = addProbe(graph, 'Shape', [rows], { start: 2, end: 3 })
  return [
    addProbe(graph, 'MatMul', [rows, transposed]),
    addProbe(graph, 'MatMul', [original, transposed]),
    total(rows),
    total(original),
    addProbe(graph, 'Cast', [shape], { to: 1 }),
  ]
}

/** A copy that gives only what is added beside one of its nodes, and computes nothing else. */
function probeOf(model: Model, at: number, attach: (node: Node) => Value[]): Model {
  const probe = model.clone()
  const { graph } = probe
  const outputs = attach(graph.nodes[at]!)
  for (const output of outputs) output.elementType = 'float32'
  graph.setOutputs(outputs)
  removeUnused(graph)
  return probe
}
