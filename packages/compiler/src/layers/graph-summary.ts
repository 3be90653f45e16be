import { type Graph, type Model, type Node, opRow } from '@whittle/ir'
import type { GraphNode, GraphSummary } from './layer.ts'

/** What a model's graph consists of. `Constant` nodes are none of its work and are left out. */
export function graphSummary(model: Model): GraphSummary {
  const nodes: GraphNode[] = []
  const visit = (graph: Graph): void => {
    for (const node of graph.nodes) {
      if (node.type === 'Constant') continue
      const { name } = node
      const dims = node.outputs.find(Boolean)?.shape
      nodes.push({ op: node.type, name, ...(dims ? { dims: [...dims] } : {}) })
      node.subgraphs.forEach(visit)
    }
  }
  visit(model.graph)
  return { nodes, ops: counted(nodes.map(({ op }) => op)) }
}

/** Of a program of the small runtime: its kernels, whose shapes are not in it. */
export function programSummary(kernels: readonly string[]): GraphSummary {
  return { nodes: kernels.map((op) => ({ op, name: '' })), ops: counted(kernels) }
}

function counted(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return Object.fromEntries([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)))
}

/** Whether a role of the op table is what a layer is called after: what it multiplies its data with, or looks up. */
export function kernelSlots(node: Node): readonly number[] {
  const slots = opRow(node)?.weights ?? []
  return slots.filter(({ role }) => role === 'kernel' || role === 'recurrent' || role === 'embedding').map(({ input }) => input)
}
