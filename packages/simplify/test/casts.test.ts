import type { ElementType, Model, Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

/** ONNX's numbers of the types. */
const TYPES = { float32: 1, int8: 3, int32: 6, int64: 7, float16: 10, float64: 11, bool: 9 } as const
type Name = keyof typeof TYPES

const cast = (b: GraphBuilder, x: Value, to: Name): Value => b.node('Cast', [x], { to: TYPES[to] })

/** An input of the first type, cast to each of the others. */
const chain = (first: Name, ...rest: Name[]): Model =>
  buildModel(
    (b) =>
      void b.output(
        rest.reduce((x, to) => cast(b, x, to), b.input('x', [2, 3], first as ElementType)),
        'y',
      ),
  )

const rules = ['casts', 'dead-code']

describe('one Cast is left of', () => {
  test.each<[Name, Name, Name]>([
    ['int32', 'int64', 'float32'],
    ['bool', 'int32', 'float32'],
    ['int8', 'int32', 'int64'],
    ['float16', 'float32', 'float64'],
    ['int8', 'float32', 'int32'],
  ])('%s to %s to %s', async (...types) => {
    expect((await applyRule(rules, chain(...types), { tolerance: 0 })).ops).toEqual(['Cast'])
  })
})

describe('both Casts stay:', () => {
  test.each<[Name, Name, Name]>([
    ['float32', 'int32', 'float32'],
    ['int64', 'int32', 'int64'],
    ['int32', 'float32', 'float64'],
    ['float32', 'float16', 'float32'],
    ['int32', 'float64', 'int8'],
    ['float32', 'float64', 'float16'],
  ])('%s to %s to %s', async (...types) => {
    const { report } = await applyRule(rules, chain(...types), { tolerance: 0 })
    expect(report.changed).toEqual([])
  })
})

test('a Cast there and one back go, and the first stays for others', async () => {
  const model = buildModel((b) => {
    const x = b.node('Neg', [b.input('x', [4], 'int32')])
    const wide = cast(b, x, 'int64')
    b.output(b.node('Abs', [cast(b, wide, 'int32')]), 'y')
    b.output(b.node('Neg', [wide]), 'z')
  })
  expect((await applyRule(rules, model, { tolerance: 0 })).ops).toEqual(['Neg', 'Cast', 'Abs', 'Neg'])
})

test('a Cast back to an input that gives an output of the model stays as one Cast', async () => {
  const { ops, model } = await applyRule(rules, chain('int32', 'int64', 'int32'), { tolerance: 0 })
  expect(ops).toEqual(['Cast'])
  expect(model.graph.outputs[0]!.name).toBe('y')
})

test('in a branch, a Cast of an outer Cast reads what that one was given', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', [4], 'int32')
    const wide = cast(b, x, 'int64')
    const condition = b.input('condition', [], 'bool')
    b.output(
      b.branches(
        condition,
        (yes) => cast(yes, wide, 'float32'),
        (no) => no.node('Neg', [cast(no, wide, 'float32')]),
      ),
      'y',
    )
  })
  expect((await applyRule(rules, model, { tolerance: 0 })).ops.filter((op) => op === 'Cast')).toHaveLength(2)
})
