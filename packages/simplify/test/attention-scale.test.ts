import { type Model, Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

type Build = (b: GraphBuilder, x: Value) => Value

const model = (build: Build, dims: (string | number)[] = ['N', 5, 8]): Model =>
  buildModel((b) => {
    const x = b.node('Tanh', [b.input('x', dims)])
    b.output(b.node('Softmax', [build(b, x)], { axis: -1 }), 'y')
  })
const linear: Build = (b, x) => b.node('Add', [b.node('MatMul', [x, b.weight('w', [8, 8])]), b.weight('b', [8])])
const heads = (b: GraphBuilder, x: Value, perm: number[]): Value =>
  b.node('Transpose', [b.node('Reshape', [x, b.constant('shape', b.int64([0, -1, 2, 4]))])], { perm })
const queries: Build = (b, x) => heads(b, linear(b, x), [0, 2, 1, 3])
const keys: Build = (b, x) => heads(b, linear(b, x), [0, 2, 3, 1])
const halved = (b: GraphBuilder, x: Value): Value => b.node('Div', [x, b.constant('root', 2)])

async function scales(before: Model): Promise<number> {
  const { ops, report } = await applyRule('attention-scale', before)
  const left = ops.filter((op) => op === 'Mul' || op === 'Div').length
  expect(report.changed.length > 0).toBe(left === 0)
  return left
}

describe('goes into the layer before it:', () => {
  test.each<[string, Build, (string | number)[]?]>([
    ['behind the product of queries and keys', (b, x) => halved(b, b.node('MatMul', [queries(b, x), keys(b, x)]))],
    ['behind the queries', (b, x) => b.node('MatMul', [halved(b, queries(b, x)), keys(b, x)])],
    [
      'one behind each',
      (b, x) =>
        b.node('MatMul', [b.node('Mul', [b.constant('c', [0.8]), queries(b, x)]), b.node('Mul', [keys(b, x), b.constant('c', 0.8)])]),
    ],
    ['into the keys, where the queries have no layer', (b, x) => halved(b, b.node('MatMul', [heads(b, x, [0, 2, 1, 3]), keys(b, x)]))],
    ['a MatMul without a sum', (b, x) => halved(b, heads(b, b.node('MatMul', [x, b.weight('w', [8, 8])]), [0, 2, 1, 3]))],
    [
      'a Gemm',
      (b, x) =>
        halved(b, b.node('Unsqueeze', [b.node('Gemm', [x, b.weight('w', [8, 8]), b.weight('b', [8])]), b.constant('a', b.int64([1]))])),
      ['N', 8],
    ],
    ['a Conv', (b, x) => halved(b, b.node('Flatten', [b.node('Conv', [x, b.weight('w', [4, 5, 3])])]))],
  ])('%s', async (_name, build, dims) => {
    expect(await scales(model(build, dims))).toBe(0)
  })

  test('a kernel that others read stays as it is for them', async () => {
    const before = buildModel((b) => {
      const x = b.input('x', ['N', 5, 8])
      const w = b.weight('w', [8, 8])
      b.output(halved(b, heads(b, b.node('MatMul', [x, w]), [0, 2, 1, 3])), 'y')
      b.output(b.node('MatMul', [x, w]), 'z')
    })
    expect(await scales(before)).toBe(0)
  })
})

describe('stays', () => {
  test.each<[string, Build]>([
    ['behind what is no change of layout', (b, x) => halved(b, b.node('Relu', [queries(b, x)]))],
    ['where no layer is before it', (b, x) => halved(b, b.node('MatMul', [heads(b, x, [0, 2, 1, 3]), heads(b, x, [0, 2, 3, 1])]))],
    ['behind a sum with what is no constant', (b, x) => halved(b, b.node('Add', [b.node('MatMul', [x, b.weight('w', [8, 8])]), x]))],
    ['behind a sum with a constant without a layer', (b, x) => halved(b, b.node('Add', [x, b.weight('c', [8])]))],
    ['where it is more than one number', (b, x) => b.node('Mul', [queries(b, x), b.weight('c', [4])])],
    [
      'where the number is divided',
      (b, x) =>
        b.node('Div', [
          b.constant('c', 2),
          b.node('Transpose', [b.node('MatMul', [b.node('Exp', [x]), b.constant('w', b.random([8, 8], 0.1))])]),
        ]),
    ],
    [
      'where it would overflow',
      (b, x) =>
        b.node('Mul', [
          heads(b, b.node('MatMul', [b.node('Mul', [x, b.weight('zero', [8], 0)]), b.weight('w', [8, 8], 1e20)]), [0, 2, 1, 3]),
          b.constant('c', 1e30),
        ]),
    ],
    [
      'where others read the queries',
      (b, x) => {
        const all = queries(b, x)
        b.output(b.node('Neg', [all]), 'z')
        return halved(b, all)
      },
    ],
    ['where the layer is an output', (b, x) => halved(b, heads(b, b.output(linear(b, x), 'z'), [0, 2, 1, 3]))],
  ])('%s', async (_name, build) => {
    expect(await scales(model(build))).toBeGreaterThan(0)
  })

  test('in float64', async () => {
    const before = buildModel((b) => {
      const number = (name: string, dims: number[]): Value => b.constant(name, Tensor.of('float64', dims, b.random(dims).toNumbers()))
      const product = b.node('MatMul', [b.input('x', [2, 3], 'float64'), number('w', [3, 4])])
      b.output(b.node('Div', [b.node('Transpose', [product]), number('root', [])]), 'y')
    })
    expect(await scales(before)).toBe(1)
  })

  test('where the number has more axes than what it meets', async () => {
    const before = model((b, x) => b.node('Mul', [queries(b, x), b.constant('c', Tensor.float32([1, 1, 1, 1, 1], [2]))]))
    expect(await scales(before)).toBe(1)
  })
})
