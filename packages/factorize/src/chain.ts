import { type Model, type Node, type Weight, weightsOfNode } from '@whittle/ir'
import { product } from './form.ts'

/** The weight of a layer that this transform knows: a kernel, or the table of an embedding. */
export function layerWeight(node: Node): Weight | undefined {
  const [input, role] = node.type === 'Gather' ? [0, 'embedding'] : [1, 'kernel']
  return weightsOfNode(node).find((weight) => weight.input === input && weight.role === role && weight.outputAxis !== undefined)
}

/** Layers one right behind the other, of which each is narrower where they meet than it is otherwise: one layer of low rank. */
export interface Chain {
  readonly nodes: readonly Node[]
  /** Weights that it has, and that it would have as one layer. */
  readonly parameters: number
  readonly whole: number
}

/**
 * The layers that are of low rank already, as this transform leaves them, so that a second run finds them. A layer that is followed by another
 * without a bias or a function between is as good as factored, too.
 */
export function chainsOf(model: Model): Chain[] {
  const chains: Chain[] = []
  for (const node of model.nodes()) {
    if (!layerWeight(node) || linkBefore(node)) continue
    const nodes = [node]
    for (let next = linkAfter(node); next; next = linkAfter(next)) nodes.push(next)
    if (nodes.length > 1) chains.push({ nodes, ...sizesOf(nodes) })
  }
  return chains
}

function linkAfter(node: Node): Node | undefined {
  const [output] = node.outputs
  const next = output?.uses[0]?.node
  return next && linkBefore(next) === node ? next : undefined
}

/** The layer whose output this one alone reads, if nothing is between and what is between them is narrow. */
function linkBefore(node: Node): Node | undefined {
  const data = node.inputs[node.type === 'Gather' ? 1 : 0]
  const before = data?.producer
  if (node.type === 'Gather' || !before || data.uses.length !== 1 || data.isOutput || before.graph !== node.graph) return undefined
  if (before.inputs[2] && before.type !== 'Gather') return undefined
  const [first, second] = [layerWeight(before), layerWeight(node)]
  if (!first || !second || node.int('group', 1) !== 1 || before.int('group', 1) !== 1) return undefined
  const rank = first.tensor.dims[first.outputAxis!]!
  if (second.inputAxis === undefined || second.tensor.dims[second.inputAxis] !== rank) return undefined
  return rank < first.tensor.size / rank && rank < second.tensor.size / rank ? before : undefined
}

function sizesOf(nodes: readonly Node[]): { parameters: number; whole: number } {
  const weights = nodes.map((node) => layerWeight(node)!)
  const [first, last] = [weights[0]!, weights.at(-1)!]
  const extents = first.tensor.dims.slice(2).map((_, axis) => Math.max(...weights.map(({ tensor }) => tensor.dims[axis + 2] ?? 1)))
  return {
    parameters: weights.reduce((sum, { tensor }) => sum + tensor.size, 0),
    whole: first.tensor.dims[first.inputAxis!]! * last.tensor.dims[last.outputAxis!]! * product(extents),
  }
}
