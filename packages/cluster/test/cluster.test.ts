import { type Model, Tensor, compress, problemsOf } from '@whittle/ir'
import { prune } from '@whittle/prune'
import { quantize } from '@whittle/quantize'
import { noiseShare, outputsOn } from '@whittle/statistics'
import { buildModel, transformContract } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { cluster } from '../src/index.ts'
import { context, engine, initializer, normal, samplesOf } from './harness.ts'

transformContract('cluster', () => cluster({ values: 8, minSize: 0 }), { tolerance: Infinity })
transformContract('cluster on data', () => cluster({ values: 8, method: 'feedback', granularity: 'channel', minSize: 0 }), {
  tolerance: Infinity,
  context: (model) => ({ engine, calibration: samplesOf(model) }),
  randomModels: 4,
})

const net = (): Model =>
  buildModel((b) => {
    const x = b.input('x', ['N', 6, 8, 8])
    const first = b.node('Relu', [b.node('Conv', [x, b.weight('conv_w', [16, 6, 3, 3]), b.weight('conv_b', [16])], { pads: [1, 1, 1, 1] })])
    const depthwise = b.node('Conv', [first, b.weight('deep_w', [16, 1, 3, 3])], { group: 16 })
    const pooled = b.node('Flatten', [b.node('GlobalAveragePool', [depthwise])])
    b.output(b.node('Gemm', [pooled, b.weight('fc_w', [16, 20]), b.weight('fc_b', [20])]), 'y')
  })

const distinct = (model: Model, name: string): number => new Set(initializer(model, name).tensor!.toFloat32()).size

async function noiseOf(model: Model, other: Model, seed = 'unseen'): Promise<number> {
  const samples = []
  for await (const { inputs } of samplesOf(model, 4, seed).samples()) samples.push(inputs)
  return noiseShare(await outputsOn(model, samples, engine), await outputsOn(other, samples, engine))
}

describe('the weights of a tensor', () => {
  test.each([2, 3, 16])('share at most %i values, and the annotation holds them', async (values) => {
    for (const method of ['kmeans', 'feedback'] as const) {
      const model = net()
      const { model: after, reports } = await compress(model, [cluster({ values, method })], context({ calibration: samplesOf(model) }))
      expect(problemsOf(after)).toEqual([])
      expect(reports[0]!.changed.map(({ at }) => at)).toEqual(['conv_w', 'fc_w'])
      for (const name of ['conv_w', 'fc_w']) {
        expect(distinct(after, name)).toBeLessThanOrEqual(values)
        const { quantization, tensor } = initializer(after, name)
        if (quantization?.kind !== 'codebook') throw new Error(`${name} has no codebook`)
        expect(quantization.levels.length).toBeLessThanOrEqual(values)
        const levels = new Set(quantization.levels)
        expect(tensor!.toFloat32().every((item) => levels.has(item))).toBe(true)
      }
    }
  })

  test('are the nearest of the best values without data', async () => {
    const model = net()
    const { model: after } = await compress(model, [cluster({ values: 4 })], context())
    const levels = [...new Set(initializer(after, 'conv_w').tensor!.toFloat32())]
    const before = initializer(model, 'conv_w').tensor!.toFloat32()
    initializer(after, 'conv_w')
      .tensor!.toFloat32()
      .forEach((item, at) => {
        const nearest = Math.min(...levels.map((level) => Math.abs(level - before[at]!)))
        expect(Math.abs(item - before[at]!)).toBeCloseTo(nearest, 6)
      })
    for (const level of levels) {
      const members = [...before].filter((_, at) => initializer(after, 'conv_w').tensor!.toFloat32()[at] === level)
      expect(level).toBeCloseTo(members.reduce((a, b) => a + b, 0) / members.length, 5)
    }
  })

  test.each(['tensor', 'channel'] as const)('on data change outputs on other data less than half as much (%s)', async (granularity) => {
    const model = net()
    const run = async (method: 'kmeans' | 'feedback'): Promise<number> => {
      const calibration = samplesOf(model, 16)
      const { model: after } = await compress(model, [cluster({ values: 8, method, granularity })], context({ calibration }))
      return await noiseOf(model, after)
    }
    expect(await run('feedback')).toBeLessThan((await run('kmeans')) / 2)
  })

  test('have a scale for each output channel where that is asked for, which costs less error', async () => {
    const model = net()
    // Channels of very different size.
    const old = initializer(model, 'conv_w').tensor!
    const data = old.toFloat32().map((item, at) => item * 2 ** (Math.floor(at / 54) % 5))
    initializer(model, 'conv_w').graph.setTensor(initializer(model, 'conv_w'), Tensor.float32(old.dims, data))
    const errorOf = async (granularity: 'tensor' | 'channel'): Promise<number> => {
      const { model: after } = await compress(model, [cluster({ values: 8, granularity })], context())
      const { quantization, tensor } = initializer(after, 'conv_w')
      expect(quantization).toMatchObject(granularity === 'channel' ? { kind: 'codebook', axis: 0 } : { kind: 'codebook' })
      return tensor!.toFloat32().reduce((sum, item, at) => sum + ((item - data[at]!) / 2 ** (Math.floor(at / 54) % 5)) ** 2, 0)
    }
    expect(await errorOf('channel')).toBeLessThan((await errorOf('tensor')) / 2)
  })
})

describe('zeros', () => {
  test.each(['kmeans', 'feedback'] as const)(
    'of a pruned tensor stay zeros with %s, and 0 is a value; the report counts those that join them',
    async (method) => {
      const model = net()
      const { model: pruned } = await compress(model, [prune({ ratio: 0.5 })], context())
      const { model: after, reports } = await compress(pruned, [cluster({ values: 8, method })], context({ calibration: samplesOf(model) }))
      const before = initializer(pruned, 'conv_w').tensor!.toFloat32()
      const { tensor, quantization } = initializer(after, 'conv_w')
      const values = tensor!.toFloat32()
      before.forEach((item, at) => item === 0 && expect(values[at]).toBe(0))
      expect((quantization as { levels: Float32Array }).levels).toContain(0)
      const zeros = values.filter((item) => item === 0).length
      const joined = zeros - before.filter((item) => item === 0).length
      expect(reports[0]!.changed[0]!.what).toContain(`${zeros} are zero, ${joined} of them for the first time`)
    },
  )

  test('are not brought in where a tensor has none', async () => {
    const { model: after } = await compress(net(), [cluster({ values: 2 })], context())
    expect([...initializer(after, 'conv_w').tensor!.toFloat32()]).not.toContain(0)
  })

  test('alone, channels of them and tiny numbers are no trouble', async () => {
    const model = net()
    const value = initializer(model, 'conv_w')
    value.graph.setTensor(
      value,
      Tensor.float32(
        value.tensor!.dims,
        normal(864, 'tiny').map((item, at) => (at < 54 ? 0 : item * 1e-38)),
      ),
    )
    const all = initializer(model, 'fc_w')
    all.graph.setTensor(all, Tensor.float32(all.tensor!.dims, new Float32Array(320)))
    for (const method of ['kmeans', 'feedback'] as const)
      for (const granularity of ['tensor', 'channel'] as const) {
        const options = { values: 4, method, granularity }
        const { model: after } = await compress(model, [cluster(options)], context({ calibration: samplesOf(model) }))
        expect(problemsOf(after)).toEqual([])
        expect(initializer(after, 'conv_w').tensor!.toFloat32().every(Number.isFinite)).toBe(true)
        expect(
          initializer(after, 'fc_w')
            .tensor!.toFloat32()
            .every((item) => item === 0),
        ).toBe(true)
      }
  })
})

describe("values: 'auto'", () => {
  const count = (model: Model, name: string): number => (initializer(model, name).quantization as { levels: Float32Array }).levels.length

  test('takes the more values the less a layer may err', async () => {
    const at = async (layer: number): Promise<number> => {
      const { model: after, reports } = await compress(net(), [cluster({ values: 'auto', layer })], context())
      const reached = /their error is at ([\d.]+) dB/.exec(reports[0]!.changed[0]!.what)![1]
      expect(Number(reached)).toBeGreaterThanOrEqual(layer - 0.05)
      return count(after, 'conv_w')
    }
    const [few, some, many] = [await at(12), await at(20), await at(30)]
    expect(few).toBeLessThan(some)
    expect(some).toBeLessThan(many)
  })

  test.each(['kmeans', 'feedback'] as const)(
    'finds with %s what the outputs may lose, and not much more values than that takes',
    async (method) => {
      const model = net()
      const calibration = samplesOf(model, 8)
      for (const sqnr of [15, 25]) {
        const { model: after } = await compress(model, [cluster({ values: 'auto', method, sqnr })], context({ calibration }))
        const reached = -10 * Math.log10(await noiseOf(model, after, 'calibration'))
        expect(reached).toBeGreaterThan(sqnr)
        expect(reached).toBeLessThan(sqnr + 8)
      }
    },
  )
})

describe('what is left alone', () => {
  test('is named with a reason: a second run, fewer values first, bits, small tensors, biases', async () => {
    const { model: once } = await compress(net(), [cluster({ values: 8 })], context())
    const whyOf = async (model: Model, name: string, values = 16): Promise<string | undefined> => {
      const { reports } = await compress(model, [cluster({ values })], context())
      return reports[0]!.skipped.find(({ at }) => at === name)?.why
    }
    expect(await whyOf(once, 'conv_w')).toBe('it shares 8 values already')
    expect(await whyOf(once, 'deep_w')).toBe('only 144 elements, fewer than minSize 256')
    expect(await whyOf(once, 'fc_b')).toBe('a bias: it weighs little and matters much')
    expect(await whyOf(net(), 'fc_w', 128)).toBe('only 320 elements for 128 values')
    const { model: integers } = await compress(net(), [quantize({ bits: 6 })], context())
    expect(await whyOf(integers, 'conv_w')).toBe('it is in 6 bits already')
    const { model: fewer } = await compress(once, [cluster({ values: 4 })], context())
    expect(distinct(fewer, 'conv_w')).toBeLessThanOrEqual(4)
  })
})

describe('options', () => {
  test.each([
    [{ values: 1 }, /cluster.*values.*'?1'?/],
    [{ values: 257 }, /a whole number from 2 to 256 or 'auto' for values/],
    [{ values: 4.5 }, /values/],
    [{ method: 'lloyd' }, /'kmeans' or 'feedback' for method, received 'lloyd'/],
    [{ granularity: 'block' }, /'tensor' or 'channel' for granularity/],
    [{ layer: Infinity, values: 'auto' }, /a number of dB for layer/],
    [{ sqnr: 30 }, /null where values is not 'auto' for sqnr/],
    [{ minSize: -1 }, /minSize/],
  ])('%o are refused', (options, message) => {
    expect(() => cluster(options as never)).toThrow(message)
  })

  test.each([{ method: 'feedback' } as const, { values: 'auto', sqnr: 30 } as const])(
    '%o without calibration data are refused',
    async (options) => {
      await expect(compress(net(), [cluster(options)], context())).rejects.toThrow(/needs calibration data and an engine/)
    },
  )
})
