import { type Model, type Report, Tensor, type Value, compress, createRandom } from '@whittle/ir'
import { type GraphBuilder, buildModel, datasetOf, differenceOf, models, randomInputs, runModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { quantize } from '../src/quantize.ts'
import { smoothActivations, smoothingFactors } from '../src/smooth.ts'
import { context, samplesOf, valueOf } from './harness.ts'

const smoothed = async (model: Model, alpha = 0.5, calibration = samplesOf(model)): Promise<{ after: Model; report: Report }> => {
  const after = model.clone()
  const report: Report = { changed: [], skipped: [] }
  await smoothActivations(after, alpha, context({ calibration }), report)
  return { after, report }
}

const change = async (before: Model, after: Model): Promise<number> => {
  const inputs = randomInputs(before, createRandom('other'))
  const [expected, actual] = [await runModel(before, inputs), await runModel(after, inputs)]
  return Math.max(...Object.keys(expected).map((name) => differenceOf(expected[name]!, actual[name]!)))
}

/** Two layers behind a LayerNormalization whose scale has outliers, as transformers have them. */
const transformer = (b: GraphBuilder): Value => {
  const x = b.input('x', ['N', 5, 8])
  const scale = b.constant('scale', [1, 60, 0.5, 1, 2, 1, 30, 0.1])
  const norm = b.node('LayerNormalization', [x, scale, b.weight('shift', [8])], { axis: -1 }, { outputs: ['norm'] })
  const query = b.node('MatMul', [norm, b.weight('wq', [8, 6])])
  const key = b.node('MatMul', [norm, b.weight('wk', [8, 6])])
  return b.node('Add', [query, key])
}

const model = buildModel((b) => void b.output(transformer(b), 'y'))

/** The greatest magnitude in each channel on the last axis. */
const columns = (tensor: Tensor): number[] => {
  const size = tensor.dims.at(-1)!
  const most = new Array<number>(size).fill(0)
  tensor.toFloat32().forEach((item, at) => (most[at % size] = Math.max(most[at % size]!, Math.abs(item))))
  return most
}

const rows = (tensor: Tensor): number[] => {
  const [count, size] = tensor.dims as [number, number]
  const data = tensor.toFloat32()
  return Array.from({ length: count }, (_, row) => Math.max(...data.slice(row * size, (row + 1) * size).map(Math.abs)))
}

describe('in closed form', () => {
  test.each([0, 0.25, 0.5, 0.8, 1])(
    'with alpha %f a channel of the activation ends at max|X|^(1-a) max|W|^(1-a) of what it was',
    async (alpha) => {
      const samples = Array.from({ length: 4 }, (_, at) => randomInputs(model, createRandom(`sample/${at}`)))
      const { after } = await smoothed(model, alpha, datasetOf(samples))
      const normOf = async (at: Model): Promise<number[]> => {
        const probe = at.clone()
        probe.graph.addOutput(valueOf(probe, 'norm'))
        const all = await Promise.all(samples.map(async (inputs) => columns((await runModel(probe, inputs))['norm']!)))
        return all[0]!.map((_, channel) => Math.max(...all.map((list) => list[channel]!)))
      }
      const [x, smoothX] = [await normOf(model), await normOf(after)]
      const weightsOf = (at: Model): number[] =>
        rows(valueOf(at, 'wq').tensor!).map((item, row) => Math.max(item, rows(valueOf(at, 'wk').tensor!)[row]!))
      const [w, smoothW] = [weightsOf(model), weightsOf(after)]
      x.forEach((item, channel) => {
        const factor = item ** alpha / w[channel]! ** (1 - alpha)
        expect(smoothX[channel]! / (item / factor)).toBeCloseTo(1, 4)
        expect(smoothW[channel]! / (w[channel]! * factor)).toBeCloseTo(1, 4)
      })
      expect(await change(model, after)).toBeLessThan(1e-5)
    },
  )

  test('channels that are always 0, or that nobody reads, stay', () => {
    const factors = smoothingFactors(Float64Array.of(0, 4, 9), Float64Array.of(1, 0, 1), 0.5)
    expect([...factors!]).toEqual([1, 1, 3])
    expect(smoothingFactors(Float64Array.of(1, Infinity), Float64Array.of(1, 1), 0.5)).toBeUndefined()
  })
})

describe('the function stays the same', () => {
  test.each<[string, (b: GraphBuilder) => void]>([
    [
      'behind a Mul and an Add with constants',
      (b) => {
        const product = b.node('Mul', [b.weight('m', [8], 3), b.input('x', ['N', 4, 8])])
        b.output(b.node('MatMul', [b.node('Add', [product, b.weight('s', [8])]), b.weight('w', [8, 3])]), 'y')
      },
    ],
    [
      'behind a BatchNormalization that no layer took',
      (b) => {
        const norm = b.node('BatchNormalization', [
          b.input('x', ['N', 4, 5, 5]),
          b.weight('s', [4]),
          b.weight('t', [4]),
          b.weight('m', [4]),
          b.constant('v', [1, 2, 3, 4]),
        ])
        b.output(b.node('Conv', [b.node('Relu', [norm]), b.weight('w', [3, 4, 3, 3])], { pads: [1, 1, 1, 1] }), 'y')
      },
    ],
    [
      'between two Convs',
      (b) => {
        const conv = b.node('Relu', [b.node('Conv', [b.input('x', ['N', 4, 5, 5]), b.weight('w1', [6, 4, 1, 1]), b.weight('c', [6])])])
        b.output(b.node('Conv', [conv, b.weight('w2', [6, 1, 3, 3])], { group: 6 }), 'y')
      },
    ],
    [
      'behind a LayerNormalization without bias',
      (b) => {
        const norm = b.node('LayerNormalization', [b.input('x', ['N', 4]), b.weight('s', [4])])
        b.output(b.node('Gemm', [norm, b.weight('w', [3, 4])], { transB: 1 }), 'y')
      },
    ],
  ])('%s', async (_, build) => {
    const before = buildModel(build)
    const { after, report } = await smoothed(before)
    expect(report.changed).toHaveLength(1)
    expect(await change(before, after)).toBeLessThan(1e-5)
  })
})

test('8 bits for activations then lose less', async () => {
  const calibration = samplesOf(model, 8)
  const steps = await Promise.all(
    ([null, 0.5] as const).map(async (smooth) => {
      const { model: after } = await compress(
        model,
        [quantize({ activations: 8, range: 'minmax', minSize: 0, smooth })],
        context({ calibration }),
      )
      const grid = valueOf(after, 'norm').quantization
      const scale = grid?.kind === 'integer' ? grid.scale[0]! : NaN
      // What a step of the grid is worth in the output, over all channels.
      return scale * Math.hypot(...valueOf(after, 'wq').tensor!.toFloat32())
    }),
  )
  expect(steps[1]).toBeLessThan(steps[0]! / 2)
})

describe('leaves alone, with a reason, a normalization', () => {
  test.each<[string, string, (b: GraphBuilder, norm: Value) => Value]>([
    [
      'that a sum reads too',
      'its output is added to something',
      (b, norm) => b.node('Add', [norm, b.node('MatMul', [norm, b.weight('w', [8, 8])])]),
    ],
    ['that Softmax reads', 'Softmax reads its output, which a scale cannot pass', (b, norm) => b.node('Softmax', [norm])],
  ])('%s', async (_, why, build) => {
    const before = buildModel((b) => {
      const norm = b.node('LayerNormalization', [b.input('x', ['N', 8]), b.weight('s', [8])], {}, { name: 'norm' })
      b.output(build(b, norm), 'y')
    })
    const { report } = await smoothed(before)
    expect(report.skipped).toContainEqual({ at: "LayerNormalization 'norm'", why: `not smoothed: ${why}` })
  })

  test('over several axes', async () => {
    const before = buildModel((b) => {
      const norm = b.node('LayerNormalization', [b.input('x', ['N', 4, 8]), b.weight('s', [4, 8])], { axis: 1 })
      b.output(b.node('MatMul', [norm, b.weight('w', [8, 3])]), 'y')
    })
    expect((await smoothed(before)).report.changed).toEqual([])
  })

  test('that is infinite on the data', async () => {
    const before = buildModel((b) => {
      b.output(b.node('MatMul', [b.node('Mul', [b.input('x', [1, 2]), b.weight('m', [2])]), b.weight('w', [2, 3])]), 'y')
    })
    const { report } = await smoothed(before, 0.5, datasetOf([{ x: Tensor.float32([1, 2], [Infinity, 1]) }]))
    expect(report.skipped.map(({ why }) => why)).toContain('not smoothed: it is NaN or infinite on the calibration data')
  })
})

describe('refuses', () => {
  test('to work without data, and with a dataset that yields nothing', async () => {
    const run = (more: Parameters<typeof context>[0]): Promise<void> =>
      smoothActivations(model.clone(), 0.5, context(more), { changed: [], skipped: [] })
    await expect(run({})).rejects.toMatchObject({ name: 'DatasetError', code: 'CALIBRATION_MISSING' })
    await expect(run({ calibration: datasetOf([]) })).rejects.toMatchObject({ name: 'DatasetError', code: 'DATASET_EMPTY' })
  })

  test('an alpha out of range, and one without activations', () => {
    expect(() => quantize({ activations: 8, smooth: 2 })).toThrow('a number from 0 to 1, or null for smooth, received 2')
    expect(() => quantize({ smooth: 0.5 })).toThrow('null without activations for smooth, received 0.5')
  })
})

test('a model without anything to smooth stays as it is', async () => {
  const { report } = await smoothed(models.embedding(), 0.5)
  expect(report.changed).toEqual([])
})
