import { Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { expect, test } from 'vitest'
import { applyRule } from './harness.ts'

const rule = 'duplicate-initializers'

/** A model that adds its constants to an input one after the other. */
const adding = (make: (b: GraphBuilder) => Value[]): ReturnType<typeof buildModel> =>
  buildModel(
    (b) =>
      void b.output(
        make(b).reduce((x, constant) => b.node('Add', [x, constant]), b.input('x', [2, 4])),
        'y',
      ),
  )

const names = (model: ReturnType<typeof buildModel>): string[] => [...model.initializers()].map(({ name }) => name)

test('equal constants become the first of them', async () => {
  const model = adding((b) => [
    b.constant('a', [1, 2, 3, 4]),
    b.constant('b', [1, 2, 3, 5]),
    b.constant('c', [1, 2, 3, 4]),
    b.constant('d', [1, 2, 3, 4]),
  ])
  const { model: after, report } = await applyRule(rule, model, { tolerance: 0 })
  expect(names(after)).toEqual(['a', 'b'])
  expect(report.changed).toEqual([{ at: 'graph', what: '2 constants became others that are equal' }])
})

test('of large ones that begin and end alike only equal ones do', async () => {
  const large = (middle: number): Tensor =>
    Tensor.float32(
      [2, 4].concat(512),
      Float32Array.from({ length: 4096 }, (_, at) => (at === 2000 ? middle : 1)),
    )
  const model = buildModel((b) => {
    const sum = ['a', 'b', 'c'].map((name, at) => b.constant(name, large(at === 1 ? 7 : 5)))
    b.output(
      sum.reduce((x, constant) => b.node('Add', [x, constant]), b.input('x', [2, 4, 512])),
      'y',
    )
  })
  expect(names((await applyRule(rule, model, { tolerance: 0 })).model)).toEqual(['a', 'b'])
})

test('equal bytes of another type or shape, 0 and -0, annotated weights and defaults of inputs stay', async () => {
  const model = buildModel((b) => {
    const [zero, minus] = [b.constant('zero', [0]), b.constant('minus', [-0])]
    const [row, column] = [b.constant('row', b.random([1, 2])), b.constant('column', b.random([2, 1]))]
    const [int, float] = [b.constant('int', Tensor.of('int32', [3], [0, 0, 0])), b.constant('float', [0, 0, 0])]
    const annotated = ['one', 'two'].map((name) => b.constant(name, [1, 2]))
    for (const value of annotated) value.quantization = { kind: 'float16' }
    const given = b.input('given', [1])
    b.graph.setInputDefault(given, Tensor.float32([1], [0]))
    const x = b.input('x', [2])
    b.output(b.node('Add', [b.node('Div', [x, zero]), b.node('Div', [x, minus])]), 'signs')
    b.output(b.node('Add', [row, column]), 'shapes')
    b.output(b.node('Add', [b.node('Cast', [int], { to: 1 }), float]), 'types')
    b.output(b.node('Add', [annotated[0]!, annotated[1]!]), 'annotated')
    b.output(b.node('Add', [x, given]), 'default')
  })
  const { report } = await applyRule(rule, model, { tolerance: Infinity })
  expect(report.changed).toEqual([])
})

test('one of a branch becomes the one around it, and those of two branches stay', async () => {
  const model = buildModel((b) => {
    const x = b.node('Add', [b.input('x', [2]), b.constant('outer', [1, 2])])
    const branch = (inner: GraphBuilder): Value =>
      inner.node('Mul', [inner.node('Add', [x, inner.constant('same', [1, 2])]), inner.constant('own', [3, 4])])
    b.output(b.branches(b.input('condition', [], 'bool'), branch, branch), 'y')
  })
  const { model: after } = await applyRule(rule, model, { tolerance: 0 })
  expect(names(after)).toEqual(['outer', 'own', 'own_1'])
})

test('a constant that is an output keeps its name', async () => {
  const model = buildModel((b) => {
    const [a, c] = [b.constant('a', [1, 2]), b.constant('c', [1, 2])]
    b.output(b.node('Add', [b.input('x', [2]), a]), 'y')
    b.output(c)
  })
  const { model: after } = await applyRule(rule, model, { tolerance: 0 })
  expect(after.graph.outputs.map(({ name }) => name)).toEqual(['y', 'c'])
})
