import { type Dataset, type IntegerQuantization, type Model, Tensor, compress } from '@whittle/ir'
import { prune } from '@whittle/prune'
import { type QuantizeOptions, quantize } from '@whittle/quantize'
import { buildModel, fingerprint, runModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { context, samplesOf, valueOf } from './harness.ts'

const net = (): Model =>
  buildModel((b) => {
    let x = b.input('x', ['N', 3, 10, 10])
    x = b.node('Relu', [b.node('Conv', [x, b.weight('first', [16, 3, 3, 3]), b.weight('first_b', [16], 0.1)], { pads: [1, 1, 1, 1] })])
    x = b.node('Relu', [b.node('Conv', [x, b.weight('depthwise', [16, 1, 3, 3])], { group: 16 })])
    x = b.node('Relu', [b.node('Conv', [x, b.weight('second', [24, 16, 1, 1]), b.weight('second_b', [24], 0.1)])])
    const flat = b.node('Flatten', [b.node('GlobalAveragePool', [x])])
    const hidden = b.node('Relu', [b.node('MatMul', [flat, b.weight('hidden', [24, 32])])])
    b.output(b.node('Gemm', [hidden, b.weight('classes', [10, 32]), b.weight('classes_b', [10], 0.1)], { transB: 1 }), 'y')
  }, 'rounding')

async function rounded(model: Model, options: QuantizeOptions, calibration: Dataset = samplesOf(model, 24)) {
  const { model: after, reports } = await compress(model, [quantize({ minSize: 0, ...options })], context({ calibration }))
  return { model: after, report: reports[0]! }
}

/** The relative squared error and the mean error of the output on data that did not calibrate. */
async function errorsOf(before: Model, after: Model): Promise<{ relative: number; bias: number }> {
  let [signal, noise, sum, count] = [0, 0, 0, 0]
  for await (const { inputs } of samplesOf(before, 40, 'unseen').samples()) {
    const expected = Object.values(await runModel(before, inputs))[0]!.toNumbers()
    const actual = Object.values(await runModel(after, inputs))[0]!.toNumbers()
    expected.forEach((item, index) => {
      signal += item ** 2
      noise += (item - actual[index]!) ** 2
      sum += actual[index]! - item
      count++
    })
  }
  return { relative: noise / signal, bias: Math.abs(sum / count) / Math.sqrt(signal / count) }
}

test.each([2, 3, 4])('at %i bits outputs on unseen data err less than half as much as with the nearest', async (bits) => {
  const model = net()
  const onData = await errorsOf(model, (await rounded(model, { bits, rounding: 'gptq' })).model)
  const nearest = await errorsOf(model, (await rounded(model, { bits })).model)
  expect(onData.relative).toBeLessThan(nearest.relative / 2)
})

test('learned roundings err less on unseen data than the nearest, and not as little as those of GPTQ', async () => {
  const model = net()
  const [learned, gptq, nearest] = await Promise.all(
    (['adaround', 'gptq', 'nearest'] as const).map(async (rounding) =>
      errorsOf(model, (await rounded(model, { bits: 3, rounding })).model),
    ),
  )
  expect(learned!.relative).toBeLessThan(nearest!.relative / 1.5)
  expect(gptq!.relative).toBeLessThan(learned!.relative)
})

test('every weight is a whole number of steps, one step an output, and the report gives the error of each layer', async () => {
  const { model, report } = await rounded(net(), { bits: 3, rounding: 'gptq' })
  for (const name of ['first', 'depthwise', 'second', 'hidden', 'classes']) {
    const value = valueOf(model, name)
    const { scale, axis } = value.quantization as IntegerQuantization
    const { dims } = value.tensor!
    expect(scale).toHaveLength(dims[axis!]!)
    const inner = dims.slice(axis! + 1).reduce((a, b) => a * b, 1)
    value.tensor!.toFloat32().forEach((item, index) => {
      const steps = item / scale[Math.floor(index / inner) % scale.length]!
      expect(Math.abs(steps - Math.round(steps))).toBeLessThan(1e-5)
      expect(Math.abs(steps)).toBeLessThan(3.5)
    })
    const what = report.changed.find(({ at }) => at === name)!.what
    expect(what).toMatch(/^\d+ weights of 3 bits, a scale for each output; the layer's own error is at -?[\d.]+ dB$/)
  }
})

test('is the same each time, and a second run changes nothing', async () => {
  const model = net()
  const [first, second] = [await rounded(model, { bits: 4, rounding: 'gptq' }), await rounded(model, { bits: 4, rounding: 'gptq' })]
  expect(fingerprint(second.model)).toBe(fingerprint(first.model))
  const again = await rounded(first.model, { bits: 4, rounding: 'gptq' }, samplesOf(model, 24))
  expect(fingerprint(again.model)).toBe(fingerprint(first.model))
})

test('what was pruned stays zero', async () => {
  const model = net()
  const calibration = samplesOf(model, 8)
  const { model: after } = await compress(
    model,
    [prune({ ratio: 0.5, minSize: 0 }), quantize({ bits: 4, rounding: 'gptq', minSize: 0 })],
    context({ calibration }),
  )
  const zeros = valueOf(after, 'first')
    .tensor!.toNumbers()
    .filter((item) => item === 0).length
  expect(zeros).toBeGreaterThanOrEqual(216)
})

test('a bias keeps only the bits that rounding noise does not hide', async () => {
  const { model } = await rounded(net(), { bits: 3, rounding: 'gptq' })
  const bits = new Uint32Array(valueOf(model, 'first_b').tensor!.toFloat32().buffer)
  expect(bits.every((item) => (item & 0xffff) === 0)).toBe(true)
})

describe('rounds to the nearest, and says why,', () => {
  test.each([
    ['a kernel that two nodes share', 'several nodes share it'],
    ['a Conv with auto_pad', 'its Conv has auto_pad'],
  ])('%s', async (title, why) => {
    const model = buildModel((b) => {
      const x = b.input('x', ['N', 4, 6, 6])
      const w = b.weight('w', [4, 4, 3, 3])
      const attributes: Record<string, string | number[]> = title.includes('auto_pad') ? { auto_pad: 'SAME_UPPER' } : { pads: [1, 1, 1, 1] }
      const y = b.node('Conv', [x, w], attributes)
      b.output(title.includes('auto_pad') ? y : b.node('Conv', [y, w], attributes), 'y')
    }, 'shared')
    const { report } = await rounded(model, { bits: 4, rounding: 'gptq' })
    expect(report.changed.map(({ what }) => what)).toEqual([expect.stringMatching(new RegExp(`, to the nearest: ${why}$`))])
  })
})

describe('refuses', () => {
  test('to work without calibration data', async () => {
    const attempt = compress(net(), [quantize({ rounding: 'gptq', minSize: 0 })], context())
    await expect(attempt).rejects.toMatchObject({
      name: 'DatasetError',
      code: 'CALIBRATION_MISSING',
      message: "quantize: rounding 'gptq' needs calibration data and an engine; give them, or take rounding 'nearest'",
    })
  })

  test('one scale a tensor, and a rounding that does not exist', () => {
    expect(() => quantize({ rounding: 'gptq', granularity: 'tensor' })).toThrow("quantize: expected 'channel' with rounding 'gptq'")
    expect(() => quantize({ rounding: 'up' as never })).toThrow(
      "quantize: expected 'nearest', 'hqq', 'gptq' or 'adaround' for rounding, received",
    )
  })
})

test('a constant input, and a channel of zeros, are no trouble', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', ['N', 4])
    b.output(b.node('Gemm', [b.node('Mul', [x, b.constant('none', [0, 0, 0, 0])]), b.weight('w', [4, 3]), b.weight('w_b', [3])]), 'y')
  }, 'constant')
  const w = valueOf(model, 'w')
  w.graph.setTensor(
    w,
    Tensor.float32(
      [4, 3],
      w.tensor!.toFloat32().map((item, index) => (index % 3 === 1 ? 0 : item)),
    ),
  )
  const { model: after } = await rounded(model, { bits: 4, rounding: 'gptq' })
  expect(valueOf(after, 'w').tensor!.toFloat32().every(Number.isFinite)).toBe(true)
  expect((await errorsOf(model, after)).relative).toBeLessThan(1e-6)
})
