import { type Graph, ModelError, type Node, type Value, valuesRead } from '@whittle/ir'
import { isUsed } from './builder.ts'
import { ruleOf } from './rules/table.ts'

/** A node through which no gradient goes. */
export interface Frozen {
  at: string
  why: string
}

/** Where gradients flow. */
export interface Dependence {
  /** The nodes that gradients go through, in the graph's order. */
  nodes: Node[]
  /** The values that depend on `wrt`, as far as gradients go: `wrt` itself and what the nodes give. */
  live: Set<Value>
  frozen: Frozen[]
  /** The values that the loss depends on through nodes that have gradients. */
  reached: Set<Value>
  /** The values that depend on `wrt` in whatever way, and what froze the way to them. */
  barred: Map<Value, Set<string>>
}

/** Follows dependence from `wrt` to the loss. */
export function traceDependence(graph: Graph, loss: Value, wrt: ReadonlySet<Value>): Dependence {
  const behind = nodesBehind(graph, loss)
  const live = new Set<Value>(wrt)
  const nodes: Node[] = []
  const frozen: Frozen[] = []
  const tainted = new Set<Value>(wrt)
  for (const node of behind) {
    const read = [...valuesRead(node)].filter((value) => tainted.has(value))
    if (read.length === 0) continue
    for (const output of node.outputs) if (output) tainted.add(output)
    // Integers and truth values have no gradient, so nothing is lost with them.
    if (!node.outputs.some((output) => output && carries(output))) continue
    const why = whyFrozen(node, live)
    if (why === undefined) {
      nodes.push(node)
      for (const output of node.outputs) if (output && carries(output)) live.add(output)
    } else if (why !== '') frozen.push({ at: node.describe(), why })
  }
  const reached = reachedFrom(loss, nodes, live)
  const used = nodes.filter((node) => node.outputs.some((output) => output && reached.has(output)))
  for (const value of live) if (!reached.has(value)) live.delete(value)
  return { nodes: used, live, frozen, reached, barred: barriers(behind, new Set(nodes), wrt) }
}

/** Undefined where a gradient goes through; '' where nothing that has one comes in. */
function whyFrozen(node: Node, live: ReadonlySet<Value>): string | undefined {
  const rule = ruleOf(node.type)
  const incoming = [...valuesRead(node)].filter((value) => live.has(value))
  if (incoming.length === 0) return ''
  if (!rule) return `there is no gradient of ${node.type} here`
  const refused = rule.refuse?.(node)
  if (refused !== undefined) return refused
  const positions = node.inputs.flatMap((value, index) => (value && live.has(value) ? [index] : []))
  if (!positions.some((index) => rule.inputs?.includes(index) ?? true)) return `there is no gradient of its input ${positions[0]! + 1} here`
  if (!rule.everyOutput && node.outputs.some((output, index) => index > 0 && output && carries(output) && isUsed(node, index)))
    return 'an output other than its first is read'
  const halves = [...node.inputs, ...node.outputs].find((value) => value?.elementType === 'float16' || value?.elementType === 'float64')
  if (halves) return `it computes in ${halves.elementType}, and gradients are float32`
  if ([...node.inputs, ...node.outputs].some((value) => value && !value.shape))
    return 'the rank of a value that it reads or gives is not known'
  return undefined
}

/** Floats have gradients, and the integers that `QuantizeLinear` gives, which stand for floats. */
function carries(value: Value): boolean {
  return value.elementType === undefined || value.elementType.startsWith('float') || value.producer?.type === 'QuantizeLinear'
}

/** The nodes that a value depends on, in the graph's order. */
function nodesBehind(graph: Graph, value: Value): Node[] {
  const seen = new Set<Node>()
  const open = [value.producer]
  for (let node = open.pop(); open.length > 0 || node; node = open.pop()) {
    if (!node || seen.has(node)) continue
    seen.add(node)
    for (const read of valuesRead(node)) open.push(read.producer)
  }
  return graph.nodes.filter((node) => seen.has(node))
}

function reachedFrom(loss: Value, nodes: readonly Node[], live: ReadonlySet<Value>): Set<Value> {
  const reached = new Set<Value>(live.has(loss) ? [loss] : [])
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => output && reached.has(output))) continue
    const rule = ruleOf(node.type)!
    node.inputs.forEach((input, index) => input && live.has(input) && (rule.inputs?.includes(index) ?? true) && reached.add(input))
  }
  return reached
}

/** For each value of `wrt`, the nodes at which ways from it end. */
function barriers(behind: readonly Node[], open: ReadonlySet<Node>, wrt: ReadonlySet<Value>): Map<Value, Set<string>> {
  const barred = new Map<Value, Set<string>>()
  for (const value of wrt) {
    const from = new Set<Value>([value])
    const ends = new Set<string>()
    for (const node of behind) {
      const read = [...valuesRead(node)].filter((other) => from.has(other))
      if (read.length === 0) continue
      const rule = ruleOf(node.type)
      const passes =
        open.has(node) && node.inputs.some((input, index) => input && from.has(input) && (rule?.inputs?.includes(index) ?? true))
      if (passes) for (const output of node.outputs) if (output && carries(output)) from.add(output)
      if (!passes) ends.add(node.describe())
    }
    barred.set(value, ends)
  }
  return barred
}

/** @throws {ModelError} GRADIENT_UNREACHED naming what is in the way. */
export function refuseUnreached(value: Value, loss: Value, { reached, frozen, barred }: Dependence): void {
  if (reached.has(value)) return
  const ends = [...(barred.get(value) ?? [])]
  const reasons = new Map(frozen.map(({ at, why }) => [at, why]))
  const shown = ends.slice(0, 5).map((at) => (reasons.has(at) ? `${at} (${reasons.get(at)})` : at))
  throw new ModelError(
    'GRADIENT_UNREACHED',
    ends.length === 0
      ? `gradients: the loss '${loss.name}' does not depend on '${value.name}'; leave it out of wrt`
      : `gradients: no gradient reaches '${value.name}' from the loss '${loss.name}'; in the way: ${shown.join(', ')}; leave it out of wrt, or rewrite these nodes`,
  )
}
