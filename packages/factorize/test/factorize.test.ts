import { type Model, Tensor, type Value, compress, createRandom, macsOf, problemsOf, weightsOf } from '@whittle/ir'
import { quantize } from '@whittle/quantize'
import { simplify } from '@whittle/simplify'
import { buildModel, cut, differenceOf, fixture, randomInputs, runModel, transformContract } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { type FactorizeOptions, factorize } from '../src/index.ts'
import { multiply } from '../src/matrix.ts'
import { context, engine, noiseOf, randomMatrix, samplesOf } from './harness.ts'

/** For tiny models. */
const every = { multiple: 1, minSize: 0, gain: 0 }

transformContract('factorize', () => factorize({ ...every, rank: 0.3 }), { tolerance: Infinity })
transformContract('factorize on data', () => factorize({ ...every, parameters: 0.7, method: 'data' }), {
  tolerance: Infinity,
  context: (model) => ({ engine, calibration: samplesOf(model) }),
  randomModels: 4,
})

type Builder = Parameters<Parameters<typeof buildModel>[0]>[0]

const run = (model: Model, options: FactorizeOptions) =>
  compress(model, [factorize(options)], context({ calibration: samplesOf(model, 16) }))

const parametersOf = (model: Model): number =>
  [...new Map(weightsOf(model).map(({ value, tensor }) => [value, tensor.size])).values()].reduce((a, b) => a + b, 0)

/** A tensor of which any flattening at `split` has a rank of 3 at most, and along its last axes too: a sum of outer products. */
function lowRankTensor(dims: readonly number[], seed: string): Tensor {
  const data = new Float32Array(dims.reduce((a, b) => a * b, 1))
  for (let part = 0; part < 3; part++) {
    const vectors = dims.map((dim, axis) => randomMatrix(1, dim, `${seed} ${part} ${axis}`).data)
    for (let at = 0; at < data.length; at++) {
      let [rest, item] = [at, 1]
      for (let axis = dims.length - 1; axis >= 0; axis--) {
        item *= vectors[axis]![rest % dims[axis]!]!
        rest = Math.floor(rest / dims[axis]!)
      }
      data[at]! += item / Math.sqrt(dims[1] ?? 1)
    }
  }
  return Tensor.float32(dims, data)
}

const convOf = (dims: number[], input: (number | string)[], attributes: Record<string, number | number[] | string> = {}): (() => Model) => {
  return () =>
    buildModel((b) =>
      b.output(
        b.node('Conv', [b.input('x', input), b.constant('w', lowRankTensor(dims, 'conv')), b.weight('bias', [dims[0]!])], attributes),
        'y',
      ),
    )
}

/** Layers whose weights are of rank 3. */
const EXACT: Record<string, [() => Model, FactorizeOptions, string[]]> = {
  MatMul: [
    () => buildModel((b) => b.output(b.node('MatMul', [b.input('x', ['N', 5, 20]), b.constant('w', lowRankTensor([20, 24], 'a'))]), 'y')),
    { rank: 0.16 },
    ['MatMul', 'MatMul'],
  ],
  'Gemm with transB, alpha and beta': [
    () =>
      buildModel((b) => {
        const inputs = [b.input('x', [4, 20]), b.constant('w', lowRankTensor([24, 20], 'b')), b.weight('c', [4, 24])]
        b.output(b.node('Gemm', inputs, { transB: 1, alpha: 0.5, beta: 1.5 }), 'y')
      }),
    { rank: 0.16 },
    ['MatMul', 'Gemm'],
  ],
  'a 1 x 1 Conv with a stride': [convOf([24, 20, 1, 1], [2, 20, 7, 7], { strides: [2, 2] }), { rank: 0.16 }, ['Conv', 'Conv']],
  'a Conv to fewer outputs': [
    convOf([24, 20, 3, 3], [2, 20, 9, 8], { pads: [1, 0, 2, 1], strides: [2, 1], dilations: [1, 2] }),
    { rank: 0.16, form: 'output' },
    ['Conv', 'Conv'],
  ],
  'a Conv by Tucker-2': [
    convOf([24, 20, 3, 3], [2, 20, 9, 8], { pads: [1, 0, 2, 1], strides: [2, 1], dilations: [1, 2] }),
    { rank: 0.16, form: 'channel' },
    ['Conv', 'Conv', 'Conv'],
  ],
  'a Conv by a column and a row': [
    convOf([24, 20, 3, 5], [2, 20, 9, 11], { pads: [1, 0, 2, 1], strides: [2, 1], dilations: [1, 2] }),
    { rank: 0.06, form: 'spatial' },
    ['Conv', 'Conv'],
  ],
  'a Conv that pads by itself': [
    convOf([24, 20, 3, 3], [2, 20, 9, 8], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
    { rank: 0.06, form: 'spatial' },
    ['Conv', 'Conv'],
  ],
  'a Conv along one axis': [
    convOf([24, 20, 5], [2, 20, 13], { pads: [2, 2], strides: [2] }),
    { rank: 0.16, form: 'channel' },
    ['Conv', 'Conv', 'Conv'],
  ],
  'an embedding': [
    () =>
      buildModel((b) => {
        const ids = b.constant('ids', b.int64([3, 0, -1, 17]))
        b.output(b.node('Add', [b.node('Gather', [b.constant('w', lowRankTensor([30, 20], 'e')), ids]), b.input('x', [1, 20])]), 'y')
      }),
    { rank: 0.16 },
    ['Gather', 'MatMul', 'Add'],
  ],
}

describe.each(Object.keys(EXACT))('%s of low rank', (name) => {
  const [make, options, ops] = EXACT[name]!
  test.each(['weights', 'data'] as const)('gives the same in fewer weights, by its %s', async (method) => {
    const model = make()
    const { model: after, reports } = await run(model, { ...every, ...options, method })
    expect(problemsOf(after)).toEqual([])
    expect(after.graph.nodes.map(({ op }) => op)).toEqual(ops)
    expect(reports[0]!.changed.map(({ at }) => at)).toEqual(['w'])
    expect(reports[0]!.changed[0]!.what).toContain('100.0 %')
    expect(parametersOf(after)).toBeLessThan(parametersOf(model) / 2)
    const inputs = randomInputs(model, createRandom('inputs'))
    const [before, now] = [await runModel(model, inputs), await runModel(after, inputs)]
    expect(differenceOf(before['y']!, now['y']!)).toBeLessThan(1e-4)
  })
})

/** Inputs that move along few axes of many, and weights that know nothing of it. */
const twoLayers = (): Model =>
  buildModel((b) => {
    const spread = b.node('MatMul', [b.input('x', [12, 8]), b.constant('mix', randomTensor([8, 48], 'mix'))])
    const x = b.node('Add', [b.node('Tanh', [spread]), b.constant('mean', 0.5)])
    const first = b.node('Relu', [b.node('Add', [b.node('MatMul', [x, b.weight('w1', [48, 64], 0.2)]), b.weight('b1', [64])])])
    b.output(b.node('Gemm', [first, b.weight('w2', [64, 48], 0.2), b.weight('b2', [48])]), 'y')
  })

const randomTensor = (dims: [number, number], seed: string): Tensor =>
  Tensor.float32(dims, Float32Array.from(randomMatrix(...dims, seed).data))

describe('on calibration data', () => {
  test('outputs on other data change less than half as much as by the weights alone', async () => {
    const model = twoLayers()
    const byWeights = await run(model, { ...every, rank: 0.3 })
    const byData = await run(model, { ...every, rank: 0.3, method: 'data' })
    expect(byData.reports[0]!.changed.map(({ at }) => at)).toEqual(byWeights.reports[0]!.changed.map(({ at }) => at))
    expect(parametersOf(byData.model)).toBe(parametersOf(byWeights.model))
    expect(await noiseOf(model, byData.model)).toBeLessThan((await noiseOf(model, byWeights.model)) / 2)
  })

  test('the mean of what a layer gives stays, also where its bias is a row that is added behind', async () => {
    const model = twoLayers()
    const calibration = samplesOf(model, 16)
    const { model: after } = await compress(model, [factorize({ ...every, rank: 0.1, method: 'data' })], context({ calibration }))
    const means = async (of: Model, name: string): Promise<Float64Array> => {
      const copy = of.clone()
      const value = [...copy.graph.nodes].map(({ output }) => output).find((output) => output.name === name)!
      copy.graph.setOutputs([value])
      const sums = new Float64Array(64)
      for await (const { inputs } of calibration.samples())
        (await runModel(copy, inputs))[name]!.toFloat32().forEach((item, at) => (sums[at % 64]! += item / 16 / 12))
      return sums
    }
    const sum = model.graph.nodes.find(({ op, inputs }) => op === 'Add' && inputs[1]?.name === 'b1')!.output.name
    const [before, now] = [await means(model, sum), await means(after, sum)]
    before.forEach((item, at) => expect(now[at]).toBeCloseTo(item, 4))
  })

  test('is a DatasetError where there is none', async () => {
    const model = twoLayers()
    const bare = { ...context(), calibration: undefined }
    await expect(compress(model, [factorize({ method: 'data' })], bare)).rejects.toMatchObject({ code: 'CALIBRATION_MISSING' })
  })
})

describe('a budget', () => {
  test.each(['weights', 'data'] as const)('of parameters is held, and a second run keeps to it (%s)', async (method) => {
    const model = twoLayers()
    const options = { ...every, parameters: 0.6, method }
    const { model: after } = await run(model, options)
    expect(parametersOf(after)).toBeLessThanOrEqual(0.6 * parametersOf(model))
    expect(parametersOf(after)).toBeGreaterThan(0.5 * parametersOf(model))
    const { reports } = await run(after, options)
    expect(reports[0]!.changed).toEqual([])
  })

  test('of multiplications is held, through strides', async () => {
    const model = buildModel((b) => {
      const x = b.node('Relu', [b.node('Conv', [b.input('x', [1, 16, 12, 12]), b.weight('w1', [24, 16, 3, 3])], { strides: [2, 2] })])
      b.output(b.node('Conv', [x, b.weight('w2', [32, 24, 3, 3])]), 'y')
    })
    const { model: after, reports } = await run(model, { ...every, macs: 0.5 })
    const [before, now] = [macsOf(model).total!, macsOf(after).total!]
    expect(now).toBeLessThanOrEqual(0.5 * before)
    expect(now).toBeGreaterThan(0.4 * before)
    expect(reports[0]!.changed.length).toBeGreaterThan(0)
  })

  test('of multiplications needs inputs of fixed sizes', async () => {
    const model = buildModel((b) => b.output(b.node('MatMul', [b.input('x', ['N', 16]), b.weight('w', [16, 16])]), 'y'))
    await expect(run(model, { macs: 0.5 })).rejects.toMatchObject({ code: 'MACS_UNKNOWN' })
  })

  test('that cannot be held is named with what is left', async () => {
    const { reports } = await run(twoLayers(), { ...every, parameters: 0.01 })
    expect(reports[0]!.skipped.find(({ at }) => at === 'model')!.why).toMatch(/^parameters: 0\.\d+ are left, more than 0\.01/)
  })
})

test('energy=0.9 keeps as much of each layer, and a rank less would not', async () => {
  const model = buildModel((b) => b.output(b.node('MatMul', [b.input('x', [4, 32]), b.constant('w', skewed())]), 'y'))
  const { model: after, reports } = await run(model, { ...every, energy: 0.9 })
  const [first, last] = after.graph.nodes.map(({ inputs }) => inputs[1]!.tensor!) as [Tensor, Tensor]
  const w = skewed().toFloat32()
  const total = w.reduce((sum, item) => sum + item * item, 0)
  const keptOf = (rank: number): number => {
    const full = (tensor: Tensor) => ({ rows: tensor.dims[0]!, columns: tensor.dims[1]!, data: Float64Array.from(tensor.toFloat32()) })
    const [a, b] = [full(first), full(last)]
    for (let row = 0; row < a.rows; row++) a.data.fill(0, row * a.columns + rank, (row + 1) * a.columns)
    return 1 - multiply(a, b).data.reduce((sum, item, at) => sum + (w[at]! - item) ** 2, 0) / total
  }
  const [, rank] = first.dims as [number, number]
  expect(keptOf(rank)).toBeGreaterThanOrEqual(0.9 - 1e-6)
  expect(keptOf(rank - 1)).toBeLessThan(0.9)
  expect(reports[0]!.changed[0]!.what).toContain(`${(100 * keptOf(rank)).toFixed(1)} %`)
})

/** A matrix whose singular values fall off. */
function skewed(): Tensor {
  const [a, b] = [randomMatrix(32, 40, 'skewed'), randomMatrix(40, 32, 'other')]
  for (let row = 0; row < 32; row++) for (let at = 0; at < 40; at++) a.data[row * 40 + at]! *= 0.8 ** at
  return Tensor.float32([32, 32], Float32Array.from(multiply(a, b).data))
}

describe('left alone, with the reason', () => {
  const why = async (build: (b: Builder, x: Value) => Value, options: FactorizeOptions = {}): Promise<string | undefined> => {
    const model = buildModel((b) => b.output(build(b, b.input('x', [1, 32, 8, 8])), 'y'))
    const { model: after, reports } = await run(model, { ...every, rank: 0.2, ...options })
    expect(reports[0]!.changed).toEqual([])
    expect(parametersOf(after)).toBe(parametersOf(model))
    return reports[0]!.skipped.find(({ at }) => at === 'w')?.why
  }
  const conv = (dims: number[], group: number) => (b: Builder, x: Value) => b.node('Conv', [x, b.weight('w', dims)], { group })

  test('groups and depthwise convolutions', async () => {
    expect(await why(conv([32, 1, 3, 3], 32))).toBe('its Conv is depthwise')
    expect(await why(conv([32, 8, 3, 3], 4))).toBe('its Conv has 4 groups')
  })

  test('what several nodes share', async () => {
    const shared = (b: Builder, x: Value): Value => {
      const w = b.weight('w', [32, 32, 1, 1])
      return b.node('Conv', [b.node('Relu', [b.node('Conv', [x, w])]), w])
    }
    expect(await why(shared)).toBe('several nodes share it')
  })

  test('what is behind a Transpose', async () => {
    const turned = (b: Builder, x: Value): Value =>
      b.node('MatMul', [b.node('Reshape', [x, b.constant('shape', b.int64([64, 32]))]), b.node('Transpose', [b.weight('w', [16, 32])])])
    expect(await why(turned)).toBe('it is behind a Transpose; run simplify first')
  })

  test('small weights, other ops, and what saves too little', async () => {
    expect(await why(conv([16, 32, 3, 3], 1), { minSize: 5000 })).toBe('only 4608 elements, fewer than minSize 5000')
    expect(await why((b, x) => b.node('ConvTranspose', [x, b.weight('w', [32, 16, 3, 3])]))).toBe('a ConvTranspose is not factored')
    expect(await why(conv([32, 32, 1, 1], 1), { rank: 0.45, gain: 0.2 })).toBe(
      'with 0.45 of its rank it does not get smaller and faster by 0.2 of itself',
    )
  })

  test('what has a number format already', async () => {
    const model = buildModel((b) => b.output(b.node('MatMul', [b.input('x', [4, 32]), b.weight('w', [32, 32])]), 'y'))
    const { reports } = await compress(model, [quantize({ bits: 8, minSize: 0 }), factorize({ ...every, rank: 0.2 })], context())
    expect(reports[1]!.skipped).toEqual([{ at: 'w', why: 'it has a number format already; factorize before quantize and cluster' }])
  })

  test('an embedding where that is wished for, and where multiplications are to be saved', async () => {
    const table = (b: Builder, x: Value): Value =>
      b.node('Add', [
        b.node('Reshape', [
          b.node('Gather', [b.weight('w', [40, 32]), b.constant('ids', b.int64([1, 2]))]),
          b.constant('s', b.int64([1, 64, 1, 1])),
        ]),
        b.node('ReduceMean', [x]),
      ])
    expect(await why(table, { embeddings: false })).toBe('an embedding, and embeddings are left alone')
    expect(await why(table, { rank: undefined, macs: 0.5 })).toBe('an embedding, and embeddings are left alone')
  })
})

describe('refuses', () => {
  test.each<[FactorizeOptions, RegExp]>([
    [{ rank: 1 }, /factorize: expected a number in \(0, 1\) for rank, received 1/],
    [{ energy: 0 }, /for energy/],
    [{ rank: 0.5, energy: 0.9 }, /factorize: expected nothing beside rank for energy, received 0.9/],
    [{ parameters: Number.NaN }, /for parameters/],
    [{ macs: '0.5' as never }, /for macs/],
    [{ method: 'svd' as never }, /for method/],
    [{ form: 'tucker' as never }, /for form/],
    [{ gain: 1 }, /for gain/],
    [{ multiple: 0 }, /for multiple/],
    [{ minSize: -1 }, /for minSize/],
    [{ embeddings: 'no' as never }, /for embeddings/],
  ])('%j', (options, message) => {
    expect(() => factorize(options)).toThrow(message)
  })
})

test('real layers of half their rank give what they gave more nearly by their data than by their weights', async () => {
  const { model } = await compress(cut(fixture('direction'), 'Conv', 14), [simplify()], context())
  const noise: number[] = []
  for (const method of ['weights', 'data'] as const) {
    const { model: after } = await compress(
      model,
      [factorize({ rank: 0.5, gain: 0, minSize: 256, multiple: 2, method })],
      context({ calibration: samplesOf(model, 2) }),
    )
    expect(problemsOf(after)).toEqual([])
    expect(parametersOf(after)).toBeLessThan(0.95 * parametersOf(model))
    noise.push(await noiseOf(model, after, 2))
  }
  expect(noise[1]).toBeLessThan(noise[0]! / 2)
})
