import { type Model, Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

type Build = (b: GraphBuilder, x: Value) => Value

function model(build: Build, dims: (string | number)[] = ['N', 3, 6, 5]): Model {
  return buildModel((b) => void b.output(build(b, b.input('x', dims)), 'y'))
}

const zeros = (b: GraphBuilder, x: Value, amounts: number[], value?: number, mode = 'constant'): Value =>
  b.node('Pad', [x, b.constant('amounts', b.int64(amounts)), value === undefined ? undefined : b.constant('value', value)], { mode })
const conv = (b: GraphBuilder, x: Value, attributes: Record<string, number | number[] | string> = {}): Value =>
  b.node('Conv', [x, b.weight('w', [4, 3, 3, 3]), b.weight('b', [4])], attributes)
const around = [0, 0, 1, 2, 0, 0, 3, 0]

describe('goes into the layer after it:', () => {
  test.each<[string, Build, number[], (string | number)[]?]>([
    ['a Conv', (b, x) => conv(b, zeros(b, x, around)), [1, 2, 3, 0]],
    ['a value of 0', (b, x) => conv(b, zeros(b, x, around, 0)), [1, 2, 3, 0]],
    [
      'a Conv that pads, has strides and dilations',
      (b, x) => conv(b, zeros(b, x, around), { pads: [1, 1, 1, 1], strides: [2, 1], dilations: [1, 2] }),
      [2, 3, 4, 1],
    ],
    ['a Conv with auto_pad VALID', (b, x) => conv(b, zeros(b, x, around), { auto_pad: 'VALID' }), [1, 2, 3, 0]],
    [
      'a Conv in one dimension',
      (b, x) => b.node('Conv', [zeros(b, x, [0, 0, 1, 0, 0, 2]), b.weight('w', [4, 3, 3])]),
      [1, 2],
      ['N', 3, 'L'],
    ],
    [
      'axes that are named',
      (b, x) => conv(b, b.node('Pad', [x, b.constant('p', b.int64([1, 2, 3, 4])), undefined, b.constant('axes', b.int64([-1, 2]))])),
      [2, 1, 4, 3],
    ],
    [
      'an AveragePool without padding',
      (b, x) => b.node('AveragePool', [zeros(b, x, [0, 0, 1, 1, 0, 0, 1, 0])], { kernel_shape: [3, 2] }),
      [1, 1, 1, 0],
    ],
    [
      'an AveragePool that counts its padding',
      (b, x) =>
        b.node('AveragePool', [zeros(b, x, [0, 0, 1, 0, 0, 0, 0, 1])], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
      [2, 1, 1, 2],
    ],
  ])('%s', async (_name, build, pads, dims) => {
    const { ops, report, model: after } = await applyRule('pad', model(build, dims))
    expect(ops).toHaveLength(1)
    expect(after.graph.nodes[0]!.ints('pads')).toEqual(pads)
    expect(report.changed).toHaveLength(1)
  })

  test('two Convs that read it', async () => {
    const { ops } = await applyRule(
      'pad',
      model((b, x) => {
        const wide = zeros(b, x, around)
        return b.node('Add', [conv(b, wide), conv(b, wide)])
      }),
    )
    expect(ops).toEqual(['Conv', 'Conv', 'Add'])
  })
})

describe('stays', () => {
  test.each<[string, Build]>([
    ['with a value that is not 0', (b, x) => conv(b, zeros(b, x, around, 1))],
    ['with reflections', (b, x) => conv(b, zeros(b, x, [0, 0, 1, 1, 0, 0, 1, 1], undefined, 'reflect'))],
    ['on channels', (b, x) => b.node('Conv', [zeros(b, x, [0, 1, 1, 1, 0, 0, 1, 1]), b.weight('w', [4, 4, 3, 3])])],
    ['on the batch', (b, x) => conv(b, zeros(b, x, [1, 0, 1, 1, 0, 0, 1, 1]))],
    ['where it crops', (b, x) => conv(b, zeros(b, x, [0, 0, 1, -1, 0, 0, 1, 1]))],
    ['before a Conv with auto_pad SAME_UPPER', (b, x) => conv(b, zeros(b, x, around), { auto_pad: 'SAME_UPPER' })],
    ['before a MaxPool', (b, x) => b.node('MaxPool', [zeros(b, x, [0, 0, 1, 1, 0, 0, 1, 1])], { kernel_shape: [3, 3] })],
    [
      'before an AveragePool that leaves its padding out',
      (b, x) => b.node('AveragePool', [zeros(b, x, [0, 0, 1, 0, 0, 0, 0, 0])], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    ],
    [
      'before an AveragePool that rounds up',
      (b, x) => b.node('AveragePool', [zeros(b, x, [0, 0, 1, 0, 0, 0, 0, 0])], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
    ],
    [
      'where it is as wide as the window of an AveragePool',
      (b, x) => b.node('AveragePool', [zeros(b, x, [0, 0, 2, 0, 0, 0, 0, 0])], { kernel_shape: [2, 2] }),
    ],
    [
      'where another reads it',
      (b, x) => {
        const wide = zeros(b, x, around)
        b.output(b.node('Neg', [wide]), 'z')
        return conv(b, wide)
      },
    ],
    ['where it is an output', (b, x) => conv(b, b.output(zeros(b, x, around), 'z'))],
    ['where it is the kernel', (b, x) => b.node('Conv', [x, zeros(b, b.weight('w', [4, 3, 2, 2]), [0, 0, 1, 0, 0, 0, 0, 0])], {})],
  ])('%s', async (_name, build) => {
    const { ops } = await applyRule('pad', model(build))
    expect(ops).toContain('Pad')
  })

  test('with amounts that are an input, or an unknown rank', async () => {
    const given = buildModel((b) => {
      const wide = b.node('Pad', [
        b.node('Neg', [b.input('x', [1, 3, 5, 5])]),
        b.node('Mul', [b.input('p', [8], 'int64'), b.constant('zero', Tensor.int64([], [0]))]),
      ])
      b.output(conv(b, wide), 'y')
    })
    const ranked = model((b, x) => conv(b, zeros(b, b.node('Neg', [x]), around)))
    ranked.graph.nodes[0]!.output.shape = undefined
    for (const before of [given, ranked]) expect((await applyRule('pad', before)).ops).toContain('Pad')
  })
})
