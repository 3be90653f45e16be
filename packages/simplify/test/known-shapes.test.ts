import type { Model, Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

const model = (op: string, shape: (number | string)[], attributes: Record<string, number> = {}): Model =>
  buildModel((b: GraphBuilder) => {
    const x = b.input('x', shape)
    b.output(b.node('Add', [b.node(op, [x], attributes), b.constant('zero', b.int64([0]))]), 'y')
  })

describe('becomes a constant:', () => {
  test.each<[string, Model, number[]]>([
    ['Shape of a fixed shape', model('Shape', [2, 3, 4]), [2, 3, 4]],
    ['Shape from an axis on', model('Shape', ['N', 3, 4], { start: 1 }), [3, 4]],
    ['Shape between axes counted from the end', model('Shape', ['N', 3, 4, 'W'], { start: -3, end: -1 }), [3, 4]],
    ['Shape of nothing in between', model('Shape', ['N', 3], { start: 1, end: 1 }), []],
    ['Shape beyond the last axis', model('Shape', [2, 3], { end: 9 }), [2, 3]],
    ['Size of a fixed shape', model('Size', [2, 3, 4]), [24]],
  ])('%s', async (_, before, expected) => {
    const { ops, report, model: after } = await applyRule(['known-shapes', 'dead-code'], before, { tolerance: 0 })
    expect(ops).toEqual(['Add'])
    expect(report.changed[0]!.what).toBe(`became the constant [${expected}]`)
    expect(after.graph.nodes[0]!.inputs[0]!.tensor!.toNumbers()).toEqual(expected)
  })
})

test.each([
  ['Shape of a free dimension', model('Shape', ['N', 3])],
  ['Size of a free dimension', model('Size', ['N', 3])],
])('%s stays', async (_, before) => {
  expect((await applyRule('known-shapes', before, { tolerance: 0 })).ops).toHaveLength(2)
})

test('a Shape that is an output of the model stays', async () => {
  const before = buildModel((b) => void b.output(b.node('Shape', [b.input('x', [2, 3])]), 'y'))
  expect((await applyRule('known-shapes', before, { tolerance: 0 })).ops).toEqual(['Shape'])
})

test('the arithmetic of shapes folds away where an engine is there, and the free dimension stays free', async () => {
  const before = buildModel((b) => {
    const x = b.input('x', ['N', 4, 6])
    const part = b.node('Slice', [b.node('Shape', [x], { start: 1 }), ...[0, 2].map((at) => b.constant(`at${at}`, b.int64([at])))])
    const product = b.node('ReduceProd', [part], { keepdims: 1 })
    b.output(b.node('Reshape', [x, b.node('Concat', [b.constant('rest', b.int64([-1])), product], { axis: 0 })]), 'y')
  })
  const { ops } = await applyRule(['known-shapes', 'fold-constants', 'dead-code'], before, { tolerance: 0 })
  expect(ops).toEqual(['Reshape'])
})

describe('of a Shape with a free dimension, becomes a constant', () => {
  const part = (build: (b: GraphBuilder, shape: Value) => Value): Model =>
    buildModel((b) => {
      const shape = b.node('Shape', [b.input('x', ['N', 3, 4])])
      b.output(b.node('Add', [build(b, shape), b.constant('zero', b.int64([0]))]), 'y')
    })
  const slice = (b: GraphBuilder, shape: Value, ...numbers: number[]): Value =>
    b.node('Slice', [shape, ...numbers.map((number, at) => b.constant(`at${at}`, b.int64([number])))])

  test.each<[string, Model, number[]]>([
    ['a Gather of known ones', part((b, shape) => b.node('Gather', [shape, b.constant('index', b.int64([-1, 1]))])), [4, 3]],
    ['a Slice of known ones', part((b, shape) => slice(b, shape, 1, 3)), [3, 4]],
    ['a Slice from the end on', part((b, shape) => slice(b, shape, -1, 9, 0, 1)), [4]],
  ])('%s', async (_, before, expected) => {
    const { ops, model: after } = await applyRule(['known-shapes', 'dead-code'], before, { tolerance: 0 })
    expect(ops).toEqual(['Add'])
    expect(after.graph.nodes[0]!.inputs[0]!.tensor!.toNumbers()).toEqual(expected)
  })

  test.each<[string, Model]>([
    ['but not a Gather of the free one', part((b, shape) => b.node('Gather', [shape, b.constant('index', b.int64([0]))]))],
    ['but not a Slice with steps', part((b, shape) => slice(b, shape, 2, 0, 0, -1))],
  ])('%s', async (_, before) => {
    expect((await applyRule(['known-shapes', 'dead-code'], before, { tolerance: 0 })).ops).toHaveLength(3)
  })
})
