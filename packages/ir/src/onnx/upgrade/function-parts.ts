import type { AttributeProto, GraphProto, NodeProto, OperatorSetIdProto } from '../gen/onnx_pb.ts'

export function isOnnx(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx'
}

/** What a node calls, and what a function is called by. */
export function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([isOnnx(domain) ? '' : domain, name, overload])
}

/** The version of ai.onnx. */
export function versionOf(opsets: readonly OperatorSetIdProto[]): number | undefined {
  const found = opsets.find(({ domain }) => isOnnx(domain))
  return found && Number(found.version)
}

/** Nodes, and those of their subgraphs. */
export function nodesOf(nodes: readonly NodeProto[]): NodeProto[] {
  return nodes.flatMap((node) => [node, ...subgraphsOf(node).flatMap((graph) => nodesOf(graph.node))])
}

function subgraphsOf(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs))
}

/** Every name that a graph and its subgraphs define. */
export function definedIn(graph: GraphProto, names = new Set<string>()): Set<string> {
  for (const { name } of [...graph.input, ...graph.initializer]) names.add(name)
  for (const { values } of graph.sparseInitializer) if (values) names.add(values.name)
  for (const node of graph.node) {
    for (const name of node.output) names.add(name)
    for (const inner of subgraphsOf(node)) definedIn(inner, names)
  }
  return names
}

/** About how much a copy takes: names by their length, lists by their items. Subgraphs' nodes are counted when they are copied. */
export function sizeOf(node: NodeProto): number {
  const characters = [...node.input, ...node.output, node.name].reduce((sum, name) => sum + name.length, 0)
  const attributes = node.attribute.reduce((sum, attribute) => sum + sizeOfAttribute(attribute), 0)
  const values = subgraphsOf(node).reduce((sum, { input, output, initializer, valueInfo }) => {
    const named = [...input, ...output, ...initializer, ...valueInfo]
    return sum + named.reduce((total, { name }) => total + 1 + name.length / 32, 0)
  }, 0)
  return 1 + node.input.length + node.output.length + characters / 32 + attributes + values
}

function sizeOfAttribute({ floats, ints, strings, tensors, t, graphs }: AttributeProto): number {
  const items = [...(t ? [t] : []), ...tensors].reduce(
    (sum, { dims, floatData, int32Data, int64Data, uint64Data, doubleData, stringData }) =>
      sum + [dims, floatData, int32Data, int64Data, uint64Data, doubleData, stringData].reduce((total, list) => total + list.length, 1),
    0,
  )
  return 1 + floats.length + ints.length + strings.length + graphs.length + items
}
