import { type Dim, type Node, Tensor, constantOf, inferShapes } from '@whittle/ir'
import type { SimplifyRule } from './rule.ts'

/** `Shape` and `Size` of a value whose dimensions are all known become constants, and so does a part of a `Shape` that is known. */
export const knownShapes: SimplifyRule = {
  name: 'known-shapes',
  apply(model, report) {
    inferShapes(model)
    let changed = false
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        const tensor = knownOf(node)
        if (!tensor || node.output.isOutput) continue
        const at = node.describe()
        graph.replaceUses(node.output, graph.addInitializer(node.output.name, tensor))
        graph.removeNode(node)
        report.changed.push({ at, what: `became the constant [${tensor.toNumbers()}]` })
        changed = true
      }
    return changed
  },
}

/** What a node gives out, where it asks only for dimensions that are known. */
function knownOf(node: Node): Tensor | undefined {
  const shape = node.inputs[0]?.shape
  if (node.type === 'Shape') return shape && vector(shape.slice(node.int('start', 0), node.int('end', shape.length)))
  if (node.type === 'Size') return shape && scalar(shape)
  if (node.type === 'Gather' || node.type === 'Slice') return partOf(node)
  return undefined
}

/** Some dimensions of a Shape, of which others may be free. */
function partOf(node: Node): Tensor | undefined {
  const source = node.inputs[0]?.producer
  const dims = source?.type === 'Shape' ? source.inputs[0]?.shape : undefined
  if (!dims) return undefined
  const all = dims.slice(source!.int('start', 0), source!.int('end', dims.length))
  const [, first, second, axes, steps] = node.inputs
  const at = constantOf(first)
  if (!at) return undefined
  if (node.type === 'Gather') {
    const wanted = at.toNumbers().map((index) => all.at(index))
    const known = wanted.every((dim) => dim !== undefined) ? vector(wanted) : undefined
    return known && Tensor.int64(at.dims, known.toNumbers())
  }
  const end = constantOf(second)
  const isPlain = (!axes || constantOf(axes)?.toNumbers().join() === '0') && (!steps || constantOf(steps)?.toNumbers().join() === '1')
  return end && isPlain ? vector(all.slice(at.toNumbers()[0], end.toNumbers()[0])) : undefined
}

function vector(dims: readonly Dim[]): Tensor | undefined {
  return isFixed(dims) ? Tensor.int64([dims.length], dims) : undefined
}

function scalar(dims: readonly Dim[]): Tensor | undefined {
  return isFixed(dims) ? Tensor.int64([], [dims.reduce((a, b) => a * b, 1)]) : undefined
}

function isFixed(dims: readonly Dim[]): dims is readonly number[] {
  return dims.every((dim) => typeof dim === 'number')
}
