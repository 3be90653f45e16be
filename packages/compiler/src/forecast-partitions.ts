import { type Node, valuesRead } from '@whittle/ir'

/** On the provider; on the CPU; or on the CPU with nothing to wait for: what it reads was never on the provider. */
export type Side = 'provider' | 'cpu' | 'free'

/**
 * In how many stretches the nodes of a graph that a provider runs are run by it: each is as long as it can be without waiting for a node of the
 * CPU. The same as onnxruntime's `utils::CreateSupportedPartitions`: what stands apart is in one stretch, and a node of the CPU ends a
 * stretch only where it reads what the stretch gives.
 * @param nodes in topological order; those of other graphs are not looked at.
 */
export function countPartitions(nodes: readonly Node[], sideOf: (node: Node) => Side): number {
  const readers = new Map<Node, Node[]>()
  const waitsFor = new Map<Node, number>()
  const own = new Set(nodes)
  for (const node of nodes) {
    const producers = new Set([...valuesRead(node)].flatMap(({ producer }) => (producer && own.has(producer) ? [producer] : [])))
    waitsFor.set(node, producers.size)
    for (const producer of producers) readers.set(producer, [...(readers.get(producer) ?? []), node])
  }
  let ready = nodes.filter((node) => waitsFor.get(node) === 0)
  let count = 0
  while (ready.length > 0) {
    /** Nodes of the CPU that read what this stretch gives. */
    const after: Node[] = []
    const border = new Set<Node>()
    let open = false
    for (let node = ready.shift(); node; node = ready.shift()) {
      const side = sideOf(node)
      if (side === 'cpu' && border.has(node)) {
        after.push(node)
        continue
      }
      open ||= side === 'provider'
      for (const reader of readers.get(node) ?? []) {
        if (side === 'provider') border.add(reader)
        const left = waitsFor.get(reader)! - 1
        waitsFor.set(reader, left)
        if (left === 0) ready.push(reader)
      }
    }
    if (open) count++
    ready = after
  }
  return count
}
