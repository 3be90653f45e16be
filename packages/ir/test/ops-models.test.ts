import { type Dim, type Model, Tensor, type Value, createRandom, evaluateDim, inferShapes, macsOf, weightsOf } from '@whittle/ir'
import { readOnnxFile } from '@whittle/ir/onnx'
import { fixture, models, randomInputs, randomModel, runModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'

/** Real models and the sizes of their free dimensions: small, and no two alike. */
const REAL = {
  direction: { dims: { x: [2, 3, 48, 192] } },
  detector: { dims: { x: [1, 3, 64, 96] } },
  recogniser: { dims: { x: [2, 3, 48, 72] } },
  voice: { dims: { input: [1, 512], state: [2, 1, 128] } },
} as const satisfies Record<string, { dims: Record<string, readonly number[]> }>

/** Every tensor of the model's own graph becomes an output, so that the run tells its true type and shape. */
function exposeAll(model: Model): Value[] {
  const values = model.graph.nodes.flatMap((node) => node.outputs.filter((value) => value !== undefined))
  model.graph.setOutputs(values)
  return values
}

async function compareWithRun(
  model: Model,
  sizes: Record<string, number>,
  stated: Model,
  feeds: Record<string, Tensor> = {},
): Promise<number> {
  const copy = model.clone()
  const names = exposeAll(copy).map((value) => value.name)
  const actual = await runModel(copy, { ...randomInputs(stated, createRandom('shapes')), ...feeds })
  const byName = new Map(
    model.graph.nodes.flatMap((node) => node.outputs.flatMap((value) => (value ? [[value.name, value] as const] : []))),
  )
  const wrong: string[] = []
  for (const name of names) {
    const value = byName.get(name)!
    const tensor = actual[name]!
    const found = value.shape?.map((dim) => evaluateDim(dim, sizes) ?? `?${dim}`)
    if (value.elementType !== tensor.type || found?.join() !== tensor.dims.join())
      wrong.push(
        `${value.producer?.describe()}: inferred ${value.elementType}[${value.shape}] = [${found}], ran ${tensor.type}[${tensor.dims}]`,
      )
  }
  expect(wrong).toEqual([])
  return names.length
}

/** What each symbol of the inputs stands for in a run. */
function sizesOf(model: Model, dims: Record<string, readonly number[]>): Record<string, number> {
  return Object.fromEntries(
    model.graph.inputs.flatMap((input) =>
      (input.shape ?? []).flatMap((dim: Dim, axis) => (typeof dim === 'string' ? [[dim, dims[input.name]![axis]!]] : [])),
    ),
  )
}

describe('shape inference agrees with onnxruntime on every value', () => {
  test.each(Object.keys(REAL) as (keyof typeof REAL)[])('of %s, its free dimensions pinned', async (name) => {
    const { model } = readOnnxFile(fixture(name))
    const { unknown } = inferShapes(model, REAL[name])
    // Windows of 512 samples are for 16 kHz: the detector's branch for 8 kHz cannot run with them.
    expect(
      unknown.filter(({ at, why }) => !(name === 'voice' && at.startsWith('If ') && why.includes('cannot run with these shapes'))),
    ).toEqual([])
    const feeds = name === 'voice' ? { sr: Tensor.int64([], [16000]) } : undefined
    expect(await compareWithRun(model, {}, model, feeds)).toBeGreaterThan(name === 'voice' ? 3 : 100)
  })

  test.each(['direction', 'detector', 'recogniser'] as const)('of %s, with symbolic dimensions', async (name) => {
    const { model } = readOnnxFile(fixture(name))
    const pinned = model.clone()
    inferShapes(pinned, REAL[name])
    const sizes = sizesOf(model, REAL[name].dims)
    expect(inferShapes(model).unknown).toEqual([])
    // The file names the outputs' dimensions as it likes: the expressions are behind those.
    for (const output of model.graph.outputs) output.shape = pinned.graph.outputs.find((value) => value.name === output.name)!.shape
    await compareWithRun(model, sizes, pinned)
  })

  const withNodes = (Object.keys(models) as (keyof typeof models)[]).filter((name) => name !== 'empty')
  test.each(withNodes)('of the test model %s', async (name) => {
    const model = models[name]()
    await compareWithRun(model, { N: 2 }, model)
  })

  test.each(Array.from({ length: 12 }, (_, index) => index))('of random model %i', async (index) => {
    const model = randomModel(`shapes/${index}`)
    await compareWithRun(model, { N: 2 }, model)
  })
})

describe('multiply-accumulates', () => {
  test('of the classifier at 1x3x48x192 are those of its convolutions and its last product, counted by hand', () => {
    const { model } = readOnnxFile(fixture('direction'))
    inferShapes(model, { dims: { x: [1, 3, 48, 192] } })
    const { total, byNode } = macsOf(model)
    let expected = 0
    for (const node of model.graph.nodes) {
      if (node.op !== 'Conv' && node.op !== 'MatMul') continue
      const [, channels, height = 1, width = 1] = node.output.shape as number[]
      const weight = weightsOf(model).find((item) => item.node === node && item.role === 'kernel')!.tensor.dims
      expected += node.op === 'Conv' ? channels! * height * width * weight[1]! * weight[2]! * weight[3]! : weight[0]! * weight[1]!
    }
    expect(total).toBe(expected)
    expect(byNode.size).toBe(54)
    // Counted with onnx and onnxruntime in Python.
    expect(total).toBe(16_315_376)
  })

  test('are unknown in total while a dimension is free, and known where none is', () => {
    const { model } = readOnnxFile(fixture('direction'))
    inferShapes(model)
    expect(macsOf(model).total).toBeUndefined()
  })
})

describe('weights', () => {
  test.each([
    ['direction', 53, 35],
    ['detector', 62, 3],
  ] as const)('of %s are found in its Constant nodes', (name, convolutions, normalizations) => {
    const weights = weightsOf(readOnnxFile(fixture(name)).model)
    const kernels = weights.filter(({ node, role }) => node.op === 'Conv' && role === 'kernel')
    expect(kernels).toHaveLength(convolutions)
    for (const { tensor, outputAxis, inputAxis } of kernels) expect([tensor.dims.length, outputAxis, inputAxis]).toEqual([4, 0, 1])
    expect(weights.filter(({ node, role }) => node.op === 'BatchNormalization' && role === 'statistics')).toHaveLength(2 * normalizations)
  })

  test('of the voice detector are found in the branches of If', () => {
    const { model } = readOnnxFile(fixture('voice'))
    const weights = weightsOf(model)
    expect(weights.length).toBeGreaterThan(20)
    expect(weights.every(({ value }) => value.graph !== model.graph)).toBe(true)
  })
})
