import { type Model, Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

/** The sum of two values made of one input. */
const sum = (build: (b: GraphBuilder, x: Value) => [Value, Value]): Model =>
  buildModel((b) => void b.output(b.node('Add', build(b, b.input('x', [2, 3, 4]))), 'y'))

const leaky = (b: GraphBuilder, x: Value, alpha: number): Value => b.node('LeakyRelu', [x], { alpha: { type: 'float', value: alpha } })

test('two chains that compute the same become one', async () => {
  const model = sum((b, x) => [b.node('Neg', [leaky(b, x, 0.25)]), b.node('Neg', [leaky(b, x, 0.25)])])
  expect((await applyRule('common-subexpressions', model, { tolerance: 0 })).ops).toEqual(['LeakyRelu', 'Neg', 'Add'])
})

test('so do nodes with several outputs, and with an attribute that is a tensor', async () => {
  const halves = (b: GraphBuilder, x: Value): Value => {
    const [first, second] = b.nodes('Split', [x], { axis: 2, num_outputs: 2 }, { outputs: ['first', 'second'] })
    return b.node('Sub', [first!, second!])
  }
  expect(
    (
      await applyRule(
        'common-subexpressions',
        sum((b, x) => [halves(b, x), halves(b, x)]),
        { tolerance: 0 },
      )
    ).ops,
  ).toEqual(['Split', 'Sub', 'Add'])
  const filled = (b: GraphBuilder, x: Value): Value =>
    b.node('ConstantOfShape', [b.node('Shape', [x])], { value: Tensor.float32([1], [3]) })
  const model = sum((b, x) => [filled(b, x), filled(b, x)])
  expect((await applyRule('common-subexpressions', model, { tolerance: 0 })).ops).toEqual(['Shape', 'ConstantOfShape', 'Add'])
})

test('an output of the model keeps its name; of two outputs that are equal both stay', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', [4])
    b.output(b.node('Neg', [b.node('Relu', [x])]), 'inner')
    b.output(b.node('Relu', [x]), 'y')
    b.output(b.node('Relu', [x]), 'z')
  })
  const { ops, model: after } = await applyRule('common-subexpressions', model, { tolerance: 0 })
  expect(ops).toEqual(['Relu', 'Neg', 'Relu'])
  expect(after.graph.outputs.map(({ name }) => name)).toEqual(['inner', 'y', 'z'])
})

test('a node of a branch becomes the one around it, but not the one of the other branch', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', [4])
    b.output(b.node('Neg', [b.node('Relu', [x])]), 'outer')
    const branch = (inner: GraphBuilder): Value => inner.node('Abs', [inner.node('Exp', [inner.node('Relu', [x])])])
    b.output(b.branches(b.input('condition', [], 'bool'), branch, branch), 'y')
  })
  const { ops } = await applyRule('common-subexpressions', model, { tolerance: 0 })
  expect(ops).toEqual(['Relu', 'Neg', 'If', 'Exp', 'Abs', 'Exp', 'Abs'])
})

describe('stay:', () => {
  test.each<[string, Model]>([
    ['nodes with other attributes', sum((b, x) => [leaky(b, x, 0.25), leaky(b, x, 0.5)])],
    ['nodes with other inputs', sum((b, x) => [b.node('Sub', [x, b.constant('a', 1)]), b.node('Sub', [x, b.constant('b', 2)])])],
    ['inputs the other way round', sum((b, x) => [b.node('Sub', [x, b.constant('a', 1)]), b.node('Sub', [b.constant('b', 1), x])])],
    ['other ops', sum((b, x) => [b.node('Ceil', [x]), b.node('Floor', [x])])],
  ])('%s', async (_, model) => {
    expect((await applyRule('common-subexpressions', model, { tolerance: 0 })).report.changed).toEqual([])
  })

  test('random numbers', async () => {
    const random = (b: GraphBuilder, x: Value): Value => b.node('Mul', [b.node('RandomUniformLike', [x]), b.constant('zero', 0)])
    const { ops } = await applyRule(
      'common-subexpressions',
      sum((b, x) => [random(b, x), random(b, x)]),
      { tolerance: 0 },
    )
    expect(ops.filter((op) => op === 'RandomUniformLike')).toHaveLength(2)
  })

  test('how a compressed model stores its weights', async () => {
    const model = buildModel((b) => {
      const stored = b.constant('q', Tensor.of('int8', [4], [1, 2, 3, 4]))
      const weight = (): Value => b.node('DequantizeLinear', [stored, scale])
      const scale = b.constant('scale', 0.5)
      b.output(b.node('Add', [b.node('Mul', [b.input('x', [4]), weight()]), weight()]), 'y')
    })
    expect((await applyRule('common-subexpressions', model, { tolerance: 0 })).ops).toContain('DequantizeLinear')
    expect((await applyRule('common-subexpressions', model, { tolerance: 0 })).report.changed).toEqual([])
  })
})
