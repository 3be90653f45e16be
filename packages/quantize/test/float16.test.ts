import { Tensor, compress, createRandom } from '@whittle/ir'
import { type Float16Options, float16, quantize } from '@whittle/quantize'
import { buildModel, models, transformContract } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { context, datasetOf, samplesOf, valueOf } from './harness.ts'

transformContract('float16', () => float16({ minSize: 0 }), { tolerance: 1e-2, randomModels: 4 })

/** Every finite half, ascending by value: read off the definition of the format. */
const HALVES = Array.from({ length: 0x7c00 }, (_, bits) => {
  const [exponent, fraction] = [bits >> 10, bits & 1023]
  return { bits, value: exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25) }
})

/** The nearest half by search over all of them; of two equally near the one whose last bit is 0. */
function nearest(value: number): number {
  const size = Math.abs(value)
  let [low, high] = [0, HALVES.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (HALVES[middle]!.value <= size) low = middle
    else high = middle
  }
  const [below, above] = [HALVES[low]!, HALVES[high]!]
  const difference = size - below.value - (above.value - size)
  const best = difference < 0 || (difference === 0 && below.bits % 2 === 0) ? below : above
  return best.value * Math.sign(value)
}

const around = (data: Float32Array): ReturnType<typeof buildModel> =>
  buildModel((b) => void b.output(b.node('Add', [b.input('x', [data.length]), b.constant('c', Tensor.float32([data.length], data))]), 'y'))

const run = async (model: ReturnType<typeof buildModel>, options: Float16Options = { minSize: 0 }) => {
  const { model: after, reports } = await compress(model, [float16(options)], context())
  return { model: after, report: reports[0]! }
}

test('every value becomes the nearest half', async () => {
  const random = createRandom('halves')
  const data = Float32Array.from({ length: 20000 }, (_, at) => {
    if (at % 4 === 0) return HALVES[random.integer(HALVES.length)]!.value
    // Between two neighbours, exactly, or nearly so.
    if (at % 4 === 1) {
      const bits = random.integer(HALVES.length - 1)
      return (HALVES[bits]!.value + HALVES[bits + 1]!.value) / 2
    }
    return random.normal() * 2 ** (random.integer(30) - 20)
  }).map((item) => Math.max(-65504, Math.min(65504, item)))
  const { model, report } = await run(around(data))
  expect(valueOf(model, 'c').quantization).toEqual({ kind: 'float16' })
  expect(valueOf(model, 'c').elementType).toBe('float32')
  const rounded = valueOf(model, 'c').tensor!.toFloat32()
  const vanished = data.filter((item, at) => item !== 0 && rounded[at] === 0).length
  expect(vanished).toBeGreaterThan(0)
  expect(report.changed).toEqual([{ at: 'c', what: `20000 values in float16, of which ${vanished} are too small for it and became zero` }])
  for (const [index, item] of data.entries()) if (rounded[index] !== nearest(item)) expect(rounded[index], `${item}`).toBe(nearest(item))
})

describe('stays float32, with a reason:', () => {
  const reason = async (values: number[]): Promise<unknown> => {
    const { model, report } = await run(around(Float32Array.from(values)))
    expect(valueOf(model, 'c').quantization).toBeUndefined()
    expect(valueOf(model, 'c').tensor!.toFloat32()).toEqual(Float32Array.from(values))
    return report.skipped.filter(({ at }) => at !== 'graph')
  }

  test('a value beyond the greatest half', async () => {
    expect(await reason([1, 70000, 2])).toEqual([{ at: 'c', why: 'float16 cannot hold its value 70000' }])
    expect(await reason([1, -65520])).toEqual([{ at: 'c', why: 'float16 cannot hold its value -65520' }])
  })

  test('a value that is infinite or NaN', async () => {
    expect(await reason([1, -Infinity])).toEqual([{ at: 'c', why: 'float16 cannot hold its value -Infinity' }])
    expect(await reason([NaN])).toEqual([{ at: 'c', why: 'float16 cannot hold its value NaN' }])
  })

  test('a constant of which nothing would be left', async () => {
    expect(await reason([1e-9, -2e-9])).toEqual([{ at: 'c', why: 'float16 cannot hold values as small as all of its own' }])
  })

  test('a small one, an input with a default, one that has 8 bits', async () => {
    const model = buildModel((b) => {
      const gain = b.input('gain', [20])
      b.graph.setInputDefault(gain, Tensor.float32([20], new Float32Array(20)))
      const product = b.node('MatMul', [b.input('x', [1, 20]), b.weight('w', [20, 20])])
      b.output(b.node('Add', [product, b.node('Add', [gain, b.constant('few', [1])])]), 'y')
    })
    const { model: after, reports } = await compress(model, [quantize(), float16()], context())
    expect(reports[1]!.changed).toEqual([])
    expect(reports[1]!.skipped).toEqual(
      expect.arrayContaining([
        { at: 'w', why: 'it has 8 bits' },
        { at: 'few', why: 'only 1 elements, fewer than minSize 16' },
        { at: 'gain', why: "an input: its default is the caller's to change" },
      ]),
    )
    expect(valueOf(after, 'gain').quantization).toBeUndefined()
  })
})

test('values that vanish beside others are no reason to keep it', async () => {
  const { model } = await run(around(Float32Array.of(1, 1e-9)))
  expect(valueOf(model, 'c').tensor!.toNumbers()).toEqual([1, 0])
})

test('a second run names it as done', async () => {
  const first = await run(models.mlp())
  const second = await run(first.model)
  expect(second.report.changed).toEqual([])
  const constants = second.report.skipped.filter(({ at }) => at !== 'graph')
  expect(constants.every(({ why }) => why === 'it is in float16 already')).toBe(true)
})

describe('activations', () => {
  /** `large` is 300 x, `huge` 300 times that. */
  const growing = (): ReturnType<typeof buildModel> =>
    buildModel((b) => {
      const gain = b.constant('gain', 300)
      const huge = b.nodes('Mul', [b.node('Mul', [b.input('x', [2]), gain], {}, { outputs: ['large'] }), gain], {}, { outputs: ['huge'] })
      b.output(b.node('Log', [huge[0]]), 'y')
    })
  const calibrated = (...samples: number[][]) =>
    compress(growing(), [float16()], context({ calibration: datasetOf(samples.map((x) => ({ x: Tensor.float32([2], x) }))) }))

  test('near or over the greatest half on the calibration data stay float32', async () => {
    const { model, reports } = await calibrated([1, 0.5], [0.1, 0.4])
    expect(valueOf(model, 'huge').quantization).toEqual({ kind: 'float32' })
    expect(['x', 'large', 'y'].map((name) => valueOf(model, name).quantization)).toEqual([undefined, undefined, undefined])
    expect(reports[0]!.changed).toEqual([{ at: 'huge', what: 'activation of up to 9.00e+4: it stays in float32' }])
    expect(valueOf((await calibrated([-0.6, 0.1])).model, 'huge').quantization).toEqual({ kind: 'float32' })
  })

  test('well below it are not marked, nor is one that is infinite in float32 too', async () => {
    expect(valueOf((await calibrated([0.3, 0.1])).model, 'huge').quantization).toBeUndefined()
    expect(valueOf((await calibrated([0, 0.1])).model, 'y').quantization).toBeUndefined()
  })

  test('are not known without calibration data, and the report says so', async () => {
    const { reports } = await compress(growing(), [float16()], context())
    expect(reports[0]!.skipped[0]).toEqual({
      at: 'graph',
      why: 'without calibration data it is not known whether activations stay below 65504, the most that float16 holds',
    })
  })

  test('inside subgraphs cannot be measured, and the report says so', async () => {
    const model = models.branches()
    const { reports } = await compress(model, [float16()], context({ calibration: samplesOf(model) }))
    expect(reports[0]!.skipped[0]!.why).toContain('inside subgraphs it cannot be measured')
  })
})

test('options are filled in and checked', () => {
  expect(float16().options).toEqual({ minSize: 16 })
  expect(() => float16({ minSize: -1 })).toThrow('float16: expected a whole number of elements for minSize, received -1')
  expect(() => float16({ minSize: 'a' as never })).toThrow("float16: expected a whole number of elements for minSize, received 'a'")
})
