import { type Model, type Value } from '@whittle/ir'
import type { SimplifyRule } from './rule.ts'

/** Nodes and constants that no output depends on are removed. */
export const deadCode: SimplifyRule = {
  name: 'dead-code',
  apply(model, report) {
    const given = outputsOf(model)
    let nodes = 0
    let initializers = 0
    for (const graph of model.graphs()) {
      for (const node of [...graph.nodes].reverse()) {
        if (node.outputs.some((output) => output && (output.uses.length > 0 || given.has(output)))) continue
        graph.removeNode(node)
        nodes++
      }
      for (const value of [...graph.initializers])
        if (value.uses.length === 0 && !given.has(value) && !value.isInput) {
          graph.removeInitializer(value)
          initializers++
        }
    }
    if (nodes > 0) report.changed.push({ at: 'graph', what: `${nodes} nodes that nobody reads removed` })
    if (initializers > 0) report.changed.push({ at: 'graph', what: `${initializers} constants that nobody reads removed` })
    return nodes + initializers > 0
  },
}

/** What any graph gives out; a subgraph may give out a value of the graphs around it. */
function outputsOf(model: Model): Set<Value> {
  const outputs = new Set<Value>()
  for (const graph of model.graphs()) for (const output of graph.outputs) outputs.add(output)
  return outputs
}
