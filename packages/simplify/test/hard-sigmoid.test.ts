import { type Model, Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

type Build = (b: GraphBuilder, x: Value) => Value

const model = (build: Build): Model =>
  buildModel((b) => void b.output(b.node('Neg', [build(b, b.node('Mul', [b.input('x', ['N', 4, 5]), b.constant('wider', 4)]))]), 'y'))

const clip = (b: GraphBuilder, x: Value, { low = 0, high = 6, shift = 3 } = {}): Value =>
  b.node('Clip', [b.node('Add', [x, b.constant('shift', shift)]), b.constant('low', low), b.constant('high', high)])
const over = (b: GraphBuilder, x: Value, by = 6): Value => b.node('Div', [x, b.constant('divisor', by)])

describe('becomes HardSigmoid:', () => {
  test.each<[string, Build]>([
    ['clip / 6', (b, x) => over(b, clip(b, x))],
    ['clip * (1 / 6)', (b, x) => b.node('Mul', [clip(b, x), b.constant('sixth', Math.fround(1 / 6))])],
    ['(1 / 6) * clip', (b, x) => b.node('Mul', [b.constant('sixth', [Math.fround(1 / 6)]), clip(b, x)])],
  ])('%s', async (_name, build) => {
    const { ops, report, model: after } = await applyRule('hard-sigmoid', model(build))
    expect(ops).toEqual(['Mul', 'HardSigmoid', 'Neg'])
    expect(report.changed[0]!.what).toBe('clip(x + 3, 0, 6) / 6 became HardSigmoid')
    expect(after.graph.nodes[1]!.output).toMatchObject({ elementType: 'float32', shape: ['N', 4, 5] })
  })

  test('a product with something else, which is no HardSwish', async () => {
    const { ops } = await applyRule(
      ['hard-swish', 'hard-sigmoid'],
      model((b, x) => b.node('Mul', [b.node('Abs', [x]), over(b, clip(b, x))])),
    )
    expect(ops.sort()).toEqual(['Abs', 'HardSigmoid', 'Mul', 'Mul', 'Neg'])
  })

  test('but a product with x becomes HardSwish', async () => {
    const { ops, report } = await applyRule(
      ['hard-swish', 'hard-sigmoid'],
      model((b, x) => b.node('Mul', [x, over(b, clip(b, x))])),
    )
    expect(ops).toEqual(['Mul', 'HardSwish', 'Neg'])
    expect(report.changed).toHaveLength(1)
  })
})

describe('stays spelled out:', () => {
  test.each<[string, Build]>([
    ['a clip that ends at 5', (b, x) => over(b, clip(b, x, { high: 5 }))],
    ['a clip that starts at -1', (b, x) => over(b, clip(b, x, { low: -1 }))],
    ['a shift of 2', (b, x) => over(b, clip(b, x, { shift: 2 }))],
    ['a division by 5', (b, x) => over(b, clip(b, x), 5)],
    ['6 / clip', (b, x) => b.node('Div', [b.constant('six', 6), b.node('Add', [clip(b, x), b.constant('one', 1)])])],
    ['a constant of a higher rank', (b, x) => b.node('Div', [clip(b, x), b.constant('six', Tensor.float32([1, 1, 1, 1], [6]))])],
    [
      'a clip that another reads',
      (b, x) => {
        const inner = clip(b, x)
        b.output(b.node('Neg', [inner]), 'z')
        return over(b, inner)
      },
    ],
    ['a clip that is an output', (b, x) => over(b, b.output(clip(b, x), 'z'))],
  ])('%s', async (_name, build) => {
    const { ops, report } = await applyRule('hard-sigmoid', model(build))
    expect(ops).not.toContain('HardSigmoid')
    expect(report.changed).toEqual([])
  })

  test('in float64', async () => {
    const before = buildModel((b) => {
      const number = (value: number): Value => b.constant('c', Tensor.of('float64', [], [value]))
      const shifted = b.node('Add', [b.input('x', [2, 3], 'float64'), number(3)])
      b.output(b.node('Div', [b.node('Clip', [shifted, number(0), number(6)]), number(6)]), 'y')
    })
    expect((await applyRule('hard-sigmoid', before)).ops).toEqual(['Add', 'Clip', 'Div'])
  })
})
