import { type Model, Tensor, type Value } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { applyRule } from './harness.ts'

const relu = (b: GraphBuilder, x: Value): Value => b.node('Relu', [x])
const clip = (b: GraphBuilder, x: Value, low?: number, high?: number): Value =>
  b.node('Clip', [x, low === undefined ? undefined : b.constant('low', low), ...(high === undefined ? [] : [b.constant('high', high)])])

const model = (build: (b: GraphBuilder, x: Value) => Value): Model =>
  buildModel((b) => void b.output(build(b, b.input('x', ['N', 64])), 'y'))

const boundsOf = (after: Model): (number | undefined)[] =>
  after.graph.nodes[0]!.inputs.slice(1).map((input) => input?.tensor && Number(input.tensor.toNumbers()[0]!.toFixed(3)))

describe('become one:', () => {
  test.each<[string, Model, string, (number | undefined)[]]>([
    ['Relu and Relu', model((b, x) => relu(b, relu(b, x))), 'Relu', []],
    ['Relu and Clip', model((b, x) => clip(b, relu(b, x), -0.5, 0.75)), 'Clip', [0, 0.75]],
    ['Relu and a Clip without a lower bound', model((b, x) => clip(b, relu(b, x), undefined, 0.5)), 'Clip', [0, 0.5]],
    ['Clip and Relu', model((b, x) => relu(b, clip(b, x, -0.5, 0.5))), 'Clip', [0, 0.5]],
    ['a Clip from below and Relu', model((b, x) => relu(b, clip(b, x, -0.5))), 'Relu', []],
    ['Clips that overlap', model((b, x) => clip(b, clip(b, x, -0.5, 0.5), -0.25, 0.75)), 'Clip', [-0.25, 0.5]],
    ['Clips that do not', model((b, x) => clip(b, clip(b, x, -0.5, -0.25), 0.25, 0.5)), 'Clip', [0.25, 0.25]],
    ['Clips from above', model((b, x) => clip(b, clip(b, x, undefined, 0.5), undefined, 0.25)), 'Clip', [undefined, 0.25]],
    ['three', model((b, x) => relu(b, clip(b, relu(b, x), -1, 0.5))), 'Clip', [0, 0.5]],
  ])('%s', async (_, before, op, bounds) => {
    const { ops, model: after } = await applyRule(['clips', 'dead-code'], before, { tolerance: 0 })
    expect(ops).toEqual([op])
    expect(boundsOf(after)).toEqual(bounds)
    expect(after.graph.outputs[0]!.name).toBe('y')
  })
})

describe('stay:', () => {
  test.each<[string, Model]>([
    ['a Clip whose bound is an input', model((b, x) => relu(b, b.node('Clip', [x, b.input('low', [])])))],
    ['a Clip whose bounds cross', model((b, x) => relu(b, clip(b, x, 0.5, -0.5)))],
    ['another op in between', model((b, x) => relu(b, b.node('Neg', [relu(b, x)])))],
    [
      'a first one that is an output',
      buildModel((b) => {
        const first = b.output(relu(b, b.input('x', [4])), 'first')
        b.output(clip(b, first, 0, 0.5), 'y')
      }),
    ],
    [
      'a first one that others read',
      buildModel((b) => {
        const first = relu(b, b.input('x', [4]))
        b.output(clip(b, first, 0, 0.5), 'y')
        b.output(b.node('Neg', [first]), 'z')
      }),
    ],
    [
      'whole numbers',
      buildModel((b) => {
        const bound = (name: string, value: number): Value => b.constant(name, Tensor.of('int32', [], [value]))
        const first = b.node('Clip', [b.input('x', [8], 'int32'), bound('a', -2), bound('b', 2)])
        b.output(b.node('Clip', [first, bound('c', 0), bound('d', 1)]), 'y')
      }),
    ],
    [
      'one in a branch and one around it',
      buildModel((b) => {
        const first = relu(b, b.input('x', [4]))
        const branch = (inner: GraphBuilder): Value => relu(inner, first)
        b.output(b.branches(b.input('condition', [], 'bool'), branch, branch), 'y')
      }),
    ],
  ])('%s', async (_, before) => {
    expect((await applyRule('clips', before, { tolerance: 0 })).report.changed).toEqual([])
  })
})
