import { Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

type Build = (b: GraphBuilder, x: Value) => Value

/** A model whose input is `[N,3,5,5]` (or `dims`), through the rule; `applyRule` compares outputs in onnxruntime. */
async function ops(build: Build, dims: (string | number)[] = ['N', 3, 5, 5]): Promise<string[]> {
  const model = buildModel((b) => {
    b.output(build(b, b.input('x', dims)), 'y')
  })
  return (await applyRule('scale-shift', model)).ops
}

describe('before it', () => {
  test.each<[string, Build, (string | number)[]?]>([
    [
      'Mul and Add by one number',
      (b, x) =>
        b.node('Add', [b.node('Mul', [b.constant('c', [1.5]), b.node('Conv', [x, b.weight('w', [4, 3, 3, 3])])]), b.constant('d', [0.5])]),
    ],
    [
      'Div and Sub by one number',
      (b, x) =>
        b.node('Sub', [
          b.node('Div', [b.node('Conv', [x, b.weight('w', [4, 3, 3, 3]), b.weight('b', [4])]), b.constant('c', 4)]),
          b.constant('d', 2),
        ]),
    ],
    [
      'a factor a channel',
      (b, x) => b.node('Mul', [b.node('Conv', [x, b.weight('w', [4, 3, 1, 1]), b.weight('b', [4])]), b.weight('c', [1, 4, 1, 1])]),
    ],
    [
      'a summand a channel, ConvTranspose',
      (b, x) => b.node('Add', [b.node('ConvTranspose', [x, b.weight('w', [3, 2, 2, 2])]), b.weight('c', [2, 1, 1])]),
    ],
    [
      'Gemm',
      (b, x) =>
        b.node('Add', [
          b.node('Mul', [b.node('Gemm', [x, b.weight('w', [6, 4]), b.weight('b', [4])]), b.weight('c', [4])]),
          b.weight('d', [1, 4]),
        ]),
      ['N', 6],
    ],
    ['MatMul', (b, x) => b.node('Mul', [b.node('MatMul', [x, b.weight('w', [6, 4])]), b.weight('c', [4])]), ['N', 2, 6]],
  ])('%s', async (_name, build, dims) => {
    const left = await ops(build, dims)
    expect(left).toHaveLength(1)
  })
})

describe('after it', () => {
  test.each<[string, Build]>([
    [
      'Mul by one number, padded Conv',
      (b, x) => b.node('Conv', [b.node('Mul', [x, b.constant('c', [1.5])]), b.weight('w', [4, 3, 3, 3])], { pads: [1, 1, 1, 1] }),
    ],
    [
      'a factor a channel, Conv with groups',
      (b, x) => b.node('Conv', [b.node('Mul', [x, b.weight('c', [3, 1, 1])]), b.weight('w', [6, 1, 3, 3])], { group: 3 }),
    ],
    [
      'Mul and Add, Conv without padding',
      (b, x) =>
        b.node('Conv', [
          b.node('Add', [b.node('Mul', [x, b.weight('c', [3, 1, 1])]), b.weight('d', [3, 1, 1])]),
          b.weight('w', [4, 3, 2, 2]),
          b.weight('b', [4]),
        ]),
    ],
  ])('%s', async (_name, build) => {
    expect(await ops(build)).toEqual(['Conv'])
  })

  test('before a padded Conv the product passes the sum, which stays', async () => {
    const left = await ops((b, x) => {
      const affine = b.node('Add', [b.node('Mul', [x, b.constant('c', [1.5])]), b.constant('d', [0.5])])
      return b.node('Conv', [affine, b.weight('w', [4, 3, 3, 3])], { pads: [1, 1, 1, 1] })
    })
    expect(left).toEqual(['Add', 'Conv'])
  })
})

describe('stays', () => {
  test.each<[string, Build, number]>([
    [
      'a constant that varies along a row',
      (b, x) => b.node('Mul', [b.node('Conv', [x, b.weight('w', [4, 3, 1, 1])]), b.weight('c', [5])]),
      2,
    ],
    [
      'a constant that broadcasts the layer',
      (b, x) => b.node('Add', [b.node('Conv', [x, b.weight('w', [1, 3, 1, 1])]), b.weight('c', [4, 1, 1])]),
      2,
    ],
    [
      'a sum before a padded Conv',
      (b, x) => b.node('Conv', [b.node('Add', [x, b.constant('c', [1])]), b.weight('w', [4, 3, 3, 3])], { pads: [1, 1, 1, 1] }),
      2,
    ],
    [
      'a constant divided by the layer',
      (b, x) => b.node('Div', [b.constant('c', 2), b.node('Exp', [b.node('Conv', [x, b.weight('w', [4, 3, 1, 1])])])]),
      3,
    ],
    [
      'a layer that others read',
      (b, x) => {
        const conv = b.node('Conv', [x, b.weight('w', [4, 3, 1, 1])])
        return b.node('Add', [b.node('Mul', [conv, b.constant('c', [3])]), conv])
      },
      3,
    ],
    ...[0, 1e-7].map((factor): [string, Build, number] => [
      `a factor of ${factor} before a sum and a padded Conv`,
      (b, x) => {
        const affine = b.node('Add', [b.node('Mul', [x, b.constant('c', [factor])]), b.constant('d', [1])])
        return b.node('Conv', [affine, b.weight('w', [4, 3, 3, 3])], { pads: [1, 1, 1, 1] })
      },
      3,
    ]),
    [
      'a constant of float64',
      (b, x) =>
        b.node('Mul', [
          b.node('Cast', [b.node('Conv', [x, b.weight('w', [4, 3, 1, 1])])], { to: 11 }),
          b.constant('c', Tensor.of('float64', [], [2])),
        ]),
      3,
    ],
  ])('%s', async (_name, build, count) => {
    expect(await ops(build)).toHaveLength(count)
  })
})

test.each<[string, Build]>([
  [
    'others read the layer before it too',
    (b, x) => {
      const conv = b.node('Conv', [x, b.weight('w', [4, 3, 1, 1])])
      return b.node('Add', [b.node('Mul', [conv, b.constant('c', [3])]), conv])
    },
  ],
  [
    'the Conv after it has padding, to which it would not be added',
    (b, x) => b.node('Conv', [b.node('Add', [x, b.constant('c', [1])]), b.weight('w', [4, 3, 3, 3])], { pads: [1, 1, 1, 1] }),
  ],
])('says: %s', async (why, build) => {
  const model = buildModel((b) => void b.output(build(b, b.input('x', ['N', 3, 5, 5])), 'y'))
  expect((await applyRule('scale-shift', model)).reasons).toEqual([why])
})

test('says nothing of what no layer is beside', async () => {
  const model = buildModel((b) => void b.output(b.node('Mul', [b.node('Relu', [b.input('x', [2, 3])]), b.constant('c', 2)]), 'y'))
  expect((await applyRule('scale-shift', model)).reasons).toEqual([])
})
