import { type Node, type Tensor, type Value, constantOf } from '@whittle/ir'
import type { SimplifyRule } from './rule.ts'

/** Why a node gives out its first input unchanged. */
type Identity = (node: Node) => string | undefined

const IDENTITIES: ReadonlyMap<string, Identity> = new Map(
  Object.entries<Identity>({
    Identity: () => 'an Identity',
    Dropout: (node) => {
      const training = node.inputs[2] && constantOf(node.inputs[2])
      const inference = !node.inputs[2] || (training && training.toNumbers()[0] === 0)
      return inference && unread(node.outputs[1]) ? 'a Dropout at inference' : undefined
    },
    Cast: (node) => {
      const input = node.inputs[0]
      return input?.elementType !== undefined && input.elementType === node.output.elementType ? 'a Cast to its own type' : undefined
    },
    Transpose: (node) => (node.ints('perm')?.every((axis, index) => axis === index) ? 'a Transpose that moves nothing' : undefined),
    Concat: (node) => (node.inputs.length === 1 ? 'a Concat of one' : undefined),
    Pad: (node) => (all(node.inputs[1], 0) ? 'a Pad of nothing' : undefined),
    Mul: (node) => (neutral(node, 1) ? 'a product with 1' : undefined),
    Div: (node) => (neutral(node, 1) ? 'a division by 1' : undefined),
    Add: (node) => (neutral(node, 0) ? 'a sum with 0' : undefined),
    Sub: (node) => (neutral(node, 0) ? 'a difference with 0' : undefined),
  }),
)

/** Nodes that give out their input unchanged are removed. */
export const identities: SimplifyRule = {
  name: 'identities',
  apply(model, report) {
    let changed = false
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        const why = IDENTITIES.get(node.type)?.(node)
        const input = node.inputs[0]
        if (!why || !input) continue
        const at = node.describe()
        if (!graph.replaceUses(node.output, input)) {
          report.skipped.push({ at, why: `${why}, kept since an output of the graph has to have its own name` })
          continue
        }
        graph.removeNode(node)
        report.changed.push({ at, what: `removed: ${why}` })
        changed = true
      }
    return changed
  },
}

function unread(value: Value | undefined): boolean {
  return !value || (value.uses.length === 0 && !value.isOutput)
}

function all(value: Value | undefined, number: number): boolean {
  const tensor = value && constantOf(value)
  return tensor !== undefined && tensor.type !== 'string' && tensor.toNumbers().every((item) => item === number)
}

/** Whether the second input is a constant that changes nothing and broadcasts to the first's shape. */
function neutral(node: Node, number: number): boolean {
  const constant: Tensor | undefined = node.inputs[1] && constantOf(node.inputs[1])
  const shape = node.inputs[0]?.shape
  // Of unknown rank, only a scalar is sure to fit.
  const offset = (shape?.length ?? 0) - (constant?.dims.length ?? 0)
  if (!constant || constant.size > 4096 || offset < 0) return false
  const fits = constant.dims.every((dim, axis) => dim === 1 || dim === shape![offset + axis])
  // x + 0 turns -0 into 0: equal for everything but a division by it.
  return fits && all(node.inputs[1], number)
}
