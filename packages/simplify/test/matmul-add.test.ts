import { type Model, Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

type Build = (b: GraphBuilder, x: Value) => Value

const model = (build: Build, dims: (string | number)[] = ['N', 6]): Model =>
  buildModel((b) => void b.output(b.node('Neg', [build(b, b.node('Neg', [b.input('x', dims)]))]), 'y'))
const product = (b: GraphBuilder, x: Value): Value => b.node('MatMul', [x, b.weight('w', [6, 4])])

describe('becomes a Gemm:', () => {
  test.each<[string, Build]>([
    ['x * w + b', (b, x) => b.node('Add', [product(b, x), b.weight('b', [4])])],
    ['b + x * w', (b, x) => b.node('Add', [b.weight('b', [4]), product(b, x)])],
  ])('%s', async (_name, build) => {
    const { ops, report, model: after } = await applyRule('matmul-add', model(build))
    expect(ops).toEqual(['Neg', 'Gemm', 'Neg'])
    expect(report.changed).toHaveLength(1)
    expect(after.graph.nodes[1]!.output).toMatchObject({ elementType: 'float32', shape: ['N', 4] })
  })

  test('as an output, with a kernel that others read', async () => {
    const before = buildModel((b) => {
      const x = b.input('x', ['N', 6])
      const w = b.weight('w', [6, 4])
      b.output(b.node('Add', [b.node('MatMul', [x, w]), b.weight('b', [4])]), 'y')
      b.output(b.node('MatMul', [x, w]), 'z')
    })
    const { ops, model: after } = await applyRule('matmul-add', before)
    expect(ops.sort()).toEqual(['Gemm', 'MatMul'])
    expect(after.graph.outputs.map(({ name }) => name)).toEqual(['y', 'z'])
  })
})

describe('stays:', () => {
  test.each<[string, Build, (string | number)[]?]>([
    ['three axes', (b, x) => b.node('Add', [product(b, x), b.weight('b', [4])]), ['N', 2, 6]],
    ['one axis', (b, x) => b.node('Add', [product(b, x), b.weight('b', [4])]), [6]],
    ['a sum with one number', (b, x) => b.node('Add', [product(b, x), b.constant('b', 3)])],
    ['a sum that broadcasts', (b, x) => b.node('Add', [product(b, x), b.weight('b', [5, 1, 4])])],
    ['a sum that differs from row to row', (b, x) => b.node('Add', [product(b, x), b.weight('b', [2, 4])]), [2, 6]],
    ['a sum that widens', (b, x) => b.node('Add', [b.node('MatMul', [x, b.weight('w', [6, 1])]), b.weight('b', [4])])],
    ['a difference', (b, x) => b.node('Sub', [product(b, x), b.weight('b', [4])])],
    ['a sum with what is no constant', (b, x) => b.node('Add', [product(b, x), product(b, x)])],
    ['a product of two inputs', (b, x) => b.node('Add', [b.node('MatMul', [x, b.input('w', [6, 4])]), b.weight('b', [4])])],
    [
      'a product that another reads',
      (b, x) => {
        const inner = product(b, x)
        b.output(b.node('Neg', [inner]), 'z')
        return b.node('Add', [inner, b.weight('b', [4])])
      },
    ],
    ['a product that is an output', (b, x) => b.node('Add', [b.output(product(b, x), 'z'), b.weight('b', [4])])],
  ])('%s', async (_name, build, dims) => {
    const { ops, report } = await applyRule('matmul-add', model(build, dims))
    expect(ops).not.toContain('Gemm')
    expect(report.changed).toEqual([])
  })

  test('an unknown rank, and float64', async () => {
    const ranked = model((b, x) => b.node('Add', [product(b, x), b.weight('b', [4])]))
    ranked.graph.nodes[0]!.output.shape = undefined
    const double = buildModel((b) => {
      const number = (name: string, dims: number[]): Value => b.constant(name, Tensor.of('float64', dims, b.random(dims).toNumbers()))
      b.output(b.node('Add', [b.node('MatMul', [b.input('x', [2, 3], 'float64'), number('w', [3, 4])]), number('b', [4])]), 'y')
    })
    for (const before of [ranked, double]) expect((await applyRule('matmul-add', before)).ops).toContain('MatMul')
  })
})
