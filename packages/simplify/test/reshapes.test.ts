import type { Model, Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule, distance } from './harness.ts'

type Dims = (number | string)[]

/** Relu, what is built, Neg. */
const between = (shape: Dims, middle: (b: GraphBuilder, x: Value) => Value): Model =>
  buildModel((b) => void b.output(b.node('Neg', [middle(b, b.node('Relu', [b.input('x', shape)]))]), 'y'))

const to = (b: GraphBuilder, x: Value, shape: number[]): Value => b.node('Reshape', [x, b.constant('shape', b.int64(shape))])
const axes = (b: GraphBuilder, op: string, x: Value, at: number[]): Value => b.node(op, [x, b.constant('axes', b.int64(at))])

/** One dimension of a shape, as exporters take it. */
const dim = (b: GraphBuilder, x: Value, axis: number): Value =>
  axes(b, 'Unsqueeze', b.node('Gather', [b.node('Shape', [x]), b.constant('index', b.int64([axis]).reshape([]))]), [0])

/** The last Reshape's shape. */
const shapeOf = (model: Model): number[] => model.graph.nodes.findLast(({ op }) => op === 'Reshape')!.inputs[1]!.tensor!.toNumbers()

describe('goes:', () => {
  test.each<[string, Model]>([
    ['a Reshape to the shape it is given', between(['N', 3, 4], (b, x) => to(b, x, [-1, 3, 4]))],
    ['a Flatten of what is flat', between(['N', 4], (b, x) => b.node('Flatten', [x]))],
    ['an Unsqueeze and the Squeeze of the same axes', between(['N', 3], (b, x) => axes(b, 'Squeeze', axes(b, 'Unsqueeze', x, [1]), [1]))],
    ['a Reshape there and one back', between(['N', 6], (b, x) => to(b, to(b, x, [-1, 2, 3]), [-1, 6]))],
  ])('%s', async (_, model) => {
    expect((await applyRule(['reshapes', 'dead-code'], model, { tolerance: 0 })).ops).toEqual(['Relu', 'Neg'])
  })
})

describe('becomes one Reshape:', () => {
  test.each<[string, Model, number[]]>([
    ['two Reshapes', between([2, 12], (b, x) => to(b, to(b, x, [4, 6]), [3, 8])), [3, 8]],
    [
      'a Flatten, a Reshape with a copied axis and an Unsqueeze',
      between(['N', 3, 4], (b, x) => axes(b, 'Unsqueeze', to(b, b.node('Flatten', [x]), [0, 2, 6]), [1])),
      [0, 1, 2, 6],
    ],
    [
      'a Squeeze and an Unsqueeze elsewhere',
      between(['N', 1, 5], (b, x) => axes(b, 'Unsqueeze', axes(b, 'Squeeze', x, [1]), [2])),
      [0, 5, 1],
    ],
  ])('%s', async (_, model, expected) => {
    const { ops, model: after } = await applyRule(['reshapes', 'dead-code'], model, { tolerance: 0 })
    expect(ops).toEqual(['Relu', 'Reshape', 'Neg'])
    expect(shapeOf(after)).toEqual(expected)
  })
})

describe('a computed shape becomes a constant:', () => {
  const computed = (shape: Dims, parts: (b: GraphBuilder, x: Value) => Value[]): Model =>
    between(shape, (b, x) => b.node('Reshape', [x, b.node('Concat', parts(b, x), { axis: 0 })]))
  const fixed = (b: GraphBuilder, ...values: number[]): Value => b.constant('rest', b.int64(values))
  test.each<[string, Model, number[]]>([
    ['a free axis that stays', computed(['N', 3, 4], (b, x) => [dim(b, x, 0), fixed(b, 12)]), [0, 12]],
    ['a free axis that moves', computed([2, 3, 'W'], (b, x) => [dim(b, x, 2), fixed(b, 6)]), [-1, 6]],
    ['a product of free axes', computed(['N', 'W', 4], (b, x) => [b.node('Mul', [dim(b, x, 0), dim(b, x, 1)]), fixed(b, 4)]), [-1, 4]],
  ])('%s', async (_, model, expected) => {
    const { ops, model: after } = await applyRule(['reshapes', 'dead-code'], model, { tolerance: 0 })
    expect(ops).toEqual(['Relu', 'Reshape', 'Neg'])
    expect(shapeOf(after)).toEqual(expected)
    for (const N of [1, 3]) expect(await distance(model, after, { N, W: 5 })).toBe(0)
  })
})

describe('stays:', () => {
  test.each<[string, Model]>([
    [
      'a computed shape of two free axes that move',
      between(['N', 3, 'W'], (b, x) =>
        b.node('Reshape', [x, b.node('Concat', [dim(b, x, 2), dim(b, x, 0), b.constant('three', b.int64([3]))], { axis: 0 })]),
      ),
    ],
    ['an axis that the file calls empty', between([0, 6], (b, x) => to(b, to(b, x, [0, 2, 3]), [0, 3, 2]))],
  ])('%s', async (_, model) => {
    const { report } = await applyRule('reshapes', model, { tolerance: 0 })
    expect(report.changed).toEqual([])
  })

  test('the first of two that others read, or that is an output', async () => {
    const model = buildModel((b) => {
      const first = to(b, b.input('x', [2, 6]), [3, 4])
      b.output(b.node('Neg', [first]), 'other')
      const second = b.output(to(b, b.node('Relu', [b.input('z', [2, 6])]), [3, 4]), 'second')
      b.output(b.node('Neg', [to(b, first, [4, 3])]), 'y')
      b.output(b.node('Neg', [to(b, second, [4, 3])]), 'w')
    })
    expect((await applyRule('reshapes', model, { tolerance: 0 })).ops.filter((op) => op === 'Reshape')).toHaveLength(4)
  })

  test('one that a subgraph reads', async () => {
    const model = buildModel((b) => {
      const first = to(b, b.input('x', [2, 6]), [3, 4])
      const condition = b.node('Less', [b.node('ReduceSum', [to(b, first, [12])], { keepdims: 0 }), b.constant('zero', 0)])
      const read = (branch: GraphBuilder): Value => branch.node('Neg', [to(branch, first, [12])])
      b.output(b.branches(condition, read, read), 'y')
    })
    expect((await applyRule('reshapes', model, { tolerance: 0 })).ops.filter((op) => op === 'Reshape')).toHaveLength(4)
  })
})

test('the output of the model keeps its name', async () => {
  const model = buildModel((b) => void b.output(to(b, to(b, b.node('Relu', [b.input('x', ['N', 6])]), [-1, 2, 3]), [-1, 6]), 'y'))
  const { model: after, ops } = await applyRule(['reshapes', 'dead-code'], model, { tolerance: 0 })
  expect(ops).toEqual(['Relu'])
  expect(after.graph.outputs.map(({ name }) => name)).toEqual(['y'])
})
