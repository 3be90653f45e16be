import type { SimplifyRule } from './rule.ts'

/** Nodes and constants that no output depends on are removed. */
export const deadCode: SimplifyRule = {
  name: 'dead-code',
  apply(model, report) {
    let nodes = 0
    let initializers = 0
    for (const graph of model.graphs()) {
      for (const node of [...graph.nodes].reverse()) {
        if (node.outputs.some((output) => output && (output.uses.length > 0 || output.isOutput))) continue
        graph.removeNode(node)
        nodes++
      }
      for (const value of [...graph.initializers])
        if (value.uses.length === 0 && !value.isOutput && !value.isInput) {
          graph.removeInitializer(value)
          initializers++
        }
    }
    if (nodes > 0) report.changed.push({ at: 'graph', what: `${nodes} nodes that nobody reads removed` })
    if (initializers > 0) report.changed.push({ at: 'graph', what: `${initializers} constants that nobody reads removed` })
    return nodes + initializers > 0
  },
}
