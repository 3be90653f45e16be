import type { Model, Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

const transpose = (b: GraphBuilder, x: Value, perm?: number[]): Value => b.node('Transpose', [x], perm && { perm })

/** Neg, what is built, ReduceMax over the last axis. */
const between = (build: (b: GraphBuilder, x: Value) => Value): Model =>
  buildModel((b) => {
    const y = build(b, b.node('Neg', [b.input('x', ['N', 3, 4, 5])]))
    b.output(b.node('ReduceMax', [y, b.constant('axis', b.int64([3]))]), 'y')
  })

const there = [0, 2, 3, 1]
const back = [0, 3, 1, 2]

describe('goes:', () => {
  test.each<[string, Model, string[]]>([
    ['a Transpose there and one back', between((b, x) => transpose(b, transpose(b, x, there), back)), []],
    ['two that reverse the axes', between((b, x) => transpose(b, transpose(b, x))), []],
    [
      'one there and one back around an elementwise op',
      between((b, x) => transpose(b, b.node('Relu', [transpose(b, x, there)]), back)),
      ['Relu'],
    ],
    [
      'around several, with numbers in them',
      between((b, x) => {
        const bounded = b.node('Clip', [transpose(b, x, there), b.constant('low', -0.5), b.constant('high', 0.5)])
        return transpose(b, b.node('Mul', [b.node('Sigmoid', [bounded]), b.constant('two', [2])]), back)
      }),
      ['Clip', 'Sigmoid', 'Mul'],
    ],
  ])('%s', async (_, model, left) => {
    const { ops } = await applyRule(['transposes', 'dead-code'], model, { tolerance: 0 })
    expect(ops).toEqual(['Neg', ...left, 'ReduceMax'])
  })
})

test('two in a row, or around an elementwise op, become one', async () => {
  for (const inner of [undefined, 'Relu']) {
    const model = between((b, x) => {
      const first = transpose(b, x, [0, 2, 1, 3])
      return transpose(b, inner ? b.node(inner, [first]) : first, [0, 1, 3, 2])
    })
    const { model: after } = await applyRule(['transposes', 'dead-code'], model, { tolerance: 0 })
    const left = after.graph.nodes.filter(({ op }) => op === 'Transpose')
    expect(left.map((node) => node.ints('perm'))).toEqual([[0, 2, 3, 1]])
  }
})

test('shapes are known without another inference', async () => {
  const model = between((b, x) => transpose(b, b.node('Relu', [transpose(b, x, there)]), back))
  const { model: after } = await applyRule(['transposes', 'dead-code'], model, { tolerance: 0 })
  expect(after.graph.nodes.map(({ output }) => output.shape)).toEqual([
    ['N', 3, 4, 5],
    ['N', 3, 4, 5],
    ['N', 3, 4, 1],
  ])
})

test('the first of two stays for others that read it', async () => {
  const model = buildModel((b) => {
    const first = transpose(b, b.input('x', [2, 3]), [1, 0])
    b.output(b.node('Neg', [first]), 'first')
    b.output(b.node('Relu', [transpose(b, first, [1, 0])]), 'y')
  })
  expect((await applyRule(['transposes', 'dead-code'], model, { tolerance: 0 })).ops).toEqual(['Transpose', 'Neg', 'Relu'])
})

describe('stay:', () => {
  test.each<[string, Model]>([
    ['two around a vector', between((b, x) => transpose(b, b.node('Mul', [transpose(b, x, there), b.weight('w', [3])]), back))],
    ['two around an op along an axis', between((b, x) => transpose(b, b.node('Softmax', [transpose(b, x, there)], { axis: 3 }), back))],
    [
      'two around an op that others read',
      between((b, x) => {
        const inner = b.node('Relu', [transpose(b, x, there)])
        b.output(b.node('Neg', [inner]), 'other')
        return transpose(b, inner, back)
      }),
    ],
    [
      'two around an op that is an output',
      between((b, x) => transpose(b, b.output(b.node('Relu', [transpose(b, x, there)]), 'inner'), back)),
    ],
    ['one', between((b, x) => transpose(b, x, there))],
    [
      'two around an op that a branch reads',
      buildModel((b) => {
        const inner = b.node('Relu', [transpose(b, b.input('x', [2, 3]), [1, 0])])
        const branch = (inside: GraphBuilder): Value => transpose(inside, inner, [1, 0])
        b.output(b.branches(b.input('condition', [], 'bool'), branch, branch), 'y')
      }),
    ],
  ])('%s', async (_, model) => {
    expect((await applyRule('transposes', model, { tolerance: 0 })).report.changed).toEqual([])
  })
})
