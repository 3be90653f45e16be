import { ModelError } from './errors.ts'
import type { Graph, Node } from './graph.ts'
import { valuesRead } from './values-read.ts'

/** A graph's nodes in topological order, in their own where that is free. @throws {ModelError} naming a cycle's nodes. */
export function sortNodes({ name, nodes }: Graph): Node[] {
  const position = new Map(nodes.map((node, index) => [node, index]))
  const sources = (node: Node): Node[] => {
    const producers = new Set<Node>()
    for (const { producer } of valuesRead(node)) if (producer && position.has(producer)) producers.add(producer)
    return [...producers].sort((a, b) => position.get(a)! - position.get(b)!).reverse()
  }
  const sorted = new Set<Node>()
  for (const root of nodes) {
    if (sorted.has(root)) continue
    // Depth first, by hand: graphs are deeper than the call stack.
    const path = [root]
    const open = new Map([[root, sources(root)]])
    while (path.length > 0) {
      const node = path.at(-1)!
      const next = open.get(node)!.pop()
      if (!next) {
        sorted.add(node)
        open.delete(node)
        path.pop()
      } else if (open.has(next)) throw cycleError(name, path.slice(path.indexOf(next)))
      else if (!sorted.has(next)) {
        open.set(next, sources(next))
        path.push(next)
      }
    }
  }
  return [...sorted]
}

function cycleError(graph: string, cycle: readonly Node[]): ModelError {
  const names = cycle.map((node) => node.describe())
  const shown = names.length > 6 ? [...names.slice(0, 5), `${names.length - 5} more`] : names
  const what = names.length === 1 ? `${shown[0]} reads its own output` : `it goes through ${shown.join(', ')}`
  return new ModelError('GRAPH_CYCLE', `graph '${graph}' has a cycle: ${what}`)
}
