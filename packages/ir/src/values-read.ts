import type { Node, Value } from './graph.ts'

/** The values that a node reads, those that its subgraphs read from outside of them included. */
export function valuesRead(node: Node): Set<Value> {
  const read = new Set<Value>()
  for (const value of node.inputs) if (value) read.add(value)
  for (const graph of node.subgraphs) {
    for (const inner of graph.nodes) for (const value of valuesRead(inner)) if (value.graph !== graph) read.add(value)
    for (const output of graph.outputs) if (output.graph !== graph) read.add(output)
  }
  return read
}
