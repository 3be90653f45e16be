import { type Attribute, type Graph, type Node, type Value, opRow } from '@whittle/ir'
import type { SimplifyRule } from './rule.ts'

/** Attributes of more bytes are not compared. */
const MAX_ATTRIBUTE_BYTES = 1024
/** How a compressed model stores its numbers: each reader keeps its own. */
const KEPT = new Set(['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear'])

/** Nodes that compute the same from the same inputs become the first of them, one in a graph around it included. */
export const commonSubexpressions: SimplifyRule = {
  name: 'common-subexpressions',
  apply(model, report) {
    const ids = new Map<Value, number>()
    const idOf = (value: Value): number => {
      let id = ids.get(value)
      if (id === undefined) ids.set(value, (id = ids.size))
      return id
    }
    let changed = false
    const visit = (graph: Graph, outer: ReadonlyMap<string, Node>[]): void => {
      const seen = new Map<string, Node>()
      const scopes = [seen, ...outer]
      for (const node of [...graph.nodes]) {
        for (const subgraph of node.subgraphs) visit(subgraph, scopes)
        const key = keyOf(node, idOf)
        if (key === undefined) continue
        const first = scopes.map((scope) => scope.get(key)).find((found) => found !== undefined)
        if (!first) seen.set(key, node)
        else if (merge(node, first)) {
          report.changed.push({ at: node.describe(), what: `computes the same as ${first.describe()}` })
          graph.removeNode(node)
          changed = true
        }
      }
    }
    visit(model.graph, [])
    return changed
  },
}

/** Makes all who read a node read another; true when nobody reads it any more. */
function merge(node: Node, first: Node): boolean {
  const pairs = node.outputs.map((output, index) => [output, first.outputs[index]] as const)
  if (pairs.some(([from, to]) => from && (!to || from.quantization !== to.quantization))) return false
  for (const [from, to] of pairs) if (from && !node.graph.replaceUses(from, to!)) return false
  return true
}

/** Equal for nodes that compute the same; undefined where that cannot be told. */
function keyOf(node: Node, idOf: (value: Value) => number): string | undefined {
  const row = opRow(node)
  if (!row || row.deterministic === false || KEPT.has(node.op) || node.inputs.length === 0) return undefined
  const parts = [node.type, node.inputs.map((input) => (input ? idOf(input) : '')).join()]
  for (const [name, attribute] of [...node.attributes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = textOf(attribute)
    if (text === undefined) return undefined
    parts.push(`${name}:${attribute.type}:${text}`)
  }
  return parts.join('\n')
}

function textOf(attribute: Attribute): string | undefined {
  switch (attribute.type) {
    case 'int':
    case 'float':
      return Object.is(attribute.value, -0) ? '-0' : String(attribute.value)
    case 'ints':
      return attribute.value.join()
    case 'floats':
      return attribute.value.map((item) => (Object.is(item, -0) ? '-0' : String(item))).join()
    case 'string':
    case 'strings':
      return JSON.stringify(attribute.value)
    case 'tensor': {
      const { type, dims, size } = attribute.value
      if (type === 'string' || size > MAX_ATTRIBUTE_BYTES / 16) return undefined
      return `${type}:${dims.join()}:${attribute.value.bytes().join()}`
    }
    default:
      return undefined
  }
}
