import type { Graph, Tensor, Value } from '@whittle/ir'
import type { SimplifyRule } from './rule.ts'

/** Bytes at the start and at the end that stand for a tensor until two agree in them. */
const SAMPLE_BYTES = 64
/** Kept over the rounds, so that a tensor that stays in its file is read once. */
const samples = new WeakMap<Tensor, string>()

/** Constants that are equal in type, dims and bytes become the first of them, one of a graph around it included. */
export const duplicateInitializers: SimplifyRule = {
  name: 'duplicate-initializers',
  apply(model, report) {
    let merged = 0
    const visit = (graph: Graph, outer: readonly ReadonlyMap<string, Value[]>[]): void => {
      const seen = new Map<string, Value[]>()
      const scopes = [...outer, seen]
      const sizes = outer.length === 0 ? countShapes(model.initializers()) : undefined
      for (const value of [...graph.initializers]) {
        const tensor = value.tensor!
        if (value.isInput || tensor.type === 'string') continue
        // One of its kind has nothing to agree with, and is not read.
        if (sizes && sizes.get(shapeOf(tensor)) === 1) continue
        const key = `${shapeOf(tensor)}:${sampleOf(tensor)}`
        const first = scopes.flatMap((scope) => scope.get(key) ?? []).find((other) => isEqual(other, value))
        if (!first) seen.set(key, [...(seen.get(key) ?? []), value])
        else if (!graph.outputs.includes(value) && graph.replaceUses(value, first)) {
          graph.removeInitializer(value)
          merged++
        }
      }
      for (const node of graph.nodes) for (const subgraph of node.subgraphs) visit(subgraph, scopes)
    }
    visit(model.graph, [])
    if (merged > 0) report.changed.push({ at: 'graph', what: `${merged} constants became others that are equal` })
    return merged > 0
  },
}

function countShapes(values: Iterable<Value>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { tensor } of values) counts.set(shapeOf(tensor!), (counts.get(shapeOf(tensor!)) ?? 0) + 1)
  return counts
}

function shapeOf(tensor: Tensor): string {
  return `${tensor.type}[${tensor.dims}]`
}

function sampleOf(tensor: Tensor): string {
  let sample = samples.get(tensor)
  if (sample === undefined) {
    const bytes = tensor.peek()
    sample = `${bytes.subarray(0, SAMPLE_BYTES).join()}:${bytes.subarray(-SAMPLE_BYTES).join()}`
    samples.set(tensor, sample)
  }
  return sample
}

/** Annotations of a transform belong to one value: such a constant is like no other. */
function isEqual(a: Value, b: Value): boolean {
  if (a.quantization || b.quantization) return false
  if (a.tensor === b.tensor) return true
  const [one, other] = [a.tensor!.peek(), b.tensor!.peek()]
  // An element at a time: a method with a callback is many times slower on large weights.
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false
  return one.length === other.length
}
