import { type Dim, type Node, constantOf, opRow } from '@whittle/ir'
import { isOwn } from './patterns.ts'
import type { SimplifyRule } from './rule.ts'

/** Two Transposes with nothing but elementwise nodes of one input between them become one, or none where the second undoes the first. */
export const transposes: SimplifyRule = {
  name: 'transposes',
  apply(model, report) {
    let changed = false
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        const found = node.type === 'Transpose' ? chainTo(node) : undefined
        if (!found) continue
        const at = node.describe()
        const what = merge(node, found.first, found.between)
        if (!what) continue
        report.changed.push({ at, what: `${what} ${found.first.describe()}` })
        changed = true
      }
    return changed
  },
}

/** The Transpose before a Transpose, and the nodes between them in their order; each is there for the next alone. */
function chainTo(node: Node): { first: Node; between: Node[] } | undefined {
  const between: Node[] = []
  for (let value = node.inputs[0]; value?.producer; value = value.producer.inputs[0]) {
    const { producer } = value
    // A Transpose with other readers stays for them.
    if (producer.type === 'Transpose' && between.length === 0) return { first: producer, between }
    if (!isOwn(value)) return undefined
    if (producer.type === 'Transpose') return { first: producer, between }
    if (!isUnary(producer)) return undefined
    between.unshift(producer)
  }
  return undefined
}

/** Whether a node computes each element of its first input by itself; what else it reads is one constant number each. */
function isUnary(node: Node): boolean {
  const row = opRow(node)
  if (!(row?.elementwise || node.type === 'Clip') || row?.deterministic === false || node.outputs.length !== 1 || !node.output.shape)
    return false
  const rank = node.inputs[0]?.shape?.length
  return node.inputs.slice(1).every((input) => {
    const constant = input && constantOf(input)
    return !input || (constant?.size === 1 && rank !== undefined && constant.dims.length <= Math.min(rank, 1))
  })
}

function merge(node: Node, first: Node, between: readonly Node[]): string | undefined {
  const { graph, output } = node
  const source = first.inputs[0]
  const [before, after] = [permOf(first), permOf(node)]
  if (!source || !before || !after || before.length !== after.length) return undefined
  const perm = after.map((axis) => before[axis]!)
  const undone = perm.every((axis, index) => axis === index)
  const last = between.at(-1)?.output ?? source
  if (undone && !graph.replaceUses(output, last)) return undefined
  if (between.length > 0) {
    graph.setInput(between[0]!, 0, source)
    for (const { output: inner } of between) inner.shape = untransposed(inner.shape!, before)
  }
  if (undone) {
    graph.removeNode(node)
    return 'undoes'
  }
  graph.setInput(node, 0, last)
  node.attributes.set('perm', { type: 'ints', value: perm })
  return 'became one with'
}

function permOf(node: Node): number[] | undefined {
  const rank = node.inputs[0]?.shape?.length
  return node.ints('perm') ?? (rank === undefined ? undefined : Array.from({ length: rank }, (_, axis) => rank - 1 - axis))
}

/** The shape that a Transpose by `perm` made this one of. */
function untransposed(shape: readonly Dim[], perm: readonly number[]): Dim[] {
  const before: Dim[] = []
  perm.forEach((axis, index) => (before[axis] = shape[index]!))
  return before
}
