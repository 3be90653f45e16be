import { Tensor, fromFloat16Bits, toFloat16Bits } from '@whittle/ir'
import { expect, it } from 'vitest'
import { readTfjs } from '../src/index.ts'
import { artifactsOf, attr, floats, ints, node, noise } from './read-graph-oracle.ts'
import { compare, tf, toTf } from './read-oracle.ts'

const clean = [-1.5, -0.25, 0.1, 0.75, 1.5, 2.25]

it.each([
  ['uint8', Uint8Array],
  ['uint16', Uint16Array],
  ['float16', Uint16Array],
] as const)('weights stored as %s are what TensorFlow.js makes of them', async (dtype, Stored) => {
  const graph = artifactsOf(node('AddV2', {}, { x: [6] }, { w: floats([6], ...clean) }))
  const levels = dtype === 'uint8' ? 255 : 65535
  const [min, scale] = [-1.5, 3.75 / levels]
  const stored = Stored.from(clean.map((value) => (dtype === 'float16' ? toFloat16Bits(value) : Math.round((value - min) / scale))))
  const quantization = dtype === 'float16' ? { dtype, original_dtype: 'float32' } : { dtype, min, scale, original_dtype: 'float32' }
  const spec = { name: 'w', shape: [6], dtype: 'float32', quantization }
  const bytes = new Uint8Array(stored.buffer)
  const json = { ...graph.json, weightsManifest: [{ paths: ['weights.bin'], weights: [spec] }] }
  // A Buffer that lies somewhere in a larger one, as files are read.
  const model = readTfjs(JSON.stringify(json), () => Buffer.concat([Buffer.alloc(2), bytes]).subarray(2))
  const { modelTopology, signature } = graph.json
  const oracle = await tf.loadGraphModel({
    load: () => Promise.resolve({ modelTopology, signature, format: 'graph-model', weightSpecs: [spec], weightData: bytes.buffer }),
  })
  const x = noise([6])
  await compare(model, { x }, [oracle.execute({ x: toTf(x) }, ['y']) as never])
  if (dtype === 'float16') {
    const [weight] = [...model.initializers()]
    expect([...weight!.tensor!.toFloat32()]).toEqual([...stored].map((bits) => Math.fround(fromFloat16Bits(bits))))
  }
})

it('texts among the weights are stepped over, and refused where they are used', () => {
  const graph = artifactsOf(node('AddV2', {}, { x: [2] }, { w: floats([2], 1, 2) }))
  const texts = Uint8Array.from([2, 0, 0, 0, 104, 105, 1, 0, 0, 0, 33])
  const weights = [
    { name: 't', shape: [2], dtype: 'string' },
    { name: 'w', shape: [2], dtype: 'float32' },
  ]
  const json = { ...graph.json, weightsManifest: [{ paths: ['weights.bin'], weights }] }
  const bytes = Uint8Array.from([...texts, ...graph.weights])
  const model = readTfjs(JSON.stringify(json), () => bytes)
  expect([...model.initializers()].map(({ tensor }) => tensor!.toNumbers())).toEqual([[1, 2]])
  weights.forEach((spec) => (spec.name = spec.name === 'w' ? 't' : 'w'))
  expect(() => readTfjs(JSON.stringify(json), () => bytes)).toThrow(expect.objectContaining({ code: 'TFJS_DTYPE' }))
})

it('truth values are zeros and ones whatever their bytes are', () => {
  const graph = artifactsOf(node('LogicalAnd', {}, { x: Tensor.of('bool', [2], [1, 1]) }, { w: Tensor.of('bool', [2], [1, 0]) }))
  const model = readTfjs(JSON.stringify(graph.json), () => Uint8Array.of(7, 0))
  expect([...model.initializers()].map(({ tensor }) => tensor!.toNumbers())).toEqual([[1, 0]])
})

it('a kernel that a graph reshapes, and one that two nodes read, is one constant each', () => {
  const convolution = { padding: attr.s('SAME'), strides: attr.ints(1, 1, 1, 1) }
  const graph = artifactsOf({
    inputs: { x: [1, 1, 9, 3] },
    constants: { w: noise([3, 3, 4]), at: ints(0) },
    nodes: [
      { name: 'k', op: 'ExpandDims', input: ['w', 'at'] },
      { name: 'a', op: 'Conv2D', input: ['x', 'k'], attr: convolution },
      { name: 'b', op: 'Conv2D', input: ['x', 'k'], attr: convolution },
      { name: 'y', op: 'AddV2', input: ['a', 'b'] },
    ],
    outputs: ['y'],
  })
  const model = readTfjs(JSON.stringify(graph.json), () => graph.weights)
  const floatConstants = [...model.initializers()].filter(({ tensor }) => tensor!.type === 'float32')
  expect(floatConstants.map(({ tensor }) => tensor!.dims)).toEqual([[4, 3, 1, 3]])
})
