import type { Graph } from '@whittle/ir'

/** Takes away nodes and constants that nobody reads; inputs stay. Subgraphs are only looked into for what they read. */
export function removeUnused(graph: Graph): void {
  for (const node of [...graph.nodes].reverse()) {
    for (const inner of node.subgraphs) removeUnused(inner)
    if (node.outputs.every((output) => !output || (output.uses.length === 0 && !output.isOutput))) graph.removeNode(node)
  }
  for (const value of [...graph.initializers]) if (value.uses.length === 0 && !value.isOutput) graph.removeInitializer(value)
}
