import { wasmEngine } from '@whittle/engine'
import { type Model, type Quantization, Tensor, createRandom } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { clusterTensor, quantizeTensor } from '@whittle/quantize'
import { webnnCpu } from '@whittle/targets'
import { type GraphBuilder, buildModel, differenceOf, randomInputs, runModel } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { lower } from '../src/index.ts'

type Form = (data: Float32Array, dims: number[], axis: number, block: number) => { data: Float32Array; quantization: Quantization }

const forms: Record<string, Form> = {
  'a scale a channel': (data, dims, axis) => quantizeTensor(data, dims, { bits: 8, range: 'mse', axis }),
  '12 bits': (data, dims, axis) => quantizeTensor(data, dims, { bits: 12, range: 'mse', axis }),
  blocks: (data, dims, axis, at) => quantizeTensor(data, dims, { bits: 4, range: 'mse', axis, block: { axis: at, size: 3 } }),
  'blocks of one': (data, dims, axis, at) => quantizeTensor(data, dims, { bits: 8, range: 'mse', axis, block: { axis: at, size: 1 } }),
  'zero points': (data, dims, axis) => quantizeTensor(data, dims, { bits: 8, range: 'mse', axis, symmetric: false }),
  'zero points of blocks': (data, dims, axis, at) =>
    quantizeTensor(data, dims, { bits: 4, range: 'mse', axis, block: { axis: at, size: 4 }, symmetric: false }),
  'zero points with fractions': (data, dims, axis) =>
    quantizeTensor(data, dims, { bits: 4, range: 'mse', axis, symmetric: false, rounding: 'hqq' }),
  'levels of k-means': (data, dims, axis) => clusterTensor(data, dims, { bits: 4, axis }),
  'levels and blocks': (data, dims, axis, at) => clusterTensor(data, dims, { bits: 3, axis, block: { axis: at, size: 5 } }),
  'one scale': (data, dims) => clusterTensor(data, dims, { bits: 5 }),
}

/** The constant that a form makes of random numbers. */
function weight(b: GraphBuilder, name: string, dims: number[], form: Form, axis: number, block: number): ReturnType<GraphBuilder['input']> {
  const { data, quantization } = form(b.random(dims).toFloat32(), dims, axis, block)
  const value = b.constant(name, Tensor.float32(dims, data))
  value.quantization = quantization
  return value
}

const builders: Record<string, (form: Form) => Model> = {
  'a Conv': (form) =>
    buildModel((b) => void b.output(b.node('Conv', [b.input('x', [1, 7, 5, 5]), weight(b, 'w', [8, 7, 3, 3], form, 0, 1)]), 'y')),
  'a MatMul': (form) =>
    buildModel((b) => void b.output(b.node('MatMul', [b.input('x', [3, 10]), weight(b, 'w', [10, 6], form, 1, 0)]), 'y')),
  'an LSTM of two directions': (form) =>
    buildModel((b) => {
      const [w, r] = [weight(b, 'w', [2, 20, 4], form, 1, 2), weight(b, 'r', [2, 20, 5], form, 1, 0)]
      b.output(b.node('LSTM', [b.input('x', [6, 1, 4]), w, r], { hidden_size: 5, direction: 'bidirectional' }), 'y')
    }),
  'a Gather': (form) =>
    buildModel((b) => void b.output(b.node('Gather', [weight(b, 'w', [9, 6], form, 0, 1), b.input('x', [4], 'int64')]), 'y')),
  'branches that share it with the graph around them': (form) =>
    buildModel((b) => {
      const [x, shared] = [b.input('x', [2, 6]), weight(b, 'shared', [6, 6], form, 1, 0)]
      const flag = b.node('Greater', [b.node('ReduceMax', [x], { keepdims: 0 }), b.constant('limit', 1)])
      const inBranch = (own: string) => (inner: GraphBuilder) =>
        inner.node('MatMul', [inner.node('MatMul', [x, shared]), weight(inner, own, [6, 6], form, 1, 0)])
      b.output(b.node('MatMul', [b.branches(flag, inBranch('yes'), inBranch('no')), shared]), 'y')
    }),
}

describe.each(Object.entries(builders))('%s', (name, build) => {
  it.each(Object.entries(forms))('unfolds %s to exactly what was annotated', async (_, form) => {
    const before = build(form)
    const after = before.clone()
    const { stored } = lower(after, webnnCpu, {})
    expect(stored.length).toBeGreaterThan(0)
    expect([...after.initializers()].some((value) => ['int8', 'uint8', 'int16'].includes(value.tensor!.type))).toBe(true)
    const inputs = randomInputs(before, createRandom('x'), {})
    // An LSTM of constants packs them, and then adds up in another order.
    const expected = (await runModel(before, inputs))['y']!
    expect(differenceOf(expected, (await runModel(after, inputs))['y']!)).toBeLessThanOrEqual(name.includes('LSTM') ? 1e-6 : 0)
    // As the browser folds it.
    const session = await wasmEngine().open(writeOnnx(after))
    expect(differenceOf(expected, (await session.run(inputs))['y']!)).toBeLessThan(1e-5)
    await session.dispose()
  })
})

it('a constant that is an output of the model stays in float32', () => {
  const model = buildModel((b) => {
    const w = weight(b, 'w', [10, 6], forms['blocks']!, 1, 0)
    b.output(b.node('MatMul', [b.input('x', [3, 10]), w]), 'y')
    b.graph.addOutput(w)
  })
  expect(lower(model, webnnCpu, {}).stored).toEqual([])
  expect(model.graph.outputs[1]!.tensor!.type).toBe('float32')
})
