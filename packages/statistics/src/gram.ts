import { type Context, DatasetError, type Model, type Node, type Tensor, type Value } from '@whittle/ir'
import { addProbe, addProbeConstant, inputRows } from './input-rows.ts'

/** Second moments of what a node's kernel is multiplied with, for one group of its channels. */
export interface Gram {
  /** Inputs of one output: input channels of the group times kernel taps, in the kernel's own order. */
  readonly size: number
  /** size x size: the covariance of the inputs, over all positions of all samples. */
  readonly covariance: Float64Array
  readonly mean: Float64Array
  /** Over how many positions of all samples the means are taken. */
  readonly positions: number
}

/** The second moments about zero: what is the covariance about the mean. */
export function aboutZero({ size, covariance, mean }: Gram): Float64Array {
  return covariance.map((item, at) => item + mean[Math.floor(at / size)]! * mean[at % size]!)
}

/** Why {@link collectGrams} cannot measure what a node's kernel is multiplied with; undefined where it can. */
export function whyNoGram(node: Node): string | undefined {
  const kernel = node.inputs[1]?.tensor
  if (!kernel) return 'its kernel is not an initializer'
  if (node.graph !== node.graph.model.graph) return 'it is inside a subgraph'
  if (node.type === 'Conv') return node.string('auto_pad', 'NOTSET') === 'NOTSET' ? undefined : 'its Conv has auto_pad'
  if (node.type === 'MatMul') return kernel.dims.length === 2 ? undefined : 'its kernel is no matrix'
  if (node.type === 'Gemm') return node.int('transA', 0) === 0 ? undefined : 'its Gemm has transA'
  return `${node.type} is not measured`
}

/**
 * Runs the model on all calibration samples and sums, inside the engine, the products of each node's inputs with themselves: what comes out
 * is as large as the kernels' input side, whatever the pictures' size.
 * @returns one Gram for each group of channels (one where there are no groups), by node.
 */
export async function collectGrams(model: Model, nodes: readonly Node[], context: Context): Promise<Map<Node, Gram[]>> {
  const { engine, calibration } = context
  if (!engine || !calibration)
    throw new DatasetError(
      'CALIBRATION_MISSING',
      'the statistics of layers need calibration data and an engine; give them, or take a method that needs none',
    )
  const probe = model.clone()
  const plan = attachProbes(model, probe, nodes)
  const sums = plan.map(() => undefined as undefined | { products: Float64Array; totals: Float64Array; count: number })
  const session = await engine.open(probe)
  let done = 0
  try {
    for await (const sample of calibration.samples()) {
      context.signal?.throwIfAborted()
      const outputs = await session.run(sample.inputs)
      plan.forEach(({ node, products, totals, count }, index) => {
        const sum = (sums[index] ??= {
          products: new Float64Array(outputs[products]!.size),
          totals: new Float64Array(outputs[totals]!.size),
          count: 0,
        })
        addTo(sum.products, outputs[products]!)
        addTo(sum.totals, outputs[totals]!)
        sum.count += Number(outputs[count]!.toNumbers()[0])
        // What is not finite in a row of inputs is not finite in its square and in their total.
        if (!sum.totals.every(Number.isFinite))
          throw new DatasetError(
            'CALIBRATION_NOT_FINITE',
            `sample ${done} of the calibration dataset '${calibration.key}' gives NaN or infinite inputs to ${node.describe()}; leave it out`,
          )
      })
      done++
      context.onProgress?.({ step: 'measuring inputs', done, total: calibration.length })
    }
  } finally {
    await session.dispose()
  }
  if (done === 0) throw new DatasetError('DATASET_EMPTY', `the calibration dataset '${calibration.key}' yields no samples`)
  return new Map(plan.map(({ node, groups, size }, index) => [node, gramsOf(sums[index]!, groups, size)]))
}

interface Probe {
  node: Node
  groups: number
  size: number
  products: string
  totals: string
  count: string
}

/** Gives `probe` (a copy of `model`) the sums as its only outputs. */
function attachProbes(model: Model, probe: Model, nodes: readonly Node[]): Probe[] {
  const copies = new Map(model.graph.nodes.map((node, index) => [node, probe.graph.nodes[index]!]))
  const outputs: Value[] = []
  const plan = nodes.map((node): Probe => {
    const copy = copies.get(node)!
    const { rows, groups, size } = inputRows(copy)
    const transposed = addProbe(probe.graph, 'Transpose', [rows], { perm: [0, 2, 1] })
    const products = addProbe(probe.graph, 'MatMul', [rows, transposed])
    const totals = addProbe(probe.graph, 'ReduceSum', [rows, addProbeConstant(probe.graph, [2])], { keepdims: 0 })
    const shape = addProbe(probe.graph, 'Shape', [rows], { start: 2, end: 3 })
    const count = addProbe(probe.graph, 'Cast', [shape], { to: 1 })
    products.elementType = totals.elementType = count.elementType = 'float32'
    outputs.push(products, totals, count)
    return { node, groups, size, products: products.name, totals: totals.name, count: count.name }
  })
  probe.graph.setOutputs(outputs)
  return plan
}

function addTo(sum: Float64Array, tensor: Tensor): void {
  const data = tensor.toFloat32()
  for (let index = 0; index < sum.length; index++) sum[index]! += data[index]!
}

function gramsOf(
  { products, totals, count }: { products: Float64Array; totals: Float64Array; count: number },
  groups: number,
  size: number,
): Gram[] {
  return Array.from({ length: groups }, (_, group) => {
    const mean = totals.slice(group * size, (group + 1) * size).map((total) => total / count)
    const covariance = products.slice(group * size * size, (group + 1) * size * size)
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) covariance[i * size + j] = covariance[i * size + j]! / count - mean[i]! * mean[j]!
    return { size, covariance, mean, positions: count }
  })
}
