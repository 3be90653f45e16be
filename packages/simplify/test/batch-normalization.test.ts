import { Tensor, type Value, compress } from '@whittle/ir'
import { simplify } from '@whittle/simplify'
import { type GraphBuilder, blocks, buildModel, models } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule, context } from './harness.ts'

const apply = (model: ReturnType<typeof buildModel>): ReturnType<typeof applyRule> => applyRule('batch-normalization', model)

/** One layer and a BatchNormalization behind it. */
const behind = (
  shape: (number | string)[],
  channels: number,
  layer: (b: GraphBuilder, x: Value) => Value,
  more?: (b: GraphBuilder, middle: Value, end: Value) => void,
): ReturnType<typeof buildModel> =>
  buildModel((b) => {
    const middle = layer(b, b.input('x', shape))
    const end = blocks.batchNorm(b, middle, channels)
    b.output(end, 'y')
    more?.(b, middle, end)
  })

const statistics = (b: GraphBuilder, channels: number, variance: number): Value[] => [
  b.weight('scale', [channels], 1),
  b.weight('shift', [channels], 1),
  b.weight('mean', [channels], 1),
  b.constant('variance', Tensor.float32([channels], new Float32Array(channels).fill(variance))),
]

describe('goes into the layer before it', () => {
  const layers: Record<string, [(number | string)[], number, (b: GraphBuilder, x: Value) => Value]> = {
    'a Conv without bias': [['N', 3, 5, 5], 4, (b, x) => b.node('Conv', [x, b.weight('w', [4, 3, 3, 3])])],
    'a Conv with bias': [['N', 3, 5, 5], 4, (b, x) => b.node('Conv', [x, b.weight('w', [4, 3, 3, 3]), b.weight('b', [4], 1)])],
    'a Conv in one dimension': [['N', 3, 9], 4, (b, x) => b.node('Conv', [x, b.weight('w', [4, 3, 3])])],
    'a depthwise Conv': [['N', 4, 5, 5], 4, (b, x) => b.node('Conv', [x, b.weight('w', [4, 1, 3, 3])], { group: 4 })],
    'a ConvTranspose': [['N', 3, 5, 5], 4, (b, x) => b.node('ConvTranspose', [x, b.weight('w', [3, 4, 3, 3])])],
    'a Gemm': [['N', 3], 4, (b, x) => b.node('Gemm', [x, b.weight('w', [3, 4]), b.weight('b', [4], 1)])],
    'a square Gemm': [['N', 4], 4, (b, x) => b.node('Gemm', [x, b.weight('w', [4, 4])])],
    'a Gemm with its kernel transposed': [['N', 4], 4, (b, x) => b.node('Gemm', [x, b.weight('w', [4, 4])], { transB: 1 })],
  }
  test.each(Object.keys(layers))('%s', async (key) => {
    const [shape, channels, layer] = layers[key]!
    const { model, report, ops } = await apply(behind(shape, channels, layer))
    expect(ops).toHaveLength(1)
    expect(report.changed).toEqual([{ at: expect.stringContaining('BatchNormalization'), what: 'folded into the node before it' }])
    expect(model.graph.outputs[0]!.name).toBe('y')
  })
})

test.each<[string, (number | string)[], (b: GraphBuilder, x: Value) => Value]>([
  ['Conv', ['N', 3, 1, 1], (b, x) => b.node('Conv', [x, b.weight('w', [4, 3, 1, 1])])],
  ['MatMul of two matrices', ['N', 3], (b, x) => b.node('MatMul', [x, b.weight('w', [3, 4])])],
])('what it says of the output of a %s stays with the value: its bias, and its scale but for epsilon', async (_, shape, layer) => {
  const before = behind(shape, 4, layer)
  const { scale, shift, variance } = Object.fromEntries(
    (['scale', 'shift', 'mean', 'variance'] as const).map((name, at) => [
      name,
      before.graph.nodes.at(-1)!.inputs[1 + at]!.tensor!.toFloat32(),
    ]),
  ) as Record<string, Float32Array>
  const { model } = await compress(before, [simplify()], context())
  const { mean, deviation } = model.graph.outputs[0]!.distribution!
  expect([...mean]).toEqual([...shift!])
  deviation.forEach((item, at) => {
    const expected = Math.abs(scale![at]!) * Math.sqrt(variance![at]! / (variance![at]! + 1e-5))
    expect(item).toBeCloseTo(expected, 6)
  })
})

test('a kernel that two Convs share stays as it was for the other one', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', ['N', 4, 5, 5])
    const w = b.weight('w', [4, 4, 1, 1])
    const bias = b.weight('b', [4], 1)
    b.output(blocks.batchNorm(b, b.node('Conv', [x, w, bias]), 4), 'normal')
    b.output(b.node('Conv', [x, w, bias]), 'plain')
  })
  const { ops, model: after } = await apply(model)
  expect(ops).toEqual(['Conv', 'Conv'])
  expect([...after.graph.initializers].map((value) => value.name)).toEqual(expect.arrayContaining(['w', 'w_folded', 'b', 'b_folded']))
})

test('two BatchNormalizations that share statistics are both folded', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', ['N', 4, 5, 5])
    const shared = statistics(b, 4, 2)
    for (const name of ['y', 'z'])
      b.output(b.node('BatchNormalization', [b.node('Conv', [x, b.weight(`w_${name}`, [4, 4, 1, 1])]), ...shared]), name)
  })
  expect((await apply(model)).ops).toEqual(['Conv', 'Conv'])
})

test('a kernel that is an output of the model too keeps its numbers there', async () => {
  const model = behind(['N', 3, 5, 5], 4, (b, x) => {
    const w = b.weight('w', [4, 3, 3, 3])
    b.output(w, 'kernel')
    return b.node('Conv', [x, w])
  })
  expect((await apply(model)).ops).toEqual(['Conv'])
})

test('inside a branch of If, a Conv of the outer graph is left alone and one of the branch is folded', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', ['N', 4, 3, 3])
    const outer = b.node('Conv', [x, b.weight('w', [4, 4, 1, 1])])
    const condition = b.node('Greater', [b.node('ReduceSum', [x], { keepdims: 0 }), b.constant('zero', 0)])
    const y = b.branches(
      condition,
      (yes) => blocks.batchNorm(yes, outer, 4),
      (no) => blocks.batchNorm(no, no.node('Conv', [x, no.weight('inner', [4, 4, 1, 1])]), 4),
    )
    b.output(y, 'y')
  })
  const { ops, reasons } = await apply(model)
  expect(ops.filter((op) => op === 'BatchNormalization')).toHaveLength(1)
  expect(reasons).toEqual(['no Conv, ConvTranspose, Gemm or MatMul gives its input'])
})

test('with a MatMul of two matrices it becomes a Gemm', async () => {
  const { ops, report, model } = await apply(behind(['N', 3], 4, (b, x) => b.node('MatMul', [x, b.weight('w', [3, 4])])))
  expect(ops).toEqual(['Gemm'])
  expect(report.changed[0]!.what).toBe('folded into the node before it')
  expect(model.graph.outputs[0]).toMatchObject({ name: 'y', elementType: 'float32', shape: ['N', 4] })
})

describe('goes into the layer after it', () => {
  const before = (
    conv: (b: GraphBuilder, x: Value) => Value,
    more?: (b: GraphBuilder, middle: Value) => void,
  ): ReturnType<typeof buildModel> =>
    buildModel((b) => {
      const middle = blocks.batchNorm(b, b.node('Sigmoid', [b.input('x', ['N', 4, 5, 5])]), 4)
      b.output(conv(b, middle), 'y')
      more?.(b, middle)
    })
  const plain = (b: GraphBuilder, x: Value): Value => b.node('Conv', [x, b.weight('w', [6, 4, 3, 3]), b.weight('b', [6], 1)])
  test.each<[string, (b: GraphBuilder, x: Value) => Value]>([
    ['a Conv with bias', plain],
    ['a Conv without bias', (b, x) => b.node('Conv', [x, b.weight('w', [6, 4, 1, 1])], { auto_pad: 'VALID' })],
    ['a Conv with groups', (b, x) => b.node('Conv', [x, b.weight('w', [6, 2, 3, 2])], { group: 2, pads: [0, 0, 0, 0] })],
    [
      'two Convs with one kernel',
      (b, x) => {
        const w = b.weight('w', [6, 4, 3, 3])
        return b.node('Add', [b.node('Conv', [x, w]), b.node('Conv', [x, w], { strides: [1, 1] })])
      },
    ],
  ])('%s', async (_name, conv) => {
    const { ops, report } = await apply(before(conv))
    expect(ops).not.toContain('BatchNormalization')
    expect(report.changed[0]!.what).toBe('folded into the node after it')
  })

  test.each<[string, ReturnType<typeof buildModel>]>([
    ['not into a padded Conv', before((b, x) => b.node('Conv', [x, b.weight('w', [6, 4, 3, 3])], { pads: [0, 1, 0, 0] }))],
    ['not into a Conv with auto_pad', before((b, x) => b.node('Conv', [x, b.weight('w', [6, 4, 3, 3])], { auto_pad: 'SAME_LOWER' }))],
    ['not where another reads it', before(plain, (b, middle) => b.output(b.node('Neg', [middle]), 'z'))],
    ['not where it is an output', before(plain, (b, middle) => b.output(middle, 'z'))],
    ['not into a kernel that is an input', before((b, x) => b.node('Conv', [x, b.input('w', [6, 4, 3, 3])]))],
  ])('%s', async (_name, model) => {
    const { ops, reasons } = await apply(model)
    expect(ops).toContain('BatchNormalization')
    expect(reasons).toEqual(['no Conv, ConvTranspose, Gemm or MatMul gives its input'])
  })
})

describe('is left alone, with a reason, where', () => {
  const conv = (b: GraphBuilder, x: Value, name = 'w'): Value => b.node('Conv', [x, b.weight(name, [4, 4, 1, 1])])
  const shape = ['N', 4, 3, 3]
  const cases: Record<string, [() => ReturnType<typeof buildModel>, string]> = {
    'no layer is before it': [
      () => behind(shape, 4, (b, x) => b.node('Relu', [x])),
      'no Conv, ConvTranspose, Gemm or MatMul gives its input',
    ],
    'it reads an input of the model': [() => behind(shape, 4, (_, x) => x), 'no Conv, ConvTranspose, Gemm or MatMul gives its input'],
    'others read its input': [
      () => behind(shape, 4, conv, (b, middle) => b.output(b.node('Relu', [middle]), 'z')),
      'others read its input too',
    ],
    'its input is an output': [() => behind(shape, 4, conv, (b, middle) => b.output(middle, 'z')), 'others read its input too'],
    'its ConvTranspose has groups': [
      () => behind(shape, 4, (b, x) => b.node('ConvTranspose', [x, b.weight('w', [4, 2, 1, 1])], { group: 2 })),
      'its ConvTranspose has groups',
    ],
    'its Gemm has factors': [
      () => behind(['N', 4], 4, (b, x) => b.node('Gemm', [x, b.weight('w', [4, 4])], { alpha: 0.5 })),
      'its Gemm has factors',
    ],
    'the bias before it differs from row to row': [
      () => behind([4, 4], 4, (b, x) => b.node('Gemm', [x, b.weight('w', [4, 4]), b.weight('b', [4, 1], 1)])),
      'the bias before it has another size',
    ],
    'the bias before it is one number': [
      () => behind([4, 4], 4, (b, x) => b.node('Gemm', [x, b.weight('w', [4, 4]), b.weight('b', [1], 1)])),
      'the bias before it has another size',
    ],
    'its MatMul is of three axes': [
      () => behind(['N', 4, 3], 4, (b, x) => b.node('MatMul', [x, b.weight('w', [3, 4])])),
      'its MatMul is not known to be of two matrices',
    ],
    'its kernel is an input': [
      () => behind(shape, 4, (b, x) => b.node('Conv', [x, b.input('w', [4, 4, 1, 1])])),
      'its parameters are not constants',
    ],
    'its variance is 0 and epsilon too': [
      () =>
        buildModel((b) => {
          const attributes = { epsilon: { type: 'float', value: 0 } } as const
          const zeroed = b.node('Mul', [conv(b, b.input('x', shape)), b.constant('nothing', 0)])
          b.output(b.node('Relu', [zeroed]), 'y')
          b.output(b.node('BatchNormalization', [conv(b, zeroed, 'v'), ...statistics(b, 4, 0)], attributes), 'z')
        }),
      'folding it would overflow',
    ],
    'its kernel would overflow': [
      () =>
        buildModel((b) => {
          const small = b.constant('tiny', Tensor.float32([1, 1, 1, 1], [1e30]))
          const parameters = ['scale', 'shift', 'mean', 'variance'].map((name) => b.constant(name, [name === 'scale' ? 1e30 : 0]))
          const x = b.node('Mul', [b.input('x', ['N', 1, 3, 3]), b.constant('nothing', 0)])
          b.output(b.node('BatchNormalization', [b.node('Conv', [x, small]), ...parameters]), 'y')
        }),
      'folding it would overflow',
    ],
  }
  test.each(Object.keys(cases))('%s', async (key) => {
    const [make, why] = cases[key]!
    const model = make()
    const { ops, reasons, report } = await apply(model)
    expect(reasons).toEqual([why])
    expect(report.changed).toEqual([])
    expect(ops).toContain('BatchNormalization')
  })

  test('it is in training mode', async () => {
    const model = models.convBnRelu()
    const node = [...model.nodes()].find(({ op }) => op === 'BatchNormalization')!
    node.attributes.set('training_mode', { type: 'int', value: 1 })
    const { reports } = await compress(model, [simplify()], context())
    expect(reports[0]!.skipped).toEqual([{ at: node.describe(), why: 'it is in training mode' }])
  })

  test('two of them read one Conv', async () => {
    const model = buildModel((b) => {
      const middle = conv(b, b.input('x', shape))
      b.output(blocks.batchNorm(b, middle, 4), 'y')
      b.output(blocks.batchNorm(b, middle, 4), 'z')
    })
    const { ops, reasons } = await apply(model)
    expect(ops).toEqual(['Conv', 'BatchNormalization', 'BatchNormalization'])
    expect(reasons).toEqual(['others read its input too', 'others read its input too'])
  })
})
