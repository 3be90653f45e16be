import { type Model, type Node, Tensor, type Tensors, createRandom } from '@whittle/ir'
import { type GraphBuilder, buildModel, randomInputs } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { type Gram, collectGrams, whyNoGram } from '../src/gram.ts'
import { context, datasetOf } from './harness.ts'

/** Every patch that a convolution cuts out of one sample, by group: `[position][channel of the group * taps]`. */
function patchesOf(x: Tensor, kernel: readonly number[], attributes: Record<string, number[]>, groups: number): number[][][] {
  const [batch, channels, ...sizes] = x.dims as [number, number, ...number[]]
  const rank = sizes.length
  const ones = Array.from({ length: rank }, () => 1)
  const { strides = ones, dilations = ones, pads = Array.from({ length: 2 * rank }, () => 0) } = attributes
  const outputs = sizes.map(
    (size, axis) => Math.floor((size + pads[axis]! + pads[rank + axis]! - dilations[axis]! * (kernel[axis]! - 1) - 1) / strides[axis]!) + 1,
  )
  const data = x.toFloat32()
  const at = (index: number, dims: readonly number[]): number[] => {
    const result: number[] = []
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      result.unshift(index % dims[axis]!)
      index = Math.floor(index / dims[axis]!)
    }
    return result
  }
  const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1)
  const read = (n: number, c: number, place: readonly number[]): number => {
    if (place.some((p, axis) => p < 0 || p >= sizes[axis]!)) return 0
    return data[place.reduce((sum, p, axis) => sum * sizes[axis]! + p, n * channels + c)]!
  }
  return Array.from({ length: groups }, (_, group) => {
    const patches: number[][] = []
    for (let n = 0; n < batch; n++)
      for (let position = 0; position < product(outputs); position++) {
        const start = at(position, outputs).map((p, axis) => p * strides[axis]! - pads[axis]!)
        const patch: number[] = []
        for (let c = 0; c < channels / groups; c++)
          for (let tap = 0; tap < product(kernel); tap++) {
            const offset = at(tap, kernel)
            patch.push(
              read(
                n,
                group * (channels / groups) + c,
                start.map((p, axis) => p + offset[axis]! * dilations[axis]!),
              ),
            )
          }
        patches.push(patch)
      }
    return patches
  })
}

function statistics(rows: readonly number[][]): { mean: number[]; covariance: number[] } {
  const size = rows[0]!.length
  const mean = Array.from({ length: size }, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length)
  const covariance = Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size]
    return rows.reduce((sum, row) => sum + (row[i]! - mean[i]!) * (row[j]! - mean[j]!), 0) / rows.length
  })
  return { mean, covariance }
}

function expectGram(gram: Gram, rows: readonly number[][]): void {
  const { mean, covariance } = statistics(rows)
  expect(gram.size).toBe(mean.length)
  mean.forEach((item, index) => expect(gram.mean[index]!).toBeCloseTo(item, 4))
  covariance.forEach((item, index) => expect(gram.covariance[index]!).toBeCloseTo(item, 4))
}

const samplesFor = (model: Model, count: number): Tensors[] =>
  Array.from({ length: count }, (_, at) => {
    const inputs = randomInputs(model, createRandom(`gram/${at}`), { N: 1 + (at % 2) })
    // A mean that is not zero.
    return Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => [
        name,
        Tensor.float32(
          tensor.dims,
          tensor.toFloat32().map((item) => item + 0.5),
        ),
      ]),
    )
  })

async function measured(
  model: Model,
  nodes: readonly Node[] = model.graph.nodes,
): Promise<{ grams: Map<Node, Gram[]>; samples: Tensors[] }> {
  const samples = samplesFor(model, 3)
  return { grams: await collectGrams(model, nodes, context({ calibration: datasetOf(samples) })), samples }
}

describe('of a Conv it gives the moments of every patch', () => {
  interface Case {
    shape: (number | string)[]
    kernel: number[]
    attributes?: Record<string, number[]>
    group?: number
  }
  const cases: Record<string, Case> = {
    plain: { shape: ['N', 2, 5, 6], kernel: [4, 2, 3, 2] },
    'of one tap': { shape: ['N', 3, 4, 4], kernel: [4, 3, 1, 1] },
    'of one tap, with strides': { shape: ['N', 3, 5, 4], kernel: [4, 3, 1, 1], attributes: { strides: [2, 3] } },
    'of one tap, with pads': { shape: ['N', 2, 3, 3], kernel: [2, 2, 1, 1], attributes: { pads: [1, 0, 0, 1] } },
    'of one tap, in groups': { shape: ['N', 4, 3, 3], kernel: [4, 2, 1, 1], group: 2 },
    'with strides and uneven pads': { shape: ['N', 2, 6, 5], kernel: [3, 2, 3, 3], attributes: { strides: [2, 1], pads: [1, 0, 2, 1] } },
    'with dilations': { shape: ['N', 2, 7, 8], kernel: [3, 2, 3, 2], attributes: { dilations: [2, 3] } },
    'in groups': { shape: ['N', 4, 5, 5], kernel: [6, 2, 3, 3], group: 2 },
    depthwise: { shape: ['N', 3, 5, 5], kernel: [3, 1, 3, 3], group: 3, attributes: { pads: [1, 1, 1, 1] } },
    'in one dimension': { shape: ['N', 3, 9], kernel: [2, 3, 4], attributes: { strides: [2], pads: [1, 2] } },
    'in three dimensions': { shape: ['N', 2, 3, 4, 3], kernel: [2, 2, 2, 2, 2], attributes: { pads: [0, 1, 0, 0, 0, 1] } },
  }
  test.each(Object.keys(cases))('%s', async (key) => {
    const { shape, kernel, attributes = {}, group = 1 } = cases[key]!
    const model = buildModel(
      (b) => void b.output(b.node('Conv', [b.input('x', shape), b.weight('w', kernel)], { ...attributes, group }), 'y'),
    )
    const { grams, samples } = await measured(model)
    const [found] = grams.values()
    expect(found).toHaveLength(group)
    const patches = samples.map(({ x }) => patchesOf(x!, kernel.slice(2), attributes, group))
    found!.forEach((gram, at) =>
      expectGram(
        gram,
        patches.flatMap((sample) => sample[at]!),
      ),
    )
  })
})

const rowsOf = (tensor: Tensor, size: number): number[][] => {
  const data = tensor.toNumbers()
  return Array.from({ length: data.length / size }, (_, at) => data.slice(at * size, (at + 1) * size))
}

describe('of a product of matrices it gives the moments of every row', () => {
  const cases: Record<string, (b: GraphBuilder) => void> = {
    'MatMul of a matrix': (b) => b.node('MatMul', [b.input('x', ['N', 5]), b.weight('w', [5, 3])]),
    'MatMul of a stack': (b) => b.node('MatMul', [b.input('x', ['N', 3, 2, 5]), b.weight('w', [5, 3])]),
    Gemm: (b) => b.node('Gemm', [b.input('x', ['N', 5]), b.weight('w', [5, 3])]),
    'Gemm with transB': (b) => b.node('Gemm', [b.input('x', ['N', 5]), b.weight('w', [3, 5])], { transB: 1 }),
  }
  test.each(Object.keys(cases))('%s', async (key) => {
    const model = buildModel((b) => {
      cases[key]!(b)
      b.output(b.graph.nodes[0]!.output, 'y')
    })
    const { grams, samples } = await measured(model)
    expectGram(
      [...grams.values()][0]![0]!,
      samples.flatMap(({ x }) => rowsOf(x!, 5)),
    )
  })
})

test('inner nodes are measured on what the nodes before them give, all in one run', async () => {
  const model = buildModel((b) => {
    const first = b.node('Relu', [b.node('MatMul', [b.input('x', ['N', 4]), b.weight('w', [4, 3])])])
    b.output(b.node('MatMul', [first, b.weight('v', [3, 2])]), 'y')
  })
  const nodes = model.graph.nodes.filter(({ op }) => op === 'MatMul')
  const { grams, samples } = await measured(model, nodes)
  const w = [...model.initializers()][0]!.tensor!.toNumbers()
  const hidden = samples
    .flatMap(({ x }) => rowsOf(x!, 4))
    .map((row) =>
      [0, 1, 2].map((j) =>
        Math.max(
          0,
          row.reduce((sum, item, i) => sum + item * w[i * 3 + j]!, 0),
        ),
      ),
    )
  expectGram(grams.get(nodes[1]!)![0]!, hidden)
})

test('progress counts the samples', async () => {
  const model = buildModel((b) => void b.output(b.node('MatMul', [b.input('x', ['N', 4]), b.weight('w', [4, 3])]), 'y'))
  const seen: unknown[] = []
  await collectGrams(
    model,
    model.graph.nodes,
    context({ calibration: datasetOf(samplesFor(model, 2)), onProgress: (progress) => seen.push(progress) }),
  )
  expect(seen).toEqual([1, 2].map((done) => ({ step: 'measuring inputs', done, total: 2 })))
})

describe('whyNoGram', () => {
  const why = (build: (b: GraphBuilder) => void): string | undefined => whyNoGram(buildModel(build).graph.nodes.at(-1)!)
  test.each<[string, (b: GraphBuilder) => void, string | undefined]>([
    [
      'a Conv with auto_pad',
      (b) => b.node('Conv', [b.input('x', [1, 1, 4, 4]), b.weight('w', [1, 1, 3, 3])], { auto_pad: 'SAME_UPPER' }),
      'its Conv has auto_pad',
    ],
    [
      'a Conv with auto_pad NOTSET',
      (b) => b.node('Conv', [b.input('x', [1, 1, 4, 4]), b.weight('w', [1, 1, 3, 3])], { auto_pad: 'NOTSET' }),
      undefined,
    ],
    ['a Gemm with transA', (b) => b.node('Gemm', [b.input('x', [3, 2]), b.weight('w', [3, 4])], { transA: 1 }), 'its Gemm has transA'],
    ['a stack of kernels', (b) => b.node('MatMul', [b.input('x', [2, 3, 4]), b.weight('w', [2, 4, 5])]), 'its kernel is no matrix'],
    [
      'a kernel that is an input',
      (b) => b.node('MatMul', [b.input('x', [3, 4]), b.input('w', [4, 5])]),
      'its kernel is not an initializer',
    ],
    [
      'a ConvTranspose',
      (b) => b.node('ConvTranspose', [b.input('x', [1, 1, 4, 4]), b.weight('w', [1, 1, 3, 3])]),
      'ConvTranspose is not measured',
    ],
  ])('%s', (_, build, expected) => expect(why(build)).toBe(expected))
})

describe('refuses', () => {
  const model = buildModel((b) => void b.output(b.node('MatMul', [b.input('x', ['N', 2]), b.weight('w', [2, 3])]), 'y'))
  const collect = (more: Parameters<typeof context>[0]): Promise<unknown> => collectGrams(model, model.graph.nodes, context(more))

  test('to work without calibration data or without an engine', async () => {
    const expected = {
      name: 'DatasetError',
      code: 'CALIBRATION_MISSING',
      message: 'the statistics of layers need calibration data and an engine; give them, or take a method that needs none',
    }
    await expect(collect({})).rejects.toMatchObject(expected)
    await expect(collect({ engine: undefined, calibration: datasetOf([]) })).rejects.toMatchObject(expected)
  })

  test('a dataset that yields nothing', async () => {
    await expect(collect({ calibration: datasetOf([]) })).rejects.toMatchObject({
      code: 'DATASET_EMPTY',
      message: "the calibration dataset 'list' yields no samples",
    })
  })

  test('a sample that makes a layer read NaN, by its number', async () => {
    const sample = (value: number): Tensors => ({ x: Tensor.float32([1, 2], [value, 1]) })
    await expect(collect({ calibration: datasetOf([sample(1), sample(NaN)]) })).rejects.toMatchObject({
      name: 'DatasetError',
      code: 'CALIBRATION_NOT_FINITE',
      message: "sample 1 of the calibration dataset 'list' gives NaN or infinite inputs to MatMul 'y'; leave it out",
    })
  })

  test('a sample under a wrong name, and one of the wrong shape', async () => {
    await expect(collect({ calibration: datasetOf([{ z: Tensor.float32([1, 2], [1, 2]) }]) })).rejects.toThrow("the model has no input 'z'")
    await expect(collect({ calibration: datasetOf([{ x: Tensor.float32([1, 3], [1, 2, 3]) }]) })).rejects.toThrow(
      'has shape [1, 3]; the model expects',
    )
  })
})
