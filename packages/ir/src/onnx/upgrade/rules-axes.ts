import { Tensor } from '../../tensor.ts'
import { type Rule, constant, intsToInput } from './context.ts'

/** Attributes that became inputs. */
const axesAt = (since: number): Rule => ({
  since,
  rewrite(node) {
    // An empty list meant all axes, as none does now.
    if (node.ints('axes')?.length === 0) node.attributes.delete('axes')
    intsToInput(node, 'axes', 1)
  },
})

const LATER_REDUCTIONS = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare']

export const axesRules: Readonly<Record<string, readonly Rule[]>> = {
  Squeeze: [axesAt(13)],
  Unsqueeze: [axesAt(13)],
  ReduceSum: [axesAt(13)],
  ...Object.fromEntries(LATER_REDUCTIONS.map((name) => [`Reduce${name}`, [axesAt(18)]])),

  Slice: [
    {
      since: 10,
      rewrite(node) {
        intsToInput(node, 'starts', 1)
        intsToInput(node, 'ends', 2)
        intsToInput(node, 'axes', 3)
      },
    },
  ],

  Split: [
    { since: 13, rewrite: (node) => intsToInput(node, 'split', 1) },
    {
      since: 18,
      // Without sizes, the number of outputs must be said.
      rewrite(node) {
        if (!node.inputs[1]) node.attributes.set('num_outputs', { type: 'int', value: node.outputs.length })
      },
    },
  ],

  TopK: [
    {
      since: 10,
      rewrite(node) {
        const k = node.int('k', 1)
        node.attributes.delete('k')
        node.graph.setInput(node, 1, constant(node, 'k', Tensor.int64([1], [k])))
      },
    },
  ],

  DFT: [
    {
      since: 20,
      // The default was 1 and is -2 now.
      rewrite(node) {
        const axis = node.int('axis', 1)
        node.attributes.delete('axis')
        node.graph.setInput(node, 2, constant(node, 'axis', Tensor.int64([], [axis])))
      },
    },
  ],
}
