import { type IntegerQuantization, type Model, type Report, Tensor, type Value, compress, createRandom } from '@whittle/ir'
import { type GraphBuilder, buildModel, fixture, models, randomInputs, runModel } from '@whittle/testing'
import { readOnnxFile } from '@whittle/ir/onnx'
import { simplify } from '@whittle/simplify'
import { describe, expect, test } from 'vitest'
import { absorbBiases } from '../src/absorb.ts'
import { statisticsOf } from '../src/batch-statistics.ts'
import { clippedNormal, mappedNormal } from '../src/clipped-normal.ts'
import { quantize } from '../src/quantize.ts'
import { context, squaredError, valueOf } from './harness.ts'

const random = createRandom('batch statistics')

/** Mean and deviation of each channel (axis 1) over all else. */
function measured(tensor: Tensor): { mean: number[]; deviation: number[]; low: number[]; high: number[] } {
  const channels = tensor.dims[1]!
  const inner = tensor.dims.slice(2).reduce((a, b) => a * b, 1)
  const lists = Array.from({ length: channels }, () => [] as number[])
  tensor.toFloat32().forEach((item, at) => lists[Math.floor(at / inner) % channels]!.push(item))
  const mean = lists.map((list) => list.reduce((a, b) => a + b, 0) / list.length)
  const deviation = lists.map((list, at) => Math.sqrt(list.reduce((a, b) => a + (b - mean[at]!) ** 2, 0) / list.length))
  return {
    mean,
    deviation,
    low: lists.map((list) => list.reduce((a, b) => Math.min(a, b))),
    high: lists.map((list) => list.reduce((a, b) => Math.max(a, b))),
  }
}

describe('a clipped normal number', () => {
  test.each<[number, number, number, number]>([
    [0, 1, 0, Infinity],
    [1.5, 0.5, 0, Infinity],
    [-2, 1, 0, 6],
    [4, 3, 0, 6],
    [0.3, 2, -1, 1],
    [2, 1, -Infinity, 6],
    [2, 1, -Infinity, Infinity],
    [3, 0, 0, 1],
  ])('of mean %f and deviation %f in [%f, %f] has the moments of its integral', (mean, deviation, low, high) => {
    const clip = (item: number): number => Math.max(low, Math.min(high, item))
    let [weight, first, second] = [0, 0, 0]
    for (let z = -9; z <= 9; z += 1e-4) {
      const share = Math.exp((-z * z) / 2)
      const item = clip(mean + z * deviation)
      weight += share
      first += share * item
      second += share * item * item
    }
    const expected = { mean: first / weight, deviation: Math.sqrt(Math.max(0, second / weight - (first / weight) ** 2)) }
    const closed = clippedNormal({ mean, deviation }, low, high)
    const numeric = mappedNormal({ mean, deviation }, clip)
    for (const key of ['mean', 'deviation'] as const) {
      expect(closed[key]).toBeCloseTo(expected[key], 5)
      expect(numeric[key]).toBeCloseTo(expected[key], 3)
    }
  })

  test('behind a ReLU has the mean of the textbook: m P(z > -m) + p(m)', () => {
    expect(clippedNormal({ mean: 0, deviation: 2 }, 0, Infinity).mean).toBeCloseTo(2 / Math.sqrt(2 * Math.PI), 7)
  })
})

/** Normal inputs of given mean and deviation behind a 1 x 1 layer whose output is said to be so. */
function told(build: (b: GraphBuilder, x: Value) => Value, channels = 3): { model: Model; samples: Tensor } {
  const mean = Float32Array.from({ length: channels }, () => random.normal() * 2)
  const deviation = Float32Array.from({ length: channels }, () => 0.3 + random.next() * 2)
  const model = buildModel((b) => {
    const unit = Float32Array.from({ length: channels ** 2 }, (_, at) => (Math.floor(at / channels) === at % channels ? 1 : 0))
    const x = b.node('Conv', [b.input('x', ['N', channels, 1, 1]), b.constant('unit', Tensor.float32([channels, channels, 1, 1], unit))])
    b.output(build(b, x), 'y')
  })
  model.graph.nodes[0]!.output.distribution = { mean, deviation }
  const count = 20_000
  const data = Float32Array.from(
    { length: count * channels },
    (_, at) => mean[at % channels]! + random.normal() * deviation[at % channels]!,
  )
  return { model, samples: Tensor.float32([count, channels, 1, 1], data) }
}

describe('what is expected of a value is what samples show, and its range holds them,', () => {
  test.each<[string, (b: GraphBuilder, x: Value) => Value]>([
    ['behind Relu', (b, x) => b.node('Relu', [x])],
    ['behind ReLU6', (b, x) => b.node('Clip', [x, b.constant('l', 0), b.constant('h', 6)])],
    ['behind HardSwish', (b, x) => b.node('HardSwish', [x])],
    ['behind Sigmoid', (b, x) => b.node('Sigmoid', [x])],
    ['behind HardSigmoid', (b, x) => b.node('HardSigmoid', [x])],
    ['behind LeakyRelu', (b, x) => b.node('LeakyRelu', [x])],
    ['of a layer', (b, x) => b.node('Conv', [x, b.weight('w', [4, 3, 1, 1]), b.weight('bias', [4])])],
    ['of a depthwise layer behind Relu', (b, x) => b.node('Conv', [b.node('Relu', [x]), b.weight('w', [3, 1, 1, 1])], { group: 3 })],
    [
      'of a classifier',
      (b, x) => b.node('Gemm', [b.node('Flatten', [b.node('GlobalAveragePool', [x])]), b.weight('w', [3, 5]), b.weight('c', [5])]),
    ],
    ['of channels side by side', (b, x) => b.node('Concat', [b.node('Relu', [x]), x], { axis: 1 })],
    [
      'of a product',
      (b, x) =>
        b.node('Mul', [x, b.node('Conv', [x, b.constant('zero', Tensor.float32([3, 3, 1, 1], new Float32Array(9))), b.weight('c', [3])])]),
    ],
  ])('%s', async (_, build) => {
    const { model, samples } = told(build)
    const seen = measured((await runModel(model, { x: samples }))['y']!)
    const known = statisticsOf(model).get(valueOf(model, 'y'))!
    const scale = Math.max(...seen.deviation)
    seen.mean.forEach((mean, at) => {
      expect(Math.abs(known.mean[at]! - mean)).toBeLessThan(0.03 * scale)
      expect(Math.abs(known.deviation[at]! - seen.deviation[at]!)).toBeLessThan(0.05 * scale)
      expect(known.low[at]!).toBeLessThanOrEqual(seen.low[at]! + 2e-3 * scale)
      expect(known.high[at]!).toBeGreaterThanOrEqual(seen.high[at]! - 2e-3 * scale)
    })
  })

  test('of a sum of two that are independent', async () => {
    const { model, samples } = told((b, x) => b.node('Add', [b.node('Relu', [x]), b.node('Relu', [x])]))
    const known = statisticsOf(model).get(valueOf(model, 'y'))!
    const seen = measured((await runModel(model, { x: samples }))['y']!)
    seen.mean.forEach((mean, at) => expect(known.mean[at]!).toBeCloseTo(mean, 1))
  })

  test('and not known behind what it does not know, nor of inputs', () => {
    const { model } = told((b, x) => b.node('Sin', [x]))
    const known = statisticsOf(model)
    expect([known.has(valueOf(model, 'y')), known.has(valueOf(model, 'x')), known.size]).toEqual([false, false, 1])
  })
})

describe('activations without calibration data', () => {
  test('get ranges from the statistics, and the report says so; an input is named', async () => {
    const { model, reports } = await compress(models.convBnRelu(), [simplify(), quantize({ activations: 8, minSize: 0 })], context())
    const { changed, skipped } = reports[1]!
    const relu = model.graph.nodes.at(-1)!
    const { mean, deviation } =
      relu.inputs[0]!.distribution ?? valueOf(await simplified(models.convBnRelu()), relu.inputs[0]!.name).distribution!
    const greatest = Math.max(...mean.map((item, at) => item + 6 * deviation[at]!))
    expect(changed).toContainEqual({
      at: relu.output.name,
      what: `activation in [0.00, ${greatest.toPrecision(3)}], by the statistics of BatchNormalization`,
    })
    expect(skipped).toContainEqual({ at: 'x', why: 'an input: without calibration data its range is not known' })
    const { scale, zeroPoint } = relu.output.quantization as IntegerQuantization
    expect(scale[0]! * 255).toBeCloseTo(greatest, 4)
    expect(zeroPoint[0]).toBe(0)
  })

  test('are refused where a value has no statistics', async () => {
    await expect(compress(models.mlp(), [simplify(), quantize({ activations: 8 })], context())).rejects.toMatchObject({
      name: 'DatasetError',
      code: 'CALIBRATION_MISSING',
    })
  })

  test('of the text direction classifier are all found', async () => {
    const model = await simplified(readOnnxFile(fixture('direction')).model)
    const { reports } = await compress(model, [quantize({ activations: 8 })], context())
    expect(reports[0]!.changed.filter(({ what }) => what.endsWith('by the statistics of BatchNormalization')).length).toBeGreaterThan(80)
  })
})

const simplified = async (model: Model): Promise<Model> => (await compress(model, [simplify()], context())).model

describe('high biases', () => {
  const high = (attributes: Record<string, number[]> = {}): Model => {
    const model = buildModel((b) => {
      const first = b.node('Conv', [b.input('x', ['N', 2, 4, 4]), b.weight('w1', [3, 2, 1, 1], 0.3), b.constant('b1', [9, 0.1, 7])])
      b.output(b.node('Conv', [b.node('Relu', [first]), b.weight('w2', [2, 3, 1, 1]), b.weight('b2', [2])], attributes), 'y')
    })
    model.graph.nodes[0]!.output.distribution = { mean: Float32Array.of(9, 0.1, 7), deviation: Float32Array.of(1, 1, 2) }
    return model
  }
  const absorbed = (model: Model): { after: Model; report: Report } => {
    const after = model.clone()
    const report: Report = { changed: [], skipped: [] }
    absorbBiases(after, report)
    return { after, report }
  }

  test('over three deviations go to the layer behind, and what both give together stays', async () => {
    const model = high()
    const { after, report } = absorbed(model)
    expect(report.changed[0]!.what).toBe('the high biases of 2 channels go to the layers behind it')
    expect([...valueOf(after, 'b1').tensor!.toFloat32()].map((item) => Math.round(item * 1e4) / 1e4)).toEqual([3, 0.1, 6])
    expect([...after.graph.nodes[0]!.output.distribution!.mean]).toEqual([Math.fround(3), Math.fround(0.1), Math.fround(6)])
    const inputs = randomInputs(model, createRandom('x'))
    const [expected, actual] = [(await runModel(model, inputs))['y']!, (await runModel(after, inputs))['y']!]
    expect(squaredError(expected.toFloat32(), actual.toFloat32())).toBeLessThan(1e-8)
  })

  test('stay before a layer with padding, whose border is 0', () => {
    expect(absorbed(high({ pads: [1, 1, 1, 1] })).report.changed).toEqual([])
  })
})

describe('bias correction from statistics', () => {
  const noisy = (): ReturnType<typeof told> =>
    told((b, x) => b.node('Conv', [b.node('Relu', [x]), b.weight('w', [40, 24, 1, 1]), b.weight('c', [40])]), 24)

  test('takes out the shift of the mean that samples show', async () => {
    const { model, samples } = noisy()
    const shifts = await Promise.all(
      (['none', 'statistics'] as const).map(async (correction) => {
        const { model: after } = await compress(model, [quantize({ bits: 3, minSize: 800, correction })], context())
        const [expected, actual] = [model, after].map((item) => runModel(item, { x: samples }))
        const [a, b] = [measured((await expected!)['y']!).mean, measured((await actual!)['y']!).mean]
        return Math.hypot(...a.map((item, at) => item - b[at]!))
      }),
    )
    expect(shifts[1]).toBeLessThan(shifts[0]! / 10)
  })

  test('is reported, and brings the text direction classifier nearer at 4 bits', async () => {
    const model = await simplified(readOnnxFile(fixture('direction')).model)
    const inputs = {
      x: Tensor.float32(
        [2, 3, 48, 96],
        Float32Array.from({ length: 2 * 3 * 48 * 96 }, () => random.normal()),
      ),
    }
    const [expected] = Object.values(await runModel(model, inputs))
    const errors = []
    for (const correction of ['none', 'statistics'] as const) {
      const { model: after, reports } = await compress(model, [quantize({ bits: 5, correction })], context())
      if (correction === 'statistics') expect(reports[0]!.changed.at(-1)!.what).toMatch(/^the shift of the mean .* \d+ layers/)
      const [actual] = Object.values(await runModel(after, inputs))
      errors.push(squaredError(expected!.toFloat32(), actual!.toFloat32()))
    }
    expect(errors[1]).toBeLessThan(errors[0]!)
  })

  test('leaves models without statistics as they are', async () => {
    const both = await Promise.all(
      (['none', 'statistics'] as const).map(
        async (correction) => (await compress(models.mlp(), [quantize({ minSize: 0, correction })], context())).model,
      ),
    )
    expect([...both[0]!.initializers()].map(({ name }) => name)).toEqual([...both[1]!.initializers()].map(({ name }) => name))
  })
})
