import { ModelError } from './errors.ts'
import type { Graph, Value } from './graph.ts'

/** Copies a graph and those in its attributes into an empty one of another model. Tensors are shared. `values` maps what it may read from outside. */
export function copyGraph(from: Graph, to: Graph, values: Map<Value, Value>): void {
  const copyFacts = (source: Value, target: Value): void => {
    values.set(source, target)
    target.elementType = source.elementType
    target.shape = source.shape && [...source.shape]
    target.opaqueType = source.opaqueType
    target.quantization = source.quantization
    target.distribution = source.distribution
  }
  to.opaque = from.opaque
  for (const input of from.inputs) {
    const copy = to.addInput(input.name)
    if (input.tensor) to.setInputDefault(copy, input.tensor)
    copyFacts(input, copy)
  }
  for (const value of from.initializers) if (!values.has(value)) copyFacts(value, to.addInitializer(value.name, value.tensor!))
  for (const node of from.nodes) {
    const copy = to.addNode({
      op: node.op,
      domain: node.domain,
      name: node.name,
      inputs: node.inputs.map((input) => input && mapped(values, input)),
      outputs: node.outputs.map((output) => output?.name ?? ''),
    })
    copy.opaque = node.opaque
    node.outputs.forEach((output, index) => output && copyFacts(output, copy.outputs[index]!))
    for (const [key, attribute] of node.attributes) {
      const copySubgraph = (graph: Graph): Graph => {
        const subgraph = to.addSubgraph(copy, graph.name)
        copyGraph(graph, subgraph, values)
        return subgraph
      }
      if (attribute.type === 'graph') copy.attributes.set(key, { type: 'graph', value: copySubgraph(attribute.value) })
      else if (attribute.type === 'graphs') copy.attributes.set(key, { type: 'graphs', value: attribute.value.map(copySubgraph) })
      else copy.attributes.set(key, attribute)
    }
  }
  for (const output of from.outputs) to.addOutput(mapped(values, output))
}

function mapped(values: Map<Value, Value>, value: Value): Value {
  const copy = values.get(value)
  if (!copy) throw new ModelError('GRAPH_ORDER', `'${value.name}' is read before it is defined`)
  return copy
}
