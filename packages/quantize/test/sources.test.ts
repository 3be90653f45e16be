import { type Model, Tensor, compress, createRandom } from '@whittle/ir'
import { type QuantizeOptions, float16, quantize } from '@whittle/quantize'
import { buildModel, differenceOf, randomInputs, runModel } from '@whittle/testing'
import { expect, test } from 'vitest'
import { context, samplesOf, valueOf } from './harness.ts'

const run = async (model: Model, options: QuantizeOptions = {}) => {
  const data = options.activations ? { calibration: samplesOf(model) } : {}
  const { model: after, reports } = await compress(model, [quantize({ minSize: 0, ...options })], context(data))
  return { model: after, report: reports[0]! }
}

/** A product with QDQ around it, as onnxruntime's tool writes it, and one that is still in float32. */
const halfDone = (): Model =>
  buildModel((b) => {
    const scale = b.constant('scale', 0.05)
    const zero = b.constant('zero', Tensor.of('uint8', [], [128]))
    const x = b.node('DequantizeLinear', [b.node('QuantizeLinear', [b.input('x', [2, 4]), scale, zero]), scale, zero])
    const integers = b.constant('w_q', Tensor.of('int8', [4, 3], [1, -2, 3, 4, -5, 6, 7, 8, -9, 10, 11, 12]))
    const w = b.node('DequantizeLinear', [integers, b.constant('w_scale', 0.1)], {}, { outputs: ['w'] })
    const first = b.node('MatMul', [x, w], {}, { name: 'done' })
    b.output(b.node('MatMul', [first, b.weight('v', [3, 2])], {}, { name: 'open' }), 'y')
  })

test('what the source has in QDQ form is left as it is, by name, and the rest is rounded', async () => {
  for (const activations of [null, 8] as const) {
    const before = halfDone()
    const { model, report } = await run(before, { activations })
    expect(report.skipped).toContainEqual({ at: "MatMul 'done'", why: 'quantized in the source: left as it is' })
    expect(report.changed.map(({ at }) => at)).toContain('v')
    expect(valueOf(model, 'w_q').tensor).toBe(valueOf(before, 'w_q').tensor)
    expect(valueOf(model, 'w').quantization).toBeUndefined()
  }
})

test('so is what it has in integer ops', async () => {
  const { report } = await run(
    buildModel((b) => {
      const a = b.node('Cast', [b.input('x', [2, 4], 'uint8')], { to: 2 })
      b.output(
        b.node('MatMulInteger', [a, b.constant('w', Tensor.of('int8', [4, 3], new Array<number>(12).fill(1)))], {}, { name: 'sum' }),
        'y',
      )
    }),
  )
  expect(report.changed).toEqual([])
  expect(report.skipped).toContainEqual({ at: "MatMulInteger 'sum'", why: 'quantized in the source: left as it is' })
})

test.each(['float16', 'bfloat16', 'float64'] as const)('weights that the source stores in %s are rounded as others are', async (type) => {
  const before = buildModel((b) => {
    const data =
      type === 'bfloat16'
        ? Tensor.of(
            type,
            [6, 4],
            Uint16Array.from({ length: 24 }, (_, at) => 0x3f00 + at),
          )
        : undefined
    const w = b.constant('w', data ?? Tensor.of(type, [6, 4], Array.from(b.random([6, 4]).toFloat32())))
    b.output(b.node('MatMul', [b.input('x', [2, 6]), b.node('Cast', [w], { to: 1 }, { outputs: ['unfolded'] })]), 'y')
  })
  const { model, report } = await run(before)
  expect(report.changed).toEqual([{ at: expect.any(String) as string, what: '24 weights of 8 bits, 4 scales on axis 1' }])
  expect([...model.nodes()].map((node) => node.type)).toEqual(['MatMul'])
  const inputs = randomInputs(before, createRandom('x'))
  expect(differenceOf((await runModel(before, inputs))['y']!, (await runModel(model, inputs))['y']!)).toBeLessThan(0.05)
  const halved = await compress(before, [float16({ minSize: 0 })], context())
  expect([...halved.model.graph.initializers].map((value) => value.quantization)).toEqual([{ kind: 'float16' }])
})
