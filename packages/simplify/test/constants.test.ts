import { type AttributeLike, Tensor, type Value } from '@whittle/ir'
import { buildModel, models } from '@whittle/testing'
import { expect, test } from 'vitest'
import { simplify } from '@whittle/simplify'
import { applyRule, context } from './harness.ts'

test('Constant nodes become initializers of the same names', async () => {
  const { model, ops, report } = await applyRule('constants', models.constantNodes(), { tolerance: 0 })
  expect(ops).toEqual(['Conv'])
  expect([...model.graph.initializers].map(({ name }) => name)).toEqual(['kernel', 'bias'])
  expect(report.changed).toEqual([{ at: 'graph', what: '2 Constant nodes became initializers' }])
})

test('those of a branch become initializers of the branch', async () => {
  const { model, ops } = await applyRule('constants', models.branches(), { tolerance: 0 })
  expect(ops).not.toContain('Constant')
  const branch = model.graph.nodes.find(({ op }) => op === 'If')!.subgraphs[1]!
  expect([...branch.initializers].map(({ name }) => name)).toEqual(['no_w'])
})

test('every form of a Constant is understood', async () => {
  const model = buildModel((b) => {
    const constant = (attributes: Record<string, AttributeLike>): Value => b.node('Constant', [], attributes)
    const x = b.input('x', [2])
    const sum = b.node('Sum', [
      x,
      constant({ value_float: { type: 'float', value: 2 } }),
      constant({ value_floats: { type: 'floats', value: [1, 2.5] } }),
      constant({ value: Tensor.float32([2], [3, 4]) }),
    ])
    const shape = constant({ value_ints: { type: 'ints', value: [1, 2] } })
    b.output(b.node('Gather', [b.node('Reshape', [sum, shape]), constant({ value_int: { type: 'int', value: 0 } })]), 'y')
    b.output(b.node('Equal', [constant({ value_string: 'a' }), constant({ value_strings: ['a', 'b'] })]), 'z')
  })
  const { model: after, ops } = await applyRule('constants', model, { tolerance: 0 })
  expect(ops).toEqual(['Sum', 'Reshape', 'Gather', 'Equal'])
  expect([...after.graph.initializers].map(({ elementType, shape }) => [elementType, shape])).toEqual([
    ['float32', []],
    ['float32', [2]],
    ['float32', [2]],
    ['int64', [2]],
    ['int64', []],
    ['string', []],
    ['string', [2]],
  ])
})

test('a constant that is an output keeps its node, with a reason', async () => {
  const model = buildModel((b) => {
    b.output(b.node('Relu', [b.input('x', [2])]), 'y')
    b.output(b.constantNode('c', Tensor.float32([1], [5])), 'z')
  })
  const { ops, report } = await applyRule('constants', model, { tolerance: 0 })
  expect(ops).toEqual(['Relu', 'Constant'])
  expect(report.skipped).toEqual([{ at: "Constant 'z'", why: 'an output of its graph' }])
})

test('a constant that is no dense tensor keeps its node, with a reason', async () => {
  const model = models.mlp()
  model.graph.addNode({ op: 'Constant', inputs: [], outputs: ['sparse'], attributes: { sparse_value: { type: 'opaque', value: {} } } })
  const report = await simplify({ skip: ['dead-code'] }).run(model, context())
  expect(report.skipped).toEqual([{ at: "Constant 'sparse'", why: 'a constant that is not a dense tensor' }])
})
