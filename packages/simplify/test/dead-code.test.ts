import { buildModel } from '@whittle/testing'
import { expect, test } from 'vitest'
import { applyRule } from './harness.ts'

test('nodes and constants that nobody reads go, chains of them at once', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', [2])
    b.output(b.node('Relu', [x]), 'y')
    b.node('Mul', [b.node('Neg', [x]), b.constant('c', [1, 2])])
    b.constant('d', [3])
  })
  const { ops, report, model: after } = await applyRule('dead-code', model, { tolerance: 0 })
  expect(ops).toEqual(['Relu'])
  expect(after.graph.initializers.size).toBe(0)
  expect(report.changed).toEqual([
    { at: 'graph', what: '2 nodes that nobody reads removed' },
    { at: 'graph', what: '2 constants that nobody reads removed' },
  ])
})

test('inputs stay, though nobody reads them, and so do inputs with a default', async () => {
  const model = buildModel((b) => {
    b.output(b.node('Relu', [b.input('x', [2])]), 'y')
    b.input('unused', [3])
  })
  const { model: after } = await applyRule('dead-code', model, { tolerance: 0 })
  expect(after.graph.inputs.map(({ name }) => name)).toEqual(['x', 'unused'])
})

test('what a node gives beside an output that is read stays with it', async () => {
  const model = buildModel((b) => {
    const [values] = b.nodes('TopK', [b.input('x', [4]), b.constant('k', b.int64([2]))], {}, { outputs: ['values', 'indices'] })
    b.output(values!, 'y')
  })
  expect((await applyRule('dead-code', model, { tolerance: 0 })).ops).toEqual(['TopK'])
})

/** An If whose branch reads values of the graph around it, some of them for nothing. */
const branching = (): ReturnType<typeof buildModel> =>
  buildModel((b) => {
    const x = b.input('x', [2])
    const captured = b.node('Neg', [x])
    const vain = b.node('Abs', [x])
    const weight = b.constant('outer', [1, 2])
    const condition = b.node('Greater', [b.node('ReduceSum', [x], { keepdims: 0 }), b.constant('zero', 0)])
    const y = b.branches(
      condition,
      (yes) => {
        yes.node('Exp', [vain])
        yes.constant('lonely', [1])
        return yes.node('Add', [captured, weight])
      },
      (no) => no.node('Relu', [x]),
    )
    b.output(y, 'y')
  })

test('what only a branch reads stays; what a dead node of a branch read goes', async () => {
  const { ops, model: after } = await applyRule('dead-code', branching(), { tolerance: 0 })
  expect(ops).toEqual(['Neg', 'ReduceSum', 'Greater', 'If', 'Add', 'Relu'])
  expect([...after.initializers()].map(({ name }) => name)).toEqual(['outer', 'zero'])
})

test('an If that nobody reads goes with its branches and all that they read', async () => {
  const model = branching()
  model.graph.setOutputs([model.graph.nodes[0]!.output])
  const { ops, model: after } = await applyRule('dead-code', model, { tolerance: 0 })
  expect(ops).toEqual(['Neg'])
  expect([...after.initializers()]).toEqual([])
})
