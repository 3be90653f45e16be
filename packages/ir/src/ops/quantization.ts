import type { Node } from '../graph.ts'
import { fixedShape } from './dim.ts'
import { typeAttribute } from './elementwise.ts'
import type { Facts, OpRow } from './row.ts'
import { broadcast, elementsOf, expectSame } from './rules.ts'

/** Ops that change the number format, and products of weights of few bits. */

/** Scales and zero points are not weights: they follow from them. */
function inferQuantize(node: Node, facts: Facts): void {
  const stated = node.int('output_dtype', 0) !== 0
  const type = stated ? typeAttribute(node, 'output_dtype') : node.inputs[2] ? facts.type(2) : 'uint8'
  facts.set(0, type, facts.shape(0))
}

function inferDequantize(_node: Node, facts: Facts): void {
  facts.set(0, facts.type(1), facts.shape(0))
}

function inferMatMulNBits(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  const [k, n] = [node.int('K'), node.int('N')]
  if (shape) expectSame('K and the last dimension', k, shape.at(-1), facts)
  facts.set(0, facts.type(0), shape && n !== undefined ? [...shape.slice(0, -1), n] : undefined)
}

const quantizedBinary = (type: string): OpRow => ({
  type,
  infer: (_node, facts) => facts.set(0, facts.type(0), broadcast(facts.shape(0), facts.shape(3), facts)),
})

export const quantizationRows: readonly OpRow[] = [
  { type: 'QuantizeLinear', infer: inferQuantize },
  { type: 'DequantizeLinear', infer: inferDequantize },
  {
    type: 'DynamicQuantizeLinear',
    infer(_node, facts) {
      facts.set(0, 'uint8', facts.shape(0))
      facts.set(1, 'float32', [])
      facts.set(2, 'uint8', [])
    },
  },
  { type: 'com.microsoft.QuantizeLinear', infer: inferQuantize },
  { type: 'com.microsoft.DequantizeLinear', infer: inferDequantize },
  quantizedBinary('com.microsoft.QLinearAdd'),
  quantizedBinary('com.microsoft.QLinearMul'),
  {
    // B is [N, blocks, bytes of a block]: its rows are output channels; its input channels are packed.
    type: 'com.microsoft.MatMulNBits',
    weights: [
      { input: 1, role: 'kernel', outputAxis: () => 0 },
      { input: 5, role: 'bias', outputAxis: () => 0 },
    ],
    infer: inferMatMulNBits,
    macs(node) {
      const outputs = elementsOf(node.outputs[0])
      const inner = fixedShape(node.inputs[0]?.shape)?.at(-1)
      return outputs === undefined || inner === undefined ? undefined : outputs * inner
    },
  },
]
