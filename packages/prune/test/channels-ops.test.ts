import { type Model, Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { expectRemoval } from './removal.ts'

/** What stands between two convolutions: of 8 channels, `[2, 8, 4, 4]`; gives channels, as many as it says. */
type Between = (b: GraphBuilder, x: Value) => Value | [Value, channels: number]

const ints = (b: GraphBuilder, values: readonly number[]): Value => b.constant('ints', b.int64(values))

const FREE: Record<string, Between> = {
  Tile: (b, x) => b.node('Tile', [x, ints(b, [1, 1, 2, 1])]),
  Trilu: (b, x) => b.node('Trilu', [x]),
  CumSum: (b, x) => b.node('CumSum', [x, b.constant('axis', Tensor.int64([], [3]))]),
  Softmax: (b, x) => b.node('Softmax', [x], { axis: 2 }),
  LpNormalization: (b, x) => b.node('LpNormalization', [x], { axis: 3, p: 2 }),
  MeanVarianceNormalization: (b, x) =>
    b.node('MeanVarianceNormalization', [b.node('Add', [x, b.weight('pixels', [4, 4], 1)])], { axes: [0, 2, 3] }),
  Dropout: (b, x) => b.node('Dropout', [x]),
  Clip: (b, x) => b.node('Clip', [x, b.constant('low', 0), b.constant('high', 1)]),
  Where: (b, x) =>
    b.node('Where', [b.node('Greater', [x, b.constant('zero', 0)]), x, b.node('Mul', [x, b.weight('leak', [8, 1, 1], 0.1)])]),
  'Resize to sizes': (b, x) => b.node('Resize', [x, undefined, undefined, ints(b, [2, 8, 6, 6])], { mode: 'nearest' }),
  'Resize of some axes': (b, x) => b.node('Resize', [x, undefined, b.constant('scales', [2, 2])], { axes: [2, 3], mode: 'linear' }),
  'Slice of two axes': (b, x) => [b.node('Slice', [x, ints(b, [2, 1]), ints(b, [-1, 4]), ints(b, [1, 3])]), 5],
  'Slice backwards over pixels': (b, x) => b.node('Slice', [x, ints(b, [-1]), ints(b, [-(2 ** 31)]), ints(b, [2]), ints(b, [-1])]),
  'Gather of one': (b, x) => [
    b.node('Unsqueeze', [b.node('Gather', [x, b.constant('at', Tensor.int64([], [-2]))], { axis: 1 }), ints(b, [1])]),
    1,
  ],
  'Gather twice the same': (b, x) => [b.node('Gather', [x, ints(b, [0, 3, 3, 7])], { axis: 1 }), 4],
  'Split of three': (b, x) => {
    const parts = b.nodes('Split', [x, ints(b, [2, 3, 3])], { axis: 1 }, { outputs: ['one', 'two', 'three'] })
    return [b.node('Concat', [parts[2]!, parts[0]!], { axis: 1 }), 5]
  },
  Expand: (b, x) => b.node('Mul', [x, b.node('Expand', [b.weight('one', [1, 1, 4, 4], 1), ints(b, [2, 8, 4, 4])])]),
  'Pad of pixels': (b, x) => b.node('Pad', [x, ints(b, [0, 0, 1, 1, 0, 0, 1, 1])], { mode: 'reflect' }),
  'Pad of an axis': (b, x) => [b.node('Pad', [x, ints(b, [1, 2]), b.constant('zero', 0), ints(b, [-3])]), 11],
  GridSample: (b, x) => b.node('GridSample', [x, b.weight('grid', [2, 3, 3, 2], 0.5)]),
  MaxPool: (b, x) => b.node('MaxPool', [x], { kernel_shape: [2, 2] }),
  GlobalMaxPool: (b, x) => b.node('GlobalMaxPool', [x]),
  'ReduceMax over pixels': (b, x) => b.node('ReduceMax', [x, ints(b, [-1])]),
  'a product of what two layers give': (b, x) => {
    // [2, 4, 4] of products over the channels.
    const flat = b.node('Reshape', [x, ints(b, [2, 8, 16])])
    const scores = b.node('Softmax', [b.node('MatMul', [b.node('Transpose', [flat], { perm: [0, 2, 1] }), flat])])
    return b.node('Reshape', [b.node('MatMul', [flat, scores]), ints(b, [0, 0, 4, -1])])
  },
  Einsum: (b, x) => [b.node('Einsum', [x, b.weight('mix', [8, 6], 0.3)], { equation: 'nchw,ck->nkhw' }), 6],
  'a batch of products': (b, x) => b.node('MatMul', [x, b.weight('each', [8, 4, 4], 0.5)]),
  'Gemm read transposed': (b, x) => {
    const flat = b.node('Transpose', [b.node('Flatten', [b.node('GlobalAveragePool', [x])])])
    const y = b.node('Gemm', [flat, b.weight('t', [6, 8]), b.weight('c', [1, 6])], { transA: 1, transB: 1, alpha: 0.5, beta: 1.5 })
    return [b.node('Unsqueeze', [y, ints(b, [2, 3])]), 6]
  },
  'an If that reads them': (b, x) => {
    const positive = b.node('Greater', [b.node('ReduceSum', [b.graph.inputs[0]!], { keepdims: 0 }), b.constant('zero', 0)])
    const either = b.branches(
      positive,
      (yes) => yes.node('Conv', [x, yes.weight('yes', [4, 8, 1, 1])]),
      (no) => no.node('Conv', [x, no.weight('no', [4, 8, 1, 1])]),
    )
    return [either, 4]
  },
  'LSTM with states and peepholes': (b, x) =>
    recurrent(b, x, 'LSTM', 4, [b.weight('h', [1, 2, 6], 0.4), b.weight('c', [1, 2, 6], 0.4), b.weight('p', [1, 18], 0.3)]),
  'GRU with a state': (b, x) => recurrent(b, x, 'GRU', 3, [b.weight('h', [1, 2, 6], 0.4)], { linear_before_reset: 1 }),
  Shape: (b, x) => {
    // Only the pixels are asked for.
    const height = b.node('Gather', [b.node('Shape', [x]), ints(b, [2])])
    return b.node('Mul', [x, b.node('Cast', [height], { to: 1 })])
  },
}

/** Rows as steps, [4, 2, 8] to [4, 1, 2, 6]. */
function recurrent(
  b: GraphBuilder,
  x: Value,
  type: string,
  gates: number,
  states: Value[],
  attributes: Record<string, number> = {},
): [Value, number] {
  const steps = b.node('Transpose', [b.node('ReduceMean', [x, ints(b, [3])], { keepdims: 0 })], { perm: [2, 0, 1] })
  const weights = [b.weight('w', [1, gates * 6, 8], 0.4), b.weight('r', [1, gates * 6, 6], 0.4), b.weight('rb', [1, 2 * gates * 6], 0.3)]
  const y = b.node(type, [steps, ...weights, undefined, ...states], { hidden_size: 6, ...attributes })
  return [b.node('Transpose', [y], { perm: [2, 3, 0, 1] }), 6]
}

/** Here nothing of the first convolution can go. */
const STAYS: Record<string, Between> = {
  'a mean over channels': (b, x) => [b.node('ReduceMean', [x, ints(b, [1])]), 1],
  'Softmax over channels': (b, x) => b.node('Softmax', [x], { axis: 1 }),
  LRN: (b, x) => b.node('LRN', [x], { size: 3 }),
  'every second channel': (b, x) => [b.node('Slice', [x, ints(b, [0]), ints(b, [8]), ints(b, [1]), ints(b, [2])]), 4],
  'channels that are mirrored': (b, x) => [b.node('Pad', [x, ints(b, [0, 1, 0, 0, 0, 1, 0, 0])], { mode: 'reflect' }), 10],
  'a number of channels that is computed with': (b, x) => {
    const count = b.node('Cast', [b.node('Gather', [b.node('Shape', [x]), ints(b, [1])])], { to: 1 })
    return b.node('Div', [x, count])
  },
  'places of a pooling, which count through channels': (b, x) => {
    const [, places] = b.nodes('MaxPool', [x], { kernel_shape: [2, 2] }, { outputs: ['max', 'places'] })
    return b.node('Cast', [places!], { to: 1 })
  },
}

const model = (between: Between): Model =>
  buildModel((b) => {
    const x = b.node('Conv', [b.input('x', [2, 3, 4, 4]), b.weight('first_w', [8, 3, 1, 1]), b.weight('first_b', [8], 0.3)])
    const result = between(b, b.node('Tanh', [x]))
    const [value, channels] = Array.isArray(result) ? result : [result, 8]
    b.output(b.node('Conv', [value, b.weight('last_w', [3, channels, 1, 1])]), 'y')
  })

describe('channels go through', () => {
  test.each(Object.entries(FREE))('%s', async (name, between) => {
    let removed = 0
    for (let at = 0; at < 4; at++) {
      const given = model(between)
      await expectRemoval(given, `${name} ${at}`)
      removed += 8 - [...given.initializers()].find((value) => value.name === 'first_w')!.tensor!.dims[0]!
    }
    expect(removed).toBeGreaterThan(0)
  })
})

describe('channels stay for', () => {
  test.each(Object.entries(STAYS))('%s', async (name, between) => {
    for (let at = 0; at < 2; at++) expect(await expectRemoval(model(between), `${name} ${at}`)).toBe(0)
  })
})
