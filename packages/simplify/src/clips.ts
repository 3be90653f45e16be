import { type Node, Tensor } from '@whittle/ir'
import { fuse, only, scalar } from './patterns.ts'
import type { SimplifyRule } from './rule.ts'

/** What a Relu or a Clip with constant bounds leaves through: `min(max(x, low), high)`. */
interface Bounds {
  low: number
  high: number
}

/** Two of Relu and Clip in a row become one, with the bounds that hold for both. */
export const clips: SimplifyRule = {
  name: 'clips',
  apply(model, report) {
    // Below 11 the bounds are attributes.
    if ((model.opsets.get('') ?? 0) < 11) return false
    let changed = false
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        const second = boundsOf(node)
        const before = second && (only(node.inputs[0], 'Relu') ?? only(node.inputs[0], 'Clip'))
        const first = before && boundsOf(before)
        if (!first || before.graph !== graph) continue
        const low = Math.max(first.low, second.low)
        const high = Math.min(Math.max(first.high, second.low), second.high)
        if (low > high) continue
        const at = node.describe()
        const what = `became one with ${before.describe()}: ${low} to ${high}`
        if (!replace(node, before, { low, high })) continue
        report.changed.push({ at, what })
        changed = true
      }
    return changed
  },
}

function replace(node: Node, before: Node, { low, high }: Bounds): boolean {
  const { graph, output } = node
  const isRelu = low === 0 && high === Infinity
  const bound = (name: string, number: number) =>
    Number.isFinite(number) ? graph.addInitializer(`${output.name}_${name}`, Tensor.float32([], [number])) : undefined
  return fuse(node, [before], () => ({
    op: isRelu ? 'Relu' : 'Clip',
    name: node.name,
    inputs: isRelu ? [before.inputs[0]] : trimmed([before.inputs[0], bound('min', low), bound('max', high)]),
  }))
}

function trimmed<T>(items: (T | undefined)[]): (T | undefined)[] {
  while (items.length > 0 && items.at(-1) === undefined) items.pop()
  return items
}

function boundsOf(node: Node): Bounds | undefined {
  if (node.inputs[0]?.elementType !== 'float32') return undefined
  if (node.type === 'Relu') return { low: 0, high: Infinity }
  if (node.type !== 'Clip') return undefined
  const low = node.inputs[1] ? scalar(node.inputs[1]) : -Infinity
  const high = node.inputs[2] ? scalar(node.inputs[2]) : Infinity
  return low !== undefined && high !== undefined && low <= high ? { low, high } : undefined
}
