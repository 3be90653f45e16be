import { type IntegerQuantization, type Model, Tensor, compress, createRandom } from '@whittle/ir'
import { readOnnxFile, writeOnnx } from '@whittle/ir/onnx'
import { type QuantizeOptions, quantize } from '@whittle/quantize'
import {
  type GraphBuilder,
  buildModel,
  differenceOf,
  fingerprint,
  fixture,
  models,
  randomInputs,
  runModel,
  transformContract,
} from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { context, datasetOf, engine, samplesOf, valueOf } from './harness.ts'

const calibrated = { context: (model: Model) => ({ engine, calibration: samplesOf(model) }) }

transformContract('quantize', () => quantize({ minSize: 0 }), { tolerance: 0.1, randomModels: 6 })
transformContract('quantize', () => quantize({ minSize: 0, activations: 8 }), { ...calibrated, tolerance: 0.1, randomModels: 6 })
transformContract('quantize', () => quantize({ minSize: 0, bits: 4, rounding: 'gptq' }), {
  ...calibrated,
  tolerance: Infinity,
  randomModels: 6,
})
transformContract('quantize', () => quantize({ minSize: 0, bits: 6, allocation: 'mixed' }), {
  ...calibrated,
  tolerance: 0.2,
  randomModels: 4,
})
transformContract('quantize', () => quantize({ minSize: 0, equalization: 'cross-layer' }), { tolerance: 0.1, randomModels: 6 })
transformContract('quantize', () => quantize({ minSize: 16, bits: 4, granularity: 'tensor', range: 'minmax' }), {
  tolerance: Infinity,
  randomModels: 3,
})

const run = async (model: Model, options: QuantizeOptions = {}, more: Parameters<typeof context>[0] = {}) => {
  const { model: after, reports } = await compress(model, [quantize({ minSize: 0, ...options })], context(more))
  const report = reports[0]!
  const reasons = Object.fromEntries(report.skipped.map(({ at, why }) => [at, why]))
  return { model: after, report, reasons }
}

const gridOf = (model: Model, name: string): IntegerQuantization => valueOf(model, name).quantization as IntegerQuantization

describe('options', () => {
  test('are filled in', () => {
    expect(quantize().options).toEqual({
      bits: 8,
      activations: null,
      range: 'mse',
      percentile: 99.99,
      granularity: 'channel',
      block: 32,
      symmetric: true,
      levels: 'uniform',
      rounding: 'nearest',
      allocation: 'uniform',
      sqnr: null,
      bytes: null,
      equalization: 'none',
      correction: 'none',
      smooth: null,
      minSize: 256,
      latent: false,
    })
    expect(quantize({ bits: undefined, range: undefined }).options).toEqual(quantize().options)
  })

  test.each<[object, string]>([
    [{ sqnr: 30 }, "null with allocation 'uniform' for sqnr, received 30"],
    [{ bytes: 0, allocation: 'mixed' }, 'a number of bytes or null for bytes, received 0'],
    [{ bits: 1 }, 'a whole number from 2 to 8 for bits, received 1'],
    [{ bits: 9 }, 'a whole number from 2 to 8 for bits, received 9'],
    [{ bits: 4.5 }, 'a whole number from 2 to 8 for bits, received 4.5'],
    [{ bits: '8' }, "a whole number from 2 to 8 for bits, received '8'"],
    [{ activations: 4 }, "8, 'dynamic' or null for activations, received 4"],
    [{ range: 'max' }, "'minmax', 'mse', 'percentile' or 'entropy' for range, received 'max'"],
    [{ percentile: 50 }, 'a share over 50 and up to 100 for percentile, received 50'],
    [{ granularity: 'row' }, "'channel', 'tensor' or 'block' for granularity, received 'row'"],
    [{ equalization: 'all' }, "'none' or 'cross-layer' for equalization, received 'all'"],
    [{ minSize: -1 }, 'a whole number of elements for minSize, received -1'],
  ])('refuses %j', (options, message) => {
    expect(() => quantize(options as QuantizeOptions)).toThrow(
      expect.objectContaining({ name: 'OptionError', code: 'OPTION_INVALID', message: `quantize: expected ${message}` }),
    )
  })
})

describe('weights', () => {
  test.each<[string, () => Model, string, number, number]>([
    ['of a Conv', models.convBnRelu, 'conv_w', 0, 8],
    ['of a Gemm with transB', models.mlp, 'gemm_w', 0, 16],
    ['of a MatMul', models.mlp, 'matmul_w', 1, 5],
    ['of both directions of an LSTM', models.lstm, 'lstm_w', 1, 24],
    ['between the steps of an LSTM', models.lstm, 'lstm_r', 1, 24],
    ['in a branch', models.branches, 'yes_w', 0, 4],
  ])('%s get a scale for each output channel, and their values are on the grid', async (_, make, name, axis, channels) => {
    const { model, report } = await run(make())
    const grid = gridOf(model, name)
    expect(grid).toMatchObject({ kind: 'integer', bits: 8, signed: true, axis })
    expect(grid.scale).toHaveLength(channels)
    const { tensor } = valueOf(model, name)
    const where = grid.block ? `axes 0 and ${axis}` : `axis ${axis}`
    expect(report.changed).toContainEqual({ at: name, what: `${tensor!.size} weights of 8 bits, ${channels} scales on ${where}` })
    const inner = tensor!.dims.slice(axis + 1).reduce((a, b) => a * b, 1)
    tensor!.toFloat32().forEach((item, index) => {
      const scale = grid.scale[Math.floor(index / inner) % channels]!
      expect(item).toBe(Math.fround(Math.round(item / scale) * scale))
    })
  })

  test('of one tensor get one scale where that is asked for', async () => {
    const { model, report } = await run(models.mlp(), { granularity: 'tensor', bits: 4 })
    expect(gridOf(model, 'gemm_w')).toMatchObject({ bits: 4, scale: { length: 1 } })
    expect(gridOf(model, 'gemm_w').axis).toBeUndefined()
    expect(report.changed).toContainEqual({ at: 'gemm_w', what: '192 weights of 4 bits, one scale' })
  })

  test('of an embedding are rounded too', async () => {
    const { model } = await run(models.embedding())
    expect(gridOf(model, 'table')).toMatchObject({ bits: 8 })
  })

  test('that nodes share get a scale a channel where all agree on the axis, else one scale', async () => {
    expect(gridOf((await run(models.sharedWeights())).model, 'shared_w')).toMatchObject({ axis: 0 })
    const tied = buildModel((b) => {
      const w = b.weight('w', [4, 4])
      const x = b.node('Gemm', [b.input('x', ['N', 4]), w])
      b.output(b.node('Gemm', [x, w], { transB: 1 }), 'y')
    })
    const { model, report } = await run(tied)
    expect(gridOf(model, 'w').axis).toBeUndefined()
    expect(report.changed).toEqual([{ at: 'w', what: '16 weights of 8 bits, one scale' }])
  })

  test('get nearer to the original with every bit', async () => {
    const model = models.attention()
    const inputs = randomInputs(model, createRandom('bits'))
    const expected = (await runModel(model, inputs))['y']!
    const errors: number[] = []
    for (const bits of [2, 4, 6, 8]) errors.push(differenceOf(expected, (await runModel((await run(model, { bits })).model, inputs))['y']!))
    expect(errors).toEqual([...errors].sort((a, b) => b - a))
    expect(errors.at(-1)).toBeLessThan(0.02)
  })

  test('in other bits than before are rounded again, in the same bits not', async () => {
    const first = await run(models.mlp())
    const same = await run(first.model)
    expect(same.report.changed).toEqual([])
    expect(same.reasons).toMatchObject({ gemm_w: 'it has 8 bits already', matmul_w: 'it has 8 bits already' })
    expect(fingerprint(same.model)).toBe(fingerprint(first.model))
    expect(gridOf((await run(first.model, { bits: 4 })).model, 'gemm_w').bits).toBe(4)
  })
})

describe('weights are left alone, with a reason:', () => {
  test('what is no kernel', async () => {
    const { reasons } = await run(models.convBnRelu())
    expect(reasons).toMatchObject({
      bn_scale: 'a scale: it weighs little and matters much',
      bn_mean: 'statistics: they weigh little and matter much',
    })
    expect((await run(models.mlp())).reasons).toMatchObject({ gemm_b: 'a bias: it weighs little and matters much' })
  })

  test('small ones', async () => {
    expect((await run(models.mlp(), { minSize: 100 })).reasons).toMatchObject({ matmul_w: 'only 80 elements, fewer than minSize 100' })
  })

  test('those of Constant nodes', async () => {
    expect((await run(models.constantNodes())).reasons).toMatchObject({ kernel: 'not an initializer; run simplify first' })
  })

  test('those that are not float32, or not finite', async () => {
    const model = buildModel((b) => {
      b.output(b.node('MatMul', [b.input('x', [2, 2], 'float16'), b.constant('half', Tensor.of('float16', [2, 2], [1, 2, 3, 4]))]), 'y')
      b.output(b.node('MatMul', [b.input('z', [2, 2]), b.constant('odd', Tensor.float32([2, 2], [1, NaN, 3, 4]))]), 'w')
    })
    expect((await run(model)).reasons).toEqual({ half: 'its elements are float16, not float32', odd: 'it has values that are not finite' })
  })
})

describe('activations', () => {
  const conv = (b: GraphBuilder, x: ReturnType<GraphBuilder['input']>, name = 'w') =>
    b.node('Conv', [x, b.weight(name, [4, 4, 1, 1])], {}, { outputs: [`${name}_out`] })
  const picture = (build: (b: GraphBuilder, x: ReturnType<GraphBuilder['input']>) => ReturnType<GraphBuilder['node']>): Model =>
    buildModel((b) => void b.output(build(b, b.input('x', ['N', 4, 3, 3])), 'y'))
  const annotated = (model: Model): string[] => {
    const names: string[] = []
    for (const value of [...model.graph.inputs, ...model.graph.nodes.flatMap(({ outputs }) => outputs)])
      if (value?.quantization) names.push(value.name)
    return names
  }
  const activations = async (model: Model, calibration = samplesOf(model)) => run(model, { activations: 8 }, { calibration })

  test('around Conv, Gemm and MatMul get an unsigned grid, behind the Relu or Clip that runtimes fuse', async () => {
    const model = picture((b, x) => b.node('Neg', [b.node('Relu', [conv(b, x)], {}, { outputs: ['relu'] })]))
    const { model: after, report } = await activations(model)
    expect(annotated(after)).toEqual(['x', 'relu'])
    expect(gridOf(after, 'relu')).toMatchObject({
      kind: 'integer',
      bits: 8,
      signed: false,
      scale: { length: 1 },
      zeroPoint: Int32Array.of(0),
    })
    expect(report.changed.map(({ what }) => what).filter((what) => /^activation in \[.+, .+\]$/.test(what))).toHaveLength(2)
    const clipped = picture((b, x) =>
      b.node('Neg', [b.node('Clip', [conv(b, x), b.constant('zero', 0), b.constant('six', 6)], {}, { outputs: ['clip'] })]),
    )
    expect(annotated((await activations(clipped)).model)).toEqual(['x', 'clip'])
  })

  test('before a Relu that others share, or that is in a branch, get their own', async () => {
    const shared = picture((b, x) => {
      const middle = conv(b, x)
      return b.node('Add', [b.node('Relu', [middle]), middle])
    })
    expect(annotated((await activations(shared)).model)).toEqual(['x', 'w_out'])
    const inside = buildModel((b) => {
      const x = b.input('x', ['N', 4, 3, 3])
      const middle = conv(b, x)
      const condition = b.node('Greater', [b.node('ReduceSum', [x], { keepdims: 0 }), b.constant('zero', 0)])
      b.output(
        b.branches(
          condition,
          (yes) => yes.node('Relu', [middle]),
          (no) => no.node('Neg', [x]),
        ),
        'y',
      )
    })
    expect(annotated((await activations(inside)).model)).toEqual(['x', 'w_out'])
  })

  test('that are only a limit of a Clip get their own grid, not that of the Clip', async () => {
    const model = buildModel((b) => {
      const x = b.input('x', [1, 1])
      const limit = b.node('Reshape', [
        b.node('MatMul', [x, b.weight('w', [1, 1])], {}, { outputs: ['limit'] }),
        b.constant('none', b.int64([])),
      ])
      b.output(b.node('Clip', [x, limit]), 'y')
    })
    expect(annotated((await activations(model)).model)).toEqual(['x', 'limit'])
  })

  test('cover what the model itself gives on the data', async () => {
    const model = models.mlp()
    const { model: after } = await activations(model)
    const grid = gridOf(after, 'x')
    let [min, max] = [0, 0]
    for await (const { inputs } of samplesOf(model).samples())
      for (const item of inputs['x']!.toNumbers()) [min, max] = [Math.min(min, item), Math.max(max, item)]
    const minmax = gridOf((await run(model, { activations: 8, range: 'minmax' }, { calibration: samplesOf(model) })).model, 'x')
    expect(minmax.scale[0]).toBe(Math.fround((max - min) / 255))
    expect(minmax.zeroPoint[0]).toBe(Math.round(-min / minmax.scale[0]!))
    expect(grid.scale[0]).toBeLessThanOrEqual(minmax.scale[0]!)
  })

  test('that never change keep a grid that holds them', async () => {
    const model = picture((b, x) => conv(b, b.node('Mul', [x, b.constant('zero', 0)], {}, { outputs: ['zeros'] })))
    expect(gridOf((await activations(model)).model, 'zeros')).toMatchObject({ scale: Float32Array.of(1), zeroPoint: Int32Array.of(0) })
  })

  test('that never change are named, and lie on their grid', async () => {
    const model = picture((b, x) => b.node('Neg', [conv(b, x)]))
    const constant = datasetOf([{ x: Tensor.float32([1, 4, 3, 3], new Float32Array(36).fill(5)) }])
    for (const range of ['minmax', 'mse', 'percentile', 'entropy'] as const) {
      const { model: after, report } = await run(model, { activations: 8, range }, { calibration: constant })
      expect(report.changed).toContainEqual({ at: 'x', what: 'activation that is always 5' })
      const { scale, zeroPoint } = gridOf(after, 'x')
      expect(Math.round(5 / scale[0]!) * scale[0]!).toBeCloseTo(5, 5)
      expect(Math.round(5 / scale[0]!) + zeroPoint[0]!).toBeLessThanOrEqual(255)
    }
  })

  test('that are NaN or infinite are named and get no grid', async () => {
    const model = picture((b, x) => b.node('Neg', [conv(b, x)]))
    const sample = (value: number) => ({
      x: Tensor.float32(
        [1, 4, 3, 3],
        new Float32Array(36).fill(1).map((one, at) => (at === 0 ? value : one)),
      ),
    })
    const some = await activations(model, datasetOf([sample(1), sample(NaN)]))
    expect(some.reasons).toMatchObject({ x: 'it is NaN or infinite on the calibration data (1 times)' })
    expect(annotated(some.model)).toEqual([])
    const none = await activations(model, datasetOf([{ x: Tensor.float32([1, 4, 3, 3], new Float32Array(36).fill(Infinity)) }]))
    expect(none.reasons).toMatchObject({ x: 'it is NaN or infinite on the calibration data (36 times)' })
    expect(annotated(none.model)).toEqual([])
  })

  test('inside a subgraph are named as not measured', async () => {
    const { reasons } = await activations(models.branches())
    expect(Object.values(reasons).filter((why) => why === 'inside a subgraph its activations cannot be measured')).toHaveLength(2)
  })

  test('get no new grid in a second run', async () => {
    const model = models.mlp()
    const first = await activations(model)
    const second = await activations(first.model, samplesOf(model, 3, 'others'))
    expect(second.report.changed).toEqual([])
    expect(second.reasons).toMatchObject({ graph: 'no activation of a Conv, Gemm or MatMul is without a grid' })
  })

  test('are measured before the weights are rounded', async () => {
    const model = picture((b, x) => b.node('Neg', [conv(b, x)]))
    const calibration = samplesOf(model)
    const both = await run(model, { activations: 8, bits: 2 }, { calibration })
    const fine = await run(model, { activations: 8, bits: 8 }, { calibration })
    expect(gridOf(both.model, 'w_out')).toEqual(gridOf(fine.model, 'w_out'))
  })

  test('without data, and with a dataset that yields nothing or does not fit, the error names the step', async () => {
    const model = models.mlp()
    await expect(run(model, { activations: 8 })).rejects.toMatchObject({
      name: 'DatasetError',
      message: 'quantize: activations need calibration data and an engine; give them, or leave activations out',
    })
    await expect(activations(model, datasetOf([]))).rejects.toMatchObject({
      name: 'DatasetError',
      message: "quantize: the calibration dataset 'list' yields no samples",
    })
    await expect(activations(model, datasetOf([{ z: Tensor.float32([1, 12], new Float32Array(12)) }]))).rejects.toMatchObject({
      name: 'DatasetError',
      message: "quantize: inputs: the model has no input 'z'; its inputs are 'x'",
    })
  })
})

describe('real models', () => {
  /** Initializers in place of Constant nodes, as simplify makes them. */
  const load = (name: 'direction' | 'voice'): Model => {
    const { model } = readOnnxFile(fixture(name))
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        const attribute = node.attributes.get('value')
        if (node.op !== 'Constant' || attribute?.type !== 'tensor' || node.output.isOutput) continue
        graph.replaceUses(node.output, graph.addInitializer(node.output.name, attribute.value))
        graph.removeNode(node)
      }
    return model
  }

  test('the text direction classifier in 8 bits, with activations: every large kernel, the same bytes each time', async () => {
    const model = load('direction')
    const calibration = samplesOf(model, 2)
    const { model: after, report, reasons } = await run(model, { activations: 8, minSize: 256 }, { calibration })
    const kernels = report.changed.filter(({ what }) => /weights of 8 bits/.test(what))
    const small = Object.values(reasons).filter((why) => why.startsWith('only'))
    expect(kernels.length + small.length).toBe(54)
    expect(kernels.length).toBeGreaterThan(40)
    for (const { at } of kernels) expect(gridOf(after, at).bits).toBe(8)
    expect(Buffer.compare(writeOnnx((await run(model, { activations: 8, minSize: 256 }, { calibration })).model), writeOnnx(after))).toBe(0)
  })

  test('the text direction classifier gives nearly the same with weights of 8 bits', async () => {
    const model = load('direction')
    const { model: after } = await run(model, { minSize: 256 })
    for await (const { inputs } of samplesOf(model, 2).samples()) {
      const [expected, actual] = [await runModel(model, inputs), await runModel(after, inputs)]
      for (const [name, tensor] of Object.entries(expected)) expect(differenceOf(tensor, actual[name]!)).toBeLessThan(0.05)
    }
  })

  test('the voice detector has its kernels in the branches of If, and they are rounded there', async () => {
    const { report, model } = await run(load('voice'), { minSize: 256 })
    expect(report.changed.length).toBeGreaterThanOrEqual(10)
    for (const { at } of report.changed) expect(valueOf(model, at).graph, at).not.toBe(model.graph)
  })
})
