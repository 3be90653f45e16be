import type { Context, Model, Node } from '@whittle/ir'
import { type Gram, collectGrams, whyNoGram } from '@whittle/statistics'
import type { Siblings } from './dependencies.ts'
import type { KernelAxis } from './kernel-axes.ts'
import { Reader } from './reader.ts'

/** Layers of more inputs are not measured: their moments grow with the square. */
const LARGEST = 4608

/** The order in which a set's components go, and what each costs when it does, which never falls. */
export interface RemovalOrder {
  readonly order: readonly number[]
  /** By component. */
  readonly scores: Float64Array
}

/**
 * The order in which channels are best removed on data: at each step that goes which adds least to the squared error of the outputs of the layers that read it, the
 * other channels making up for it (greedy optimal brain surgeon on groups of weights, as Kurtic et al. 2023, "ZipLM"; He et al. 2017, "Channel
 * pruning for accelerating very deep neural networks", choose by the same error).
 * @param least the share of a set up to which it is ordered so; the rest by what it costs then.
 * @returns for each set of which some layer can be measured.
 */
export async function removalOrders(
  model: Model,
  kernels: ReadonlyMap<Siblings, readonly KernelAxis[]>,
  least: number,
  context: Context,
): Promise<Map<Siblings, RemovalOrder>> {
  const measured = [...kernels].map(([set, axes]) => [set, axes.filter(isMeasured)] as const).filter(([, axes]) => axes.length > 0)
  const nodes = [...new Set(measured.flatMap(([, axes]) => axes.map(({ weight }) => weight.node)))]
  const grams = nodes.length > 0 ? await collectGrams(model, nodes, context) : new Map<Node, Gram[]>()
  const results = new Map<Siblings, RemovalOrder>()
  for (const [set, axes] of measured) {
    context.signal?.throwIfAborted()
    const readers = axes.map((axis) => new Reader(axis, grams.get(axis.weight.node)!))
    results.set(set, greedyOrder(set, readers, Math.ceil(set.components.length * least)))
    context.onProgress?.({ step: 'judging channels', done: results.size, total: measured.length })
  }
  return results
}

/** @param kept components after which to stop. */
export function greedyOrder({ components }: Siblings, readers: readonly Reader[], kept: number): RemovalOrder {
  const scores = new Float64Array(components.length)
  const order: number[] = []
  const left = new Set(components.keys())
  let price = 0
  const losses = (): [number, number][] =>
    [...left].map((at) => [at, readers.reduce((sum, reader) => sum + reader.loss(components[at]!), 0)] as [number, number]).sort((a, b) => a[1] - b[1] || a[0] - b[0]) // prettier-ignore
  while (left.size > kept) {
    const [at, loss] = losses()[0]!
    scores[at] = price = Math.max(price, loss)
    order.push(at)
    left.delete(at)
    for (const reader of readers) reader.remove(components[at]!)
  }
  for (const [at, loss] of losses()) {
    scores[at] = Math.max(price, loss)
    order.push(at)
  }
  return { order, scores }
}

function isMeasured({ weight, side }: KernelAxis): boolean {
  const { node, input, tensor, outputAxis } = weight
  if (side !== 'input' || input !== 1 || outputAxis === undefined || whyNoGram(node) !== undefined) return false
  return tensor.size / tensor.dims[outputAxis]! <= LARGEST && tensor.toFloat32().every(Number.isFinite)
}
