import type { Graph, Node, Value } from './graph.ts'

/**
 * Takes away nodes and constants that nobody reads; inputs stay. Subgraphs are only looked into for what they read.
 * @param among which nodes and initializers may go; all by default.
 */
export function removeUnused(graph: Graph, among: (item: Node | Value) => boolean = () => true): void {
  for (const node of [...graph.nodes].reverse()) {
    for (const inner of node.subgraphs) removeUnused(inner, among)
    if (among(node) && node.outputs.every((output) => !output || (output.uses.length === 0 && !output.isOutput))) graph.removeNode(node)
  }
  for (const value of [...graph.initializers])
    if (among(value) && value.uses.length === 0 && !value.isOutput && !value.isInput) graph.removeInitializer(value)
}
