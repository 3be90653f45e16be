import { Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel, models } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

interface Parts {
  low: number
  high: number
  shift: number
  divisor: number
}

/** The pieces of a spelled-out HardSwish of `x`. */
const pieces = (b: GraphBuilder, x: Value, parts: Partial<Parts> = {}): { clip: Value; by: (name: 'divisor' | 'sixth') => Value } => {
  const { low, high, shift, divisor } = { low: 0, high: 6, shift: 3, divisor: 6, ...parts }
  const add = b.node('Add', [x, b.constant('shift', shift)])
  return {
    clip: b.node('Clip', [add, b.constant('low', low), b.constant('high', high)]),
    by: (name) => b.constant(name, name === 'divisor' ? divisor : Math.fround(1 / divisor)),
  }
}

const model = (build: (b: GraphBuilder, x: Value) => Value): ReturnType<typeof buildModel> =>
  buildModel((b) => void b.output(build(b, b.node('Mul', [b.input('x', ['N', 4, 5]), b.constant('wider', 4)])), 'y'))

const spelled = (
  parts: Partial<Parts> = {},
  more?: (b: GraphBuilder, inner: { clip: Value; product: Value }) => void,
): ReturnType<typeof buildModel> =>
  model((b, x) => {
    const { clip, by } = pieces(b, x, parts)
    const product = b.node('Mul', [x, clip])
    more?.(b, { clip, product })
    return b.node('Div', [product, by('divisor')])
  })

describe('becomes HardSwish:', () => {
  const spellings: Record<string, (b: GraphBuilder, x: Value, inner: ReturnType<typeof pieces>) => Value> = {
    '(x * clip) / 6': (b, x, { clip, by }) => b.node('Div', [b.node('Mul', [x, clip]), by('divisor')]),
    '(clip * x) / 6': (b, x, { clip, by }) => b.node('Div', [b.node('Mul', [clip, x]), by('divisor')]),
    '(x * clip) * (1 / 6)': (b, x, { clip, by }) => b.node('Mul', [b.node('Mul', [x, clip]), by('sixth')]),
    '(1 / 6) * (x * clip)': (b, x, { clip, by }) => b.node('Mul', [by('sixth'), b.node('Mul', [x, clip])]),
    'x * (clip / 6)': (b, x, { clip, by }) => b.node('Mul', [x, b.node('Div', [clip, by('divisor')])]),
    '(clip / 6) * x': (b, x, { clip, by }) => b.node('Mul', [b.node('Div', [clip, by('divisor')]), x]),
    'x * (clip * (1 / 6))': (b, x, { clip, by }) => b.node('Mul', [x, b.node('Mul', [clip, by('sixth')])]),
    'x * ((1 / 6) * clip)': (b, x, { clip, by }) => b.node('Mul', [x, b.node('Mul', [by('sixth'), clip])]),
  }
  test.each(Object.keys(spellings))('%s', async (key) => {
    const {
      ops,
      report,
      model: after,
    } = await applyRule(
      ['hard-swish', 'dead-code'],
      model((b, x) => spellings[key]!(b, x, pieces(b, x))),
    )
    expect(ops).toEqual(['Mul', 'HardSwish'])
    expect(report.changed[0]!.what).toBe('x * clip(x + 3, 0, 6) / 6 became HardSwish')
    expect(after.graph.outputs[0]).toMatchObject({ name: 'y', elementType: 'float32', shape: ['N', 4, 5] })
  })

  test('3 + x, and constants of one element and rank 1', async () => {
    const before = model((b, x) => {
      const vector = (name: string, value: number): Value => b.constant(name, Tensor.float32([1], [value]))
      const add = b.node('Add', [vector('three', 3), x])
      const clip = b.node('Clip', [add, b.constant('low', 0), b.constant('high', 6)])
      return b.node('Div', [b.node('Mul', [x, clip]), vector('six', 6)])
    })
    expect((await applyRule(['hard-swish', 'dead-code'], before)).ops).toEqual(['Mul', 'HardSwish'])
  })

  test('x * HardSigmoid(x) and the other way round', async () => {
    for (const order of [0, 1]) {
      const { ops, report } = await applyRule(
        'hard-swish',
        model((b, x) => {
          const gate = b.node('HardSigmoid', [x], { alpha: Math.fround(1 / 6), beta: 0.5 })
          return b.node('Mul', order ? [gate, x] : [x, gate])
        }),
      )
      expect(ops).toEqual(['Mul', 'HardSwish'])
      expect(report.changed[0]!.what).toBe('x * HardSigmoid(x) became HardSwish')
    }
  })

  test('inside the network, where it is no output', async () => {
    const { ops } = await applyRule(
      ['hard-swish', 'dead-code'],
      model((b, x) => {
        const { clip, by } = pieces(b, x)
        return b.node('Neg', [b.node('Div', [b.node('Mul', [x, clip]), by('divisor')])])
      }),
    )
    expect(ops).toEqual(['Mul', 'HardSwish', 'Neg'])
  })

  test('two that share their constants', async () => {
    const before = model((b, x) => {
      const [low, three, six] = [b.constant('low', 0), b.constant('three', 3), b.constant('six', 6)]
      const swish = (value: Value): Value =>
        b.node('Div', [b.node('Mul', [value, b.node('Clip', [b.node('Add', [value, three]), low, six])]), six])
      return swish(swish(x))
    })
    expect((await applyRule(['hard-swish', 'dead-code'], before)).ops).toEqual(['Mul', 'HardSwish', 'HardSwish'])
  })
})

describe('stays spelled out:', () => {
  const near: Record<string, () => ReturnType<typeof buildModel>> = {
    'a clip that ends at 5': () => spelled({ high: 5 }),
    'a clip that starts at 1': () => spelled({ low: 1 }),
    'a shift of 2': () => spelled({ shift: 2 }),
    'a division by 5': () => spelled({ divisor: 5 }),
    'a product that is read by another': () => spelled({}, (b, { product }) => b.output(b.node('Neg', [product]), 'z')),
    'a clip that is read by another': () => spelled({}, (b, { clip }) => b.output(b.node('Neg', [clip]), 'z')),
    'a clip that is an output': () => spelled({}, (b, { clip }) => b.output(clip, 'z')),
    'a product with another value': () =>
      model((b, x) => {
        const { clip, by } = pieces(b, x)
        return b.node('Div', [b.node('Mul', [b.node('Neg', [x]), clip]), by('divisor')])
      }),
    'a constant that broadcasts': () =>
      model((b, x) => {
        const { clip } = pieces(b, x)
        return b.node('Div', [b.node('Mul', [x, clip]), b.constant('sixes', Tensor.float32([1, 1, 1, 1], [6]))])
      }),
    'a clip without an upper end': () =>
      model((b, x) => {
        const clip = b.node('Clip', [b.node('Add', [x, b.constant('three', 3)]), b.constant('zero', 0)])
        return b.node('Div', [b.node('Mul', [x, clip]), b.constant('six', 6)])
      }),
  }
  const gated = (alpha: number, beta: number, more?: (b: GraphBuilder, x: Value, gate: Value) => Value): ReturnType<typeof buildModel> =>
    model((b, x) => {
      const gate = b.node('HardSigmoid', [x], { alpha: { type: 'float', value: alpha }, beta: { type: 'float', value: beta } })
      return more ? more(b, x, gate) : b.node('Mul', [x, gate])
    })
  const gates: Record<string, () => ReturnType<typeof buildModel>> = {
    'a slope of 0.2': () => gated(0.2, 0.5),
    'a shift of 0.4': () => gated(1 / 6, 0.4),
    'a HardSigmoid of something else': () => gated(1 / 6, 0.5, (b, x, gate) => b.node('Mul', [b.node('Abs', [x]), gate])),
    'a HardSigmoid that is an output': () => gated(1 / 6, 0.5, (b, x, gate) => b.node('Mul', [x, b.output(gate, 'z')])),
  }
  test.each(Object.keys(gates))('%s', async (key) => {
    expect((await applyRule('hard-swish', gates[key]!())).ops).not.toContain('HardSwish')
  })

  test.each(Object.keys(near))('%s', async (key) => {
    const { ops, report } = await applyRule('hard-swish', near[key]!())
    expect(ops).not.toContain('HardSwish')
    expect(report.changed).toEqual([])
  })

  test('in a model of an opset without HardSwish', async () => {
    const model = models.hardSwish()
    model.opsets.set('', 13)
    expect((await applyRule('hard-swish', model)).ops).not.toContain('HardSwish')
  })
})
