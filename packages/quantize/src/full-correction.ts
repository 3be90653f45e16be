import { type Context, type Model, type Node, type Report, Tensor, type Value, removeUnused } from '@whittle/ir'
import { addBias } from '@whittle/statistics'
import { calibrationOf } from './calibrate.ts'

/** Samples over which means are taken: a mean over all positions of a few samples is steady. */
const SAMPLES = 16

/**
 * Bias correction on the quantized prefix (Finkelstein et al. 2019; Nagel et al. 2019, appendix D): layer by layer from the inputs on, the bias takes up
 * what rounding did to the mean of each output channel, with all layers before it rounded and corrected already. Layers between which there
 * is no path are corrected in one run.
 * @param original the model before its weights were rounded, whose values have the same names.
 * @throws {DatasetError} without calibration data or an engine.
 */
export async function correctBiases(model: Model, original: Model, context: Context, report: Report): Promise<void> {
  const levels = levelsOf(model)
  const names = levels.flat().map(({ output }) => output.name)
  if (names.length === 0) return
  const wanted = await meansOf(original, names, context)
  let done = 0
  for (const level of levels) {
    context.signal?.throwIfAborted()
    const given = await meansOf(
      model,
      level.map(({ output }) => output.name),
      context,
    )
    for (const node of level) {
      const [mean, goal] = [given.get(node.output.name)!, wanted.get(node.output.name)!]
      const shift = goal.map((item, channel) => item - mean[channel]!)
      if (shift.every(Number.isFinite)) addBias(node, shift)
    }
    context.onProgress?.({ step: 'correcting biases', done: ++done, total: levels.length })
  }
  report.changed.push({
    at: 'graph',
    what: `the shift of the mean is taken out of the bias of ${names.length} layers, one behind the other`,
  })
}

/** The nodes with a rounded kernel that can have a bias, by how many such nodes are before them. */
function levelsOf(model: Model): Node[][] {
  const depths = new Map<Value, number>()
  const levels: Node[][] = []
  for (const node of model.graph.nodes) {
    let depth = 0
    for (const value of node.inputs) depth = Math.max(depth, (value && depths.get(value)) ?? 0)
    if (isCorrected(node)) (levels[depth++] ??= []).push(node)
    for (const output of node.outputs) if (output) depths.set(output, depth)
  }
  return levels
}

function isCorrected(node: Node): boolean {
  const kernel = node.inputs[1]
  return ['Conv', 'ConvTranspose', 'Gemm'].includes(node.type) && kernel?.tensor !== undefined && kernel.quantization !== undefined
}

/** The mean of each output channel over the first samples, by the output's name. */
async function meansOf(model: Model, names: readonly string[], context: Context): Promise<Map<string, Float32Array>> {
  const { engine, calibration } = calibrationOf(context)
  const { probe, plan } = probeOf(model, new Set(names))
  const sums = new Map<string, Float64Array>()
  const session = await engine.open(probe)
  let count = 0
  try {
    for await (const { inputs } of calibration.samples()) {
      const outputs = await session.run(inputs)
      for (const [name, mean] of plan) {
        const means = outputs[mean]!.toFloat32()
        const sum = sums.get(name) ?? new Float64Array(means.length)
        means.forEach((item, channel) => (sum[channel]! += item))
        sums.set(name, sum)
      }
      if (++count === SAMPLES) break
    }
  } finally {
    await session.dispose()
  }
  return new Map([...sums].map(([name, sum]) => [name, Float32Array.from(sum, (item) => item / count)]))
}

/** A copy that ends at the means of the named values, and what those are called. */
function probeOf(model: Model, names: ReadonlySet<string>): { probe: Model; plan: Map<string, string> } {
  const probe = model.clone()
  const { graph } = probe
  const means: Value[] = []
  const plan = new Map<string, string>()
  for (const node of [...graph.nodes]) {
    const [output] = node.outputs
    if (!output || !names.has(output.name)) continue
    // Channels come second, in a Gemm as in a convolution; flattened, so that every rank is one case.
    const flat = graph.addNode({ op: 'Reshape', inputs: [output, graph.addInitializer('probe_shape', Tensor.int64([3], [0, 0, -1]))] })
    const axes = graph.addInitializer('probe_axes', Tensor.int64([2], [0, 2]))
    const mean = graph.addNode({
      op: 'ReduceMean',
      inputs: [flat.output, axes],
      attributes: { keepdims: 0 },
      outputs: [`${output.name}_mean`],
    })
    mean.output.elementType = 'float32'
    means.push(mean.output)
    plan.set(output.name, mean.output.name)
  }
  graph.setOutputs(means)
  removeUnused(graph)
  return { probe, plan }
}
