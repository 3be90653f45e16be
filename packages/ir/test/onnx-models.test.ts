import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Attribute, type Graph, INNER_OPSET, type Model, Tensor, createRandom, graphsOf, validate } from '@whittle/ir'
import { readOnnx, readOnnxFile, writeOnnx } from '@whittle/ir/onnx'
import { fixture, runModel } from '@whittle/testing'

const MODELS = {
  direction: { nodes: 471, inputs: { x: ['p2o.DynamicDimension.0', 3, 'p2o.DynamicDimension.1', 'p2o.DynamicDimension.2'] } },
  recogniser: { nodes: 765, inputs: { x: ['p2o.DynamicDimension.0', 3, 48, 'p2o.DynamicDimension.1'] } },
  detector: { nodes: 672, inputs: { x: ['p2o.DynamicDimension.0', 3, 'p2o.DynamicDimension.1', 'p2o.DynamicDimension.2'] } },
  voice: { nodes: 5, inputs: { input: ['input_dim0', 'input_dim1'], state: [2, 'state_dim1', 128], sr: [] } },
} as const
type Name = keyof typeof MODELS
const names = Object.keys(MODELS) as Name[]

function inputsOf(name: Name): Record<string, Tensor> {
  const random = createRandom(name)
  const normal = (dims: number[]): Tensor =>
    Tensor.float32(
      dims,
      Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal() * 0.5),
    )
  switch (name) {
    case 'direction':
      return { x: normal([1, 3, 48, 192]) }
    case 'recogniser':
      return { x: normal([1, 3, 48, 320]) }
    case 'detector':
      return { x: normal([1, 3, 64, 64]) }
    case 'voice':
      return { input: normal([1, 512]), state: normal([2, 1, 128]), sr: Tensor.int64([], [16000]) }
  }
}

/** All that two equal models have in common, in plain objects. Types of inner values are not written to the file. */
function contentOf(model: Model): unknown {
  const attribute = (item: Attribute): unknown => {
    if (item.type === 'tensor') return [item.value.type, item.value.dims, Buffer.from(item.value.bytes()).toString('base64')]
    const graphs = graphsOf(item)
    return graphs.length > 0 ? graphs.map(graph) : item.type === 'opaque' ? 'opaque' : item
  }
  const graph = (item: Graph): unknown => ({
    name: item.name,
    inputs: item.inputs.map((value) => [value.name, value.elementType, value.shape]),
    outputs: item.outputs.map((value) => [value.name, value.elementType, value.shape]),
    initializers: [...item.initializers].map((value) => [
      value.name,
      value.tensor!.dims,
      Buffer.from(value.tensor!.bytes()).toString('base64'),
    ]),
    nodes: item.nodes.map((node) => ({
      type: node.type,
      name: node.name,
      inputs: node.inputs.map((value) => value?.name),
      outputs: node.outputs.map((value) => value?.name),
      attributes: [...node.attributes].map(([key, value]) => [key, attribute(value)]),
    })),
  })
  return { opsets: [...model.opsets], metadata: model.metadata, graph: graph(model.graph) }
}

describe.each(names)('the real model %s', (name) => {
  const path = fixture(name)
  const bytes = readFileSync(path)

  test('is read in well under a second, valid, with its nodes and its free dimensions', () => {
    const start = performance.now()
    const { model, files } = readOnnxFile(path)
    expect(performance.now() - start).toBeLessThan(1000)
    validate(model)
    expect(files).toEqual([path])
    expect(model.opsets.get('')).toBe(INNER_OPSET)
    expect(model.graph.nodes.length).toBe(MODELS[name].nodes)
    expect(Object.fromEntries(model.graph.inputs.map((input) => [input.name, input.shape]))).toEqual(MODELS[name].inputs)
  })

  test('computes the same after reading, upgrading and writing', async () => {
    const inputs = inputsOf(name)
    const [before, after] = [await runModel(bytes, inputs), await runModel(writeOnnx(readOnnx(bytes)), inputs)]
    expect(Object.keys(after)).toEqual(Object.keys(before))
    for (const [output, tensor] of Object.entries(before)) {
      expect(after[output]!.dims).toEqual(tensor.dims)
      const [expected, found] = [tensor.toFloat32(), after[output]!.toFloat32()]
      const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0)
      const worst = expected.reduce((a, b, index) => Math.max(a, Math.abs(b - found[index]!)), 0)
      expect(largest).toBeGreaterThan(0)
      expect(worst / largest).toBeLessThan(1e-4)
    }
  })

  test('is the same model when it was written and read again, and the bytes repeat', () => {
    const model = readOnnx(bytes)
    const written = writeOnnx(model)
    const again = readOnnx(written)
    expect(contentOf(again)).toEqual(contentOf(model))
    expect(Buffer.compare(writeOnnx(again), written)).toBe(0)
    expect(Buffer.compare(writeOnnx(readOnnx(bytes)), written)).toBe(0)
  })
})

test('raw weights are views of the file, not copies', () => {
  const bytes = readFileSync(fixture('recogniser'))
  const model = readOnnx(bytes)
  const weights = model.graph.nodes.flatMap((node) => {
    const value = node.attributes.get('value')
    return node.op === 'Constant' && value?.type === 'tensor' ? [value.value.bytes()] : []
  })
  expect(weights.length).toBeGreaterThan(100)
  expect(weights.every((view) => view.byteLength === 0 || view.buffer === bytes.buffer)).toBe(true)
})
