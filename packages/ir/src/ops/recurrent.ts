import type { Dim, Node } from '../graph.ts'
import { recurrentAxes } from './axes/recurrent.ts'
import type { Facts, OpRow } from './row.ts'
import { fixedShape } from './dim.ts'

/** Recurrent layers. W is `[directions, gates*H, I]`, R `[directions, gates*H, H]`, B `[directions, 2*gates*H]`. */

function inferRecurrent(node: Node, facts: Facts): void {
  const [input, recurrent] = [facts.shape(0), facts.shape(2)]
  const type = facts.type(0)
  const hidden: Dim | undefined = node.int('hidden_size') ?? recurrent?.[node.op === 'DynamicQuantizeLSTM' ? 1 : 2]
  const cell = node.op.endsWith('LSTM') ? [2] : []
  if (!input || hidden === undefined) return [0, 1, ...cell].forEach((output) => facts.set(output, type, undefined))
  if (input.length !== 3) facts.fail('the input must have rank 3')
  const directions = node.string('direction', 'forward') === 'bidirectional' ? 2 : 1
  const batchFirst = node.int('layout', 0) === 1
  const [steps, batch] = batchFirst ? [input[1]!, input[0]!] : [input[0]!, input[1]!]
  const state = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
  facts.set(0, type, batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden])
  for (const output of [1, ...cell]) facts.set(output, type, state)
}

/** Both products of every step; gates are in W and R. */
function macs(node: Node): number | undefined {
  const [input, w, r] = [0, 1, 2].map((index) => fixedShape(node.inputs[index]?.shape))
  if (!input || !w || !r) return undefined
  return input[0]! * input[1]! * w[0]! * w[1]! * (w[2]! + r[2]!)
}

const rows: readonly OpRow[] = ['LSTM', 'GRU', 'RNN'].map((type) => ({
  type,
  weights: [
    { input: 1, role: 'kernel', outputAxis: () => 1, inputAxis: () => 2 },
    { input: 2, role: 'recurrent', outputAxis: () => 1, inputAxis: () => 2 },
    { input: 3, role: 'bias', outputAxis: () => 1 },
    // The peepholes of an LSTM.
    ...(type === 'LSTM' ? [{ input: 7, role: 'scale', outputAxis: () => 1 } as const] : []),
  ],
  infer: inferRecurrent,
  macs,
  axes: recurrentAxes,
}))

export const recurrentRows: readonly OpRow[] = [
  ...rows,
  {
    // W is [directions, I, 4*H] and R [directions, H, 4*H] here, quantized.
    type: 'com.microsoft.DynamicQuantizeLSTM',
    weights: [
      { input: 1, role: 'kernel', outputAxis: () => 2, inputAxis: () => 1 },
      { input: 2, role: 'recurrent', outputAxis: () => 2, inputAxis: () => 1 },
      { input: 3, role: 'bias', outputAxis: () => 1 },
      { input: 7, role: 'scale', outputAxis: () => 1 },
    ],
    infer: inferRecurrent,
    macs(node) {
      const [input, w, r] = [0, 1, 2].map((index) => fixedShape(node.inputs[index]?.shape))
      return input && w && r && input[0]! * input[1]! * w[0]! * w[2]! * (w[1]! + r[1]!)
    },
  },
]
