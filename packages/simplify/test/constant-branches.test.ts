import { type Model, Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { expect, test } from 'vitest'
import { applyRule } from './harness.ts'

const rule = 'constant-branches'
type Branch = (b: GraphBuilder, x: Value) => Value

const truth = (b: GraphBuilder, value: boolean): Value => b.constant('condition', Tensor.of('bool', [], Uint8Array.of(Number(value))))

/** Relu, an If, Neg. */
const choosing = (value: boolean, yes: Branch, no: Branch): Model =>
  buildModel((b) => {
    const x = b.node('Relu', [b.input('x', ['N', 3])])
    b.output(
      b.node('Neg', [
        b.branches(
          truth(b, value),
          (inner) => yes(inner, x),
          (inner) => no(inner, x),
        ),
      ]),
      'y',
    )
  })

const scaled: Branch = (b, x) => b.node('Mul', [b.node('Sin', [x]), b.constant('factor', [1, 2, 3])], {}, { outputs: ['scaled'] })
/** onnxruntime refuses a branch that gives out an outer value without a node. */
const same: Branch = (b, x) => b.node('Identity', [x])
const given: Branch = (b) => b.constant('given', [1, 2, 3])
const plain: Branch = (b, x) => b.node('Cos', [x])

test.each([
  [true, ['Relu', 'Sin', 'Mul', 'Neg']],
  [false, ['Relu', 'Cos', 'Neg']],
])('of an If on %s the branch taken is left', async (value, expected) => {
  expect((await applyRule(rule, choosing(value, scaled, plain), { tolerance: 0 })).ops).toEqual(expected)
})

test('its values and constants keep their names', async () => {
  const { model } = await applyRule(rule, choosing(true, scaled, plain), { tolerance: 0 })
  expect([...model.initializers()].map(({ name }) => name)).toContain('factor')
  expect(model.graph.nodes[2]!.output.name).toBe('scaled')
})

test('an If in an If goes as well, and one on an input moves out with its branches', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', [3])
    const asked = b.input('asked', [], 'bool')
    const inner: Branch = (c) =>
      c.branches(
        truth(c, false),
        (d) => plain(d, x),
        (d) => scaled(d, x),
      )
    const open: Branch = (c) => {
      const read = c.node('Relu', [x])
      return c.branches(
        asked,
        (d) => scaled(d, read),
        (d) => plain(d, read),
      )
    }
    b.output(
      b.branches(
        truth(b, true),
        (c) => c.node('Add', [inner(c, x), open(c, x)]),
        (c) => plain(c, x),
      ),
      'y',
    )
  })
  const { ops } = await applyRule(rule, model, { tolerance: 0 })
  expect(ops.filter((op) => op === 'If')).toHaveLength(1)
  expect(ops).not.toContain('Neg')
})

test('a branch that gives out an outer value or a constant', async () => {
  const outer = await applyRule(rule, choosing(true, same, plain), { tolerance: 0 })
  expect(outer.ops).toEqual(['Relu', 'Identity', 'Neg'])
  const constant = await applyRule(rule, choosing(true, given, plain), { tolerance: 0 })
  expect(constant.ops).toEqual(['Relu', 'Neg'])
})

test('an If that gives an output of the model hands its name on, or leaves an Identity', async () => {
  for (const [yes, expected] of [
    [scaled, ['Sin', 'Mul']],
    [same, ['Identity']],
    [given, ['Identity']],
  ] as const) {
    const model = buildModel((b) => {
      const x = b.input('x', [3])
      b.output(
        b.branches(
          truth(b, true),
          (inner) => yes(inner, x),
          (inner) => plain(inner, x),
        ),
        'y',
      )
    })
    const { ops, model: after } = await applyRule(rule, model, { tolerance: 0 })
    expect(ops).toEqual(expected)
    expect(after.graph.outputs.map(({ name }) => name)).toEqual(['y'])
  }
})

test('an If on what is not a constant stays', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', [3])
    b.output(
      b.branches(
        b.input('asked', [], 'bool'),
        (inner) => scaled(inner, x),
        (inner) => plain(inner, x),
      ),
      'y',
    )
  })
  expect((await applyRule(rule, model, { tolerance: 0 })).report.changed).toEqual([])
})
