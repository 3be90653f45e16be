import { type Engine, Tensor, UnsupportedError, inferShapes } from '@whittle/ir'
import { buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule, engine, opsOf } from './harness.ts'

const chain = (): ReturnType<typeof buildModel> =>
  buildModel((b) => {
    const x = b.input('x', ['N', 4])
    const scaled = b.node('Mul', [b.weight('w', [4, 4]), b.constant('two', 2)])
    const kernel = b.node('Transpose', [b.node('Sqrt', [b.node('Abs', [scaled])])], { perm: [1, 0] })
    b.output(b.node('MatMul', [x, kernel]), 'y')
  })

test('a chain of constants becomes one constant in one pass', async () => {
  const { ops, report } = await applyRule('fold-constants', chain())
  expect(ops).toEqual(['MatMul'])
  expect(report.changed.map(({ what }) => what)).toEqual(Array(4).fill('computed at build time'))
})

test('without an engine they stay, and the report says what is needed', async () => {
  const { ops, report } = await applyRule('fold-constants', chain(), { engine: undefined, tolerance: 0 })
  expect(ops).toEqual(opsOf(chain()))
  expect(report.changed).toEqual([])
  expect(report.skipped).toEqual([{ at: 'main', why: '1 nodes of constants stay: folding them needs an engine' }])
})

test('a node of several outputs becomes several constants', async () => {
  const model = buildModel((b) => {
    const [low, high] = b.nodes('Split', [b.constant('both', [1, 2, 3, 4])], { num_outputs: 2 }, { outputs: ['low', 'high'] })
    const x = b.input('x', [2])
    b.output(b.node('Add', [b.node('Mul', [x, low!]), high!]), 'y')
  })
  expect((await applyRule('fold-constants', model, { tolerance: 0 })).ops).toEqual(['Mul', 'Add'])
})

test('a node that reads one constant twice is folded', async () => {
  const model = buildModel((b) => {
    const w = b.constant('w', [1, 2])
    b.output(b.node('Add', [b.input('x', [2]), b.node('Mul', [w, w])]), 'y')
  })
  expect((await applyRule('fold-constants', model, { tolerance: 0 })).ops).toEqual(['Add'])
})

test('in a branch of If, constants of the branch and of the graph around it are folded together', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', [2])
    const outer = b.constant('outer', [1, 2])
    const condition = b.node('Greater', [b.node('ReduceSum', [x], { keepdims: 0 }), b.constant('zero', 0)])
    const y = b.branches(
      condition,
      (yes) => yes.node('Add', [x, yes.node('Mul', [outer, yes.constant('inner', [3, 4])])]),
      (no) => no.node('Add', [x, no.node('Neg', [outer])]),
    )
    b.output(y, 'y')
  })
  const { ops } = await applyRule('fold-constants', model, { tolerance: 0 })
  expect(ops).toEqual(['ReduceSum', 'Greater', 'If', 'Add', 'Add'])
})

describe('stays:', () => {
  test('a node that gives an output of the model', async () => {
    const model = buildModel((b) => {
      b.output(b.node('Neg', [b.input('x', [2])]), 'y')
      b.output(b.node('Neg', [b.constant('c', [1])]), 'z')
    })
    expect((await applyRule('fold-constants', model, { tolerance: 0 })).ops).toEqual(['Neg', 'Neg'])
  })

  test('a node that reads an input with a default, which the caller may change', async () => {
    const model = buildModel((b) => {
      const gain = b.input('gain', [1])
      b.graph.setInputDefault(gain, Tensor.float32([1], [3]))
      b.output(b.node('Mul', [b.input('x', [2]), b.node('Neg', [gain])]), 'y')
    })
    expect((await applyRule('fold-constants', model, { tolerance: 0 })).ops).toEqual(['Neg', 'Mul'])
  })

  test('random numbers', async () => {
    const model = buildModel((b) => {
      const noise = b.node('RandomUniformLike', [b.constant('like', [1, 1])], { seed: { type: 'float', value: 1 } })
      b.output(b.node('Add', [b.input('x', [2]), b.node('Mul', [noise, b.constant('zero', 0)])]), 'y')
    })
    expect((await applyRule('fold-constants', model, { tolerance: 0 })).ops).toContain('RandomUniformLike')
  })

  test('weights that are stored in fewer bits', async () => {
    const model = buildModel((b) => {
      const stored = b.constant('q', Tensor.of('int8', [40, 40], new Int8Array(1600).fill(3)))
      const grid = [b.constant('scale', 0.5), b.constant('zero', Tensor.of('int8', [], [0]))]
      const x = b.input('x', ['N', 40])
      b.output(b.node('MatMul', [x, b.node('DequantizeLinear', [stored, ...grid])]), 'y')
      b.output(b.node('MatMul', [x, b.node('Cast', [stored], { to: 1 })]), 'z')
    })
    const { ops, reasons } = await applyRule('fold-constants', model, { tolerance: 0 })
    expect(ops).toEqual(['DequantizeLinear', 'MatMul', 'Cast', 'MatMul'])
    expect(reasons).toEqual(['its constant would take 6400 bytes in place of 1600'])
  })

  test('what would become much larger', async () => {
    const model = buildModel((b) => {
      const large = b.node('Expand', [b.constant('c', [1]), b.constant('shape', b.int64([600, 600]))])
      b.output(b.node('ReduceMax', [b.node('Add', [b.input('x', [1]), large])], { keepdims: 0 }), 'y')
    })
    const { ops, reasons } = await applyRule('fold-constants', model, { tolerance: 0 })
    expect(ops).toContain('Expand')
    expect(reasons).toEqual(['its constant would take 1440000 bytes in place of 20'])
  })

  test('an op that the table does not know', async () => {
    const model = buildModel((b) => {
      const points = b.weight('points', [2, 3])
      const odd = b.node('CDist', [points, points], { metric: 'euclidean' }, { domain: 'com.microsoft' })
      b.output(b.node('Add', [b.input('x', [2]), odd]), 'y')
    })
    model.opsets.set('com.microsoft', 1)
    expect((await applyRule('fold-constants', model, { tolerance: 0 })).ops).toEqual(['com.microsoft.CDist', 'Add'])
  })

  test('what the engine refuses, with its words', async () => {
    const refusing: Engine = { ...engine, open: () => Promise.reject(new UnsupportedError('ENGINE_REFUSED', 'no kernel for it')) }
    const { reasons } = await applyRule('fold-constants', chain(), { engine: refusing, tolerance: 0 })
    expect(reasons).toEqual(['the engine could not compute it: no kernel for it'])
  })
})

test('half floats and integers keep their types', async () => {
  const model = buildModel((b) => {
    const half = b.node('Cast', [b.constant('c', [1.5, 2])], { to: 10 })
    b.output(b.node('Add', [b.input('x', [2], 'float16'), half]), 'y')
    const whole = b.node('Mul', [b.constant('i', Tensor.int64([2], [3, 4])), b.constant('j', Tensor.int64([1], [5]))])
    b.output(b.node('Add', [b.input('k', [2], 'int64'), whole]), 'z')
  })
  const { model: after } = await applyRule('fold-constants', model, { tolerance: 0 })
  expect([...after.graph.initializers].map(({ elementType }) => elementType)).toEqual(expect.arrayContaining(['float16', 'int64']))
  expect(opsOf(after)).toEqual(['Add', 'Add'])
  inferShapes(after)
})
