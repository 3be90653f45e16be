import type { Node } from '../graph.ts'
import { poolAxes } from './axes/statistics.ts'
import type { Facts, OpRow } from './row.ts'
import { slide, slideBack } from './window.ts'

/** Poolings: windows that slide over the spatial axes, or cover them whole. */

function inferPool(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  const kernel = node.ints('kernel_shape')
  const result = shape && kernel && [...shape.slice(0, 2), ...slide(node, shape.slice(2), kernel, facts)]
  facts.set(0, facts.type(0), result)
  if (node.op === 'MaxPool') facts.set(1, 'int64', result)
}

/** MaxPool backwards: values go to the places that MaxPool's second output names. */
function inferUnpool(node: Node, facts: Facts): void {
  const [shape, kernel] = [facts.shape(0), node.ints('kernel_shape')]
  if (node.inputs[2]) return facts.set(0, facts.type(0), facts.content(2) ?? shape?.map((_, axis) => facts.fresh(0, axis)))
  facts.set(0, facts.type(0), shape && kernel && [...shape.slice(0, 2), ...slideBack(node, shape.slice(2), kernel)])
}

function inferGlobal(_node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  facts.set(
    0,
    facts.type(0),
    shape?.map((dim, axis) => (axis < 2 ? dim : 1)),
  )
}

export const poolingRows: readonly OpRow[] = [
  ...['MaxPool', 'AveragePool', 'LpPool'].map((type): OpRow => ({ type, infer: inferPool, axes: poolAxes })),
  { type: 'MaxUnpool', infer: inferUnpool },
  ...['GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool'].map((type): OpRow => ({ type, infer: inferGlobal, axes: poolAxes })),
]
