import { type Dim, type Model, Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

interface Spelling {
  dims: Dim[]
  axes: number[]
  /** Size of scale and bias; none where left out. */
  affine?: number[]
  square?: 'Pow' | 'Mul' | 'Pow of int64'
  division?: 'Div' | 'Reciprocal' | '1 / x'
  twoSubs?: boolean
  exponent?: number
  keepdims?: number
  secondAxes?: number[]
  /** What else reads the parts. */
  more?: (b: GraphBuilder, parts: Record<'x' | 'mean' | 'centred' | 'root' | 'normal', Value>) => void
}

/** A spelled-out normalization between two other nodes. */
function spelled(s: Spelling): Model {
  return buildModel((b) => {
    const x = b.node('Neg', [b.input('x', s.dims)])
    const mean = (value: Value, axes = s.axes): Value =>
      b.node('ReduceMean', [value, b.constant('axes', b.int64(axes))], { keepdims: s.keepdims ?? 1 })
    const first = mean(x)
    const centred = b.node('Sub', [x, first])
    const two = s.square === 'Pow of int64' ? b.constant('two', Tensor.int64([], [2])) : b.constant('two', s.exponent ?? 2)
    const square = s.square === 'Mul' ? b.node('Mul', [centred, centred]) : b.node('Pow', [centred, two])
    const root = b.node('Sqrt', [b.node('Add', [mean(square, s.secondAxes), b.constant('epsilon', 1e-3)])])
    const numerator = s.twoSubs ? b.node('Sub', [x, mean(x)]) : centred
    const inverse = (): Value => (s.division === '1 / x' ? b.node('Div', [b.constant('one', 1), root]) : b.node('Reciprocal', [root]))
    const isDivided = (s.division ?? 'Div') === 'Div'
    const normal = isDivided ? b.node('Div', [numerator, root]) : b.node('Mul', [numerator, inverse()])
    const scaled = s.affine ? b.node('Mul', [normal, b.weight('scale', s.affine, 1)]) : normal
    const shifted = s.affine ? b.node('Add', [b.weight('bias', s.affine, 1), scaled]) : scaled
    b.output(b.node('Neg', [shifted]), 'y')
    s.more?.(b, { x, mean: first, centred, root, normal })
  })
}

describe('becomes LayerNormalization:', () => {
  const last: Spelling = { dims: ['N', 3, 5], axes: [-1], affine: [5] }
  test.each<[string, Spelling]>([
    ['the last axis, with scale and bias', last],
    ['without them', { ...last, affine: undefined }],
    ['an axis from the front', { ...last, axes: [2] }],
    ['the last two axes, in any order', { dims: ['N', 4, 3, 5], axes: [3, -2], affine: [3, 5] }],
    ['scale and bias with more axes of size 1', { ...last, affine: [1, 1, 5] }],
    ['x * x', { ...last, square: 'Mul' }],
    ['an exponent of int64', { ...last, square: 'Pow of int64' }],
    ['a product with the reciprocal', { ...last, division: 'Reciprocal' }],
    ['a product with 1 / x', { ...last, division: '1 / x' }],
    ['two subtractions', { ...last, twoSubs: true }],
  ])('%s', async (_name, spelling) => {
    const { ops, report, model } = await applyRule('layer-normalization', spelled(spelling))
    expect(ops).toEqual(['Neg', 'LayerNormalization', 'Neg'])
    expect(report.changed).toHaveLength(1)
    const [, norm] = model.graph.nodes
    expect(norm!.output).toMatchObject({ elementType: 'float32', shape: spelling.dims })
    expect(norm!.inputs).toHaveLength(spelling.affine ? 3 : 2)
  })

  test('a bias that is smaller stays behind it', async () => {
    const model = buildModel((b) => {
      const x = b.input('x', [2, 4])
      const axes = b.constant('axes', b.int64([1]))
      const centred = b.node('Sub', [x, b.node('ReduceMean', [x, axes])])
      const variance = b.node('ReduceMean', [b.node('Mul', [centred, centred]), axes])
      const normal = b.node('Div', [centred, b.node('Sqrt', [b.node('Add', [variance, b.constant('epsilon', 1e-5)])])])
      b.output(b.node('Add', [b.node('Mul', [normal, b.weight('scale', [4])]), b.constant('bias', 3)]), 'y')
    })
    expect((await applyRule('layer-normalization', model)).ops).toEqual(['LayerNormalization', 'Add'])
  })

  test('as an output, whose name it keeps', async () => {
    const model = spelled({ ...last, affine: undefined, more: (b, { normal }) => void b.output(normal, 'z') })
    const { ops, model: after } = await applyRule('layer-normalization', model)
    expect(ops).toEqual(['Neg', 'LayerNormalization', 'Neg'])
    expect(after.graph.outputs.map(({ name }) => name)).toEqual(['y', 'z'])
  })
})

describe('stays spelled out:', () => {
  const last: Spelling = { dims: ['N', 3, 5], axes: [-1], affine: [5] }
  test.each<[string, Spelling]>([
    ['an axis in the middle', { ...last, axes: [1] }],
    ['two means over other axes', { ...last, secondAxes: [1, 2] }],
    ['a fourth power', { ...last, exponent: 4 }],
    ['a last size that is not known', { dims: [2, 'M'], axes: [-1] }],
    ['means that drop their axes', { dims: [1, 1], axes: [0], keepdims: 0 }],
    ['a mean that another reads', { ...last, more: (b, { mean }) => void b.output(b.node('Neg', [mean]), 'z') }],
    ['a difference that is an output', { ...last, more: (b, { centred }) => void b.output(centred, 'z') }],
    ['a root that another reads', { ...last, more: (b, { root }) => void b.output(b.node('Neg', [root]), 'z') }],
  ])('%s', async (_name, spelling) => {
    const { ops, report } = await applyRule('layer-normalization', spelled(spelling))
    expect(ops).toContain('Sqrt')
    expect(report.changed).toEqual([])
  })

  test('an unknown rank', async () => {
    const model = spelled(last)
    for (const node of model.nodes()) if (node.op === 'Neg') node.output.shape = undefined
    expect((await applyRule('layer-normalization', model)).ops).toContain('Sqrt')
  })

  test('float16 and double', async () => {
    for (const type of ['float16', 'float64'] as const) {
      const model = buildModel((b) => {
        const x = b.input('x', [2, 4], type)
        const axes = b.constant('axes', b.int64([1]))
        const centred = b.node('Sub', [x, b.node('ReduceMean', [x, axes])])
        const variance = b.node('ReduceMean', [b.node('Mul', [centred, centred]), axes])
        const epsilon = b.constant('epsilon', Tensor.of(type, [], [1]))
        b.output(b.node('Div', [centred, b.node('Sqrt', [b.node('Add', [variance, epsilon])])]), 'y')
      })
      expect((await applyRule('layer-normalization', model)).ops, type).toContain('Sqrt')
    }
  })

  test('below opset 17', async () => {
    const model = spelled({ ...last, affine: undefined })
    model.opsets.set('', 16)
    for (const node of model.nodes())
      if (node.op === 'ReduceMean') {
        node.graph.setInput(node, 1, undefined)
        node.attributes.set('axes', { type: 'ints', value: [-1] })
      }
    expect((await applyRule('layer-normalization', model)).ops).toContain('Sqrt')
  })
})

test('axes in an attribute, as below opset 18', async () => {
  const model = spelled({ dims: ['N', 3, 5], axes: [-1] })
  model.opsets.set('', 17)
  for (const node of model.nodes())
    if (node.op === 'ReduceMean') {
      node.graph.setInput(node, 1, undefined)
      node.attributes.set('axes', { type: 'ints', value: [-1] })
    }
  expect((await applyRule('layer-normalization', model)).ops).toEqual(['Neg', 'LayerNormalization', 'Neg'])
})
