import { type Model, Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { simplify } from '@whittle/simplify'
import { applyRule, context } from './harness.ts'

/** Relu, the node in question, Neg. */
const between = (middle: (b: GraphBuilder, x: Value) => Value, shape: (number | string)[] = ['N', 3, 4]): Model =>
  buildModel((b) => void b.output(b.node('Neg', [middle(b, b.node('Relu', [b.input('x', shape)]))]), 'y'))

describe('is removed:', () => {
  const cases: Record<string, (b: GraphBuilder, x: Value) => Value> = {
    'an Identity': (b, x) => b.node('Identity', [x]),
    'a Dropout at inference': (b, x) => b.node('Dropout', [x, b.constant('ratio', 0.5)]),
    'a Cast to its own type': (b, x) => b.node('Cast', [x], { to: 1 }),
    'a Transpose that moves nothing': (b, x) => b.node('Transpose', [x], { perm: [0, 1, 2] }),
    'a Concat of one': (b, x) => b.node('Concat', [x], { axis: 1 }),
    'a Pad of nothing': (b, x) => b.node('Pad', [x, b.constant('pads', b.int64([0, 0, 0, 0, 0, 0]))]),
    'a product with 1': (b, x) => b.node('Mul', [x, b.constant('one', Tensor.float32([1, 3, 1], [1, 1, 1]))]),
    'a division by 1': (b, x) => b.node('Div', [x, b.constant('one', 1)]),
    'a sum with 0': (b, x) => b.node('Add', [x, b.constant('zero', [0, 0, 0, 0])]),
    'a difference with 0': (b, x) => b.node('Sub', [x, b.constant('zero', 0)]),
  }
  test.each(Object.keys(cases))('%s', async (why) => {
    const { ops, report } = await applyRule('identities', between(cases[why]!), { tolerance: 0 })
    expect(ops).toEqual(['Relu', 'Neg'])
    expect(report.changed.map(({ what }) => what)).toEqual([`removed: ${why}`])
  })
})

describe('stays:', () => {
  const cases: Record<string, (b: GraphBuilder, x: Value) => Value> = {
    'a Dropout whose mask is read': (b, x) => {
      const [y, mask] = b.nodes('Dropout', [x], {}, { outputs: ['kept', 'mask'] })
      b.output(mask!, 'mask_out')
      return y!
    },
    'a Cast to another type and back': (b, x) => b.node('Cast', [b.node('Cast', [x], { to: 7 })], { to: 1 }),
    'a Transpose without perm, which reverses the axes': (b, x) => b.node('Transpose', [x]),
    'a Transpose that moves': (b, x) => b.node('Transpose', [x], { perm: [0, 2, 1] }),
    'a Pad of something': (b, x) => b.node('Pad', [x, b.constant('pads', b.int64([0, 0, 1, 0, 0, 0]))]),
    'a product with 1 that broadcasts to more': (b, x) => b.node('Mul', [x, b.constant('one', Tensor.float32([1, 1, 1, 1], [1]))]),
    'a sum with 0 that stretches an axis of 1': (b, x) =>
      b.node('Add', [b.node('ReduceMax', [x, b.constant('axis', b.int64([2]))]), b.constant('zero', [0, 0, 0, 0])]),
    'a product with something else': (b, x) => b.node('Mul', [x, b.constant('most', Tensor.float32([3, 1], [1, 1, 2]))]),
  }
  test.each(Object.keys(cases))('%s', async (key) => {
    const { report } = await applyRule('identities', between(cases[key]!), { tolerance: 0 })
    expect(report.changed).toEqual([])
  })

  test('a Pad whose amounts are an input', async () => {
    const model = between((b, x) => b.node('Pad', [x, b.input('pads', [6], 'int64')]))
    expect((await applyRule('identities', model, { tolerance: 0 })).ops).toContain('Pad')
  })

  test('an op of another domain that is called as something in every JavaScript object', async () => {
    const model = between((b, x) => b.node('Abs', [x]))
    const [relu, abs] = model.graph.nodes
    const odd = model.graph.addNode({ op: 'toString', inputs: [relu!.output], outputs: ['odd'], before: abs! })
    model.graph.setInput(abs!, 0, odd.output)
    await simplify().run(model, context())
    expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Relu', 'toString', 'Abs', 'Neg'])
  })
})

test('of unknown rank, a sum with a scalar 0 is removed and one with a vector of zeros stays', async () => {
  const model = buildModel((b) => {
    const x = b.node('Relu', [b.input('x', [1])])
    b.output(b.node('Neg', [b.node('Add', [x, b.constant('scalar', 0)])]), 'y')
    b.output(b.node('Neg', [b.node('Add', [x, b.constant('vector', [0])])]), 'z')
  })
  for (const node of model.nodes()) node.output.shape = undefined
  expect((await applyRule('identities', model, { tolerance: 0 })).ops).toEqual(['Relu', 'Neg', 'Add', 'Neg'])
})

test('an Identity that gives an output hands its name to the node before it', async () => {
  const model = buildModel((b) => void b.output(b.node('Identity', [b.node('Relu', [b.input('x', [2])])]), 'y'))
  const { model: after, ops } = await applyRule('identities', model, { tolerance: 0 })
  expect(ops).toEqual(['Relu'])
  expect(after.graph.outputs.map(({ name }) => name)).toEqual(['y'])
})

test('an Identity between an input and an output, or between two outputs, stays with a reason', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', [2])
    b.output(b.node('Identity', [x]), 'same')
    const y = b.output(b.node('Relu', [x]), 'y')
    b.output(b.node('Identity', [y]), 'again')
    b.output(b.node('Identity', [b.constant('c', [1, 2])]), 'fixed')
  })
  const { ops, reasons } = await applyRule('identities', model, { tolerance: 0 })
  expect(ops).toEqual(['Identity', 'Relu', 'Identity', 'Identity'])
  expect(reasons).toEqual(Array(3).fill('an Identity, kept since an output of the graph has to have its own name'))
})

test('in a branch an Identity of an outer value goes, and one that gives the output of the branch stays', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', [3])
    const condition = b.node('Greater', [b.node('ReduceSum', [x], { keepdims: 0 }), b.constant('zero', 0)])
    const y = b.branches(
      condition,
      (yes) => yes.node('Neg', [yes.node('Identity', [x])]),
      (no) => no.node('Identity', [x]),
    )
    b.output(y, 'y')
  })
  const { ops } = await applyRule('identities', model, { tolerance: 0 })
  expect(ops).toEqual(['ReduceSum', 'Greater', 'If', 'Neg', 'Identity'])
})
