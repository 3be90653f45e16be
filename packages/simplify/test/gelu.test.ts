import { type Model, Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

type Build = (b: GraphBuilder, x: Value) => Value

const { sqrt, PI } = Math
const mul = (b: GraphBuilder, x: Value, y: Value | number): Value => b.node('Mul', [x, typeof y === 'number' ? b.constant('c', y) : y])
const plusOne = (b: GraphBuilder, x: Value): Value => b.node('Add', [x, b.constant('one', 1)])
const divided = (b: GraphBuilder, x: Value, by = Math.SQRT2): Value => b.node('Div', [x, b.constant('root', by)])
/** `erf(x / sqrt(2)) + 1` */
const erf: Build = (b, x) => plusOne(b, b.node('Erf', [divided(b, x)]))
const tanh = (b: GraphBuilder, x: Value): Value => plusOne(b, b.node('Tanh', [x]))
const cube: Build = (b, x) => b.node('Pow', [x, b.constant('three', 3)])
/** `x + 0.044715 * x^3` */
const bent: Build = (b, x) => b.node('Add', [x, mul(b, cube(b, x), 0.044715)])

function model(build: Build): Model {
  return buildModel((b) => {
    const x = mul(b, b.input('x', ['N', 3, 5]), 3)
    b.output(b.node('Neg', [build(b, x)]), 'y')
  })
}

describe('becomes Gelu:', () => {
  test.each<[string, Build]>([
    ['(x * (erf + 1)) * 0.5', (b, x) => mul(b, mul(b, x, erf(b, x)), 0.5)],
    ['(x * 0.5) * (erf + 1)', (b, x) => mul(b, mul(b, x, 0.5), erf(b, x))],
    ['(erf + 1) * (x * 0.5)', (b, x) => mul(b, erf(b, x), mul(b, x, 0.5))],
    ['x * ((erf + 1) * 0.5)', (b, x) => mul(b, x, mul(b, erf(b, x), 0.5))],
    ['(x * (1 + erf)) / 2', (b, x) => b.node('Div', [mul(b, x, erf(b, x)), b.constant('two', 2)])],
    [
      'x * (1 / sqrt(2)) in place of the division, constants of rank 1 and first',
      (b, x) => {
        const vector = (value: number): Value => b.constant('v', Tensor.float32([1], [value]))
        const sum = b.node('Add', [vector(1), b.node('Erf', [b.node('Mul', [vector(Math.SQRT1_2), x])])])
        return b.node('Mul', [vector(0.5), b.node('Mul', [sum, x])])
      },
    ],
  ])('%s', async (_name, build) => {
    const { ops, report, model: after } = await applyRule('gelu', model(build))
    expect(ops).toEqual(['Mul', 'Gelu', 'Neg'])
    expect(report.changed[0]!.what).toBe('a Gelu that was spelled out with Erf became one node')
    expect(after.graph.nodes[1]!.string('approximate', 'none')).toBe('none')
    expect(after.graph.nodes[1]!.output).toMatchObject({ elementType: 'float32', shape: ['N', 3, 5] })
  })

  const root = sqrt(2 / PI)
  test.each<[string, Build]>([
    ['0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))', (b, x) => mul(b, mul(b, x, 0.5), tanh(b, mul(b, bent(b, x), root)))],
    ['the half at the end', (b, x) => mul(b, mul(b, x, tanh(b, mul(b, bent(b, x), root))), 0.5)],
    [
      'x * x * x in place of the power',
      (b, x) => {
        const third = mul(b, mul(b, x, x), x)
        return mul(b, mul(b, x, 0.5), tanh(b, mul(b, b.node('Add', [mul(b, third, 0.044715), x]), root)))
      },
    ],
    [
      'x * sqrt(2 / pi) * (1 + 0.044715 * x * x)',
      (b, x) => mul(b, mul(b, x, 0.5), tanh(b, mul(b, mul(b, x, root), plusOne(b, mul(b, mul(b, x, 0.044715), x))))),
    ],
  ])('approximately: %s', async (_name, build) => {
    const { ops, model: after } = await applyRule('gelu', model(build))
    expect(ops).toEqual(['Mul', 'Gelu', 'Neg'])
    expect(after.graph.nodes[1]!.string('approximate', 'none')).toBe('tanh')
  })

  test('of an input, as an output', async () => {
    const before = buildModel((b) => {
      const x = b.input('x', ['N', 4])
      b.output(mul(b, mul(b, x, 0.5), erf(b, x)), 'y')
    })
    const { ops, model: after } = await applyRule('gelu', before)
    expect(ops).toEqual(['Gelu'])
    expect(after.graph.outputs[0]!.name).toBe('y')
  })
})

describe('stays spelled out:', () => {
  const half: (erf: Build) => Build = (inner) => (b, x) => mul(b, mul(b, x, 0.5), inner(b, x))
  const root = sqrt(2 / PI)
  test.each<[string, Build]>([
    ['erf of x / 2', half((b, x) => plusOne(b, b.node('Erf', [divided(b, x, 2)])))],
    ['erf + 2', half((b, x) => b.node('Add', [b.node('Erf', [divided(b, x)]), b.constant('two', 2)]))],
    ['a factor of 0.4', (b, x) => mul(b, mul(b, x, 0.4), erf(b, x))],
    ['a product with another value', (b, x) => mul(b, mul(b, b.node('Abs', [x]), 0.5), erf(b, x))],
    ['a constant of a higher rank', (b, x) => mul(b, mul(b, x, erf(b, x)), b.constant('h', Tensor.float32([1, 1, 1, 1], [0.5])))],
    ['another bend', half((b, x) => tanh(b, mul(b, b.node('Add', [x, mul(b, cube(b, x), 0.05)]), root)))],
    ['a square in place of the cube', half((b, x) => tanh(b, mul(b, b.node('Add', [x, mul(b, mul(b, x, x), 0.044715)]), root)))],
    ['another factor in the tanh', half((b, x) => tanh(b, mul(b, bent(b, x), 0.8)))],
    ['a tanh alone', half((b, x) => tanh(b, x))],
    [
      'a sum that another reads',
      (b, x) => {
        const sum = erf(b, x)
        b.output(b.node('Neg', [sum]), 'z')
        return mul(b, mul(b, x, 0.5), sum)
      },
    ],
    [
      'an Erf that is an output',
      (b, x) => {
        const inner = b.node('Erf', [divided(b, x)])
        b.output(inner, 'z')
        return mul(b, mul(b, x, 0.5), plusOne(b, inner))
      },
    ],
    [
      'a half of x that another reads',
      (b, x) => {
        const part = mul(b, x, 0.5)
        b.output(b.node('Neg', [part]), 'z')
        return mul(b, part, erf(b, x))
      },
    ],
  ])('%s', async (_name, build) => {
    const { ops, report } = await applyRule('gelu', model(build))
    expect(ops).not.toContain('Gelu')
    expect(report.changed).toEqual([])
  })

  test('in float16 and below opset 20', async () => {
    const half = buildModel((b) => {
      const x = b.input('x', [2, 4], 'float16')
      const number = (value: number): Value => b.constant('c', Tensor.of('float16', [], [value]))
      const sum = b.node('Add', [b.node('Erf', [b.node('Div', [x, number(Math.SQRT2)])]), number(1)])
      b.output(b.node('Mul', [b.node('Mul', [x, number(0.5)]), sum]), 'y')
    })
    const old = model((b, x) => mul(b, mul(b, x, 0.5), erf(b, x)))
    old.opsets.set('', 19)
    for (const before of [half, old]) expect((await applyRule('gelu', before)).ops).toContain('Erf')
  })
})
