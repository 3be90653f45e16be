import { wasmEngine } from '@whittle/engine'
import { type CostTable, type Model, Tensor, compress, createRandom, silentLogger } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { quantize } from '@whittle/quantize'
import { wasm, webnnCpu } from '@whittle/targets'
import { type GraphBuilder, buildModel, differenceOf, models, randomInputs, runModel } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { lower } from '../src/index.ts'

/** A table by which every node of some size takes a hundredth of the time in int8, or a hundred times as long. */
const table = (int8: number): CostTable => ({
  rows: (['Conv', 'MatMul'] as const).map((op) => ({
    ...{ op, kernel: op === 'Conv' ? [2, 2] : [1, 1], depthwise: false, inputChannels: 8, outputChannels: 8, positions: 8 },
    ...{ fp32: 100, int8 },
  })),
  quantizePerMillion: 1,
  dequantizePerMillion: 1,
  source: { how: 'made up', date: '2026-11-25' },
})
const fast = { ...wasm, cost: table(1) }
const slow = { ...wasm, cost: table(10000) }

async function quantized(model: Model): Promise<Model> {
  const context = { logger: silentLogger, random: createRandom('test') }
  return (await compress(model, [quantize({ activations: 'dynamic', minSize: 0 })], context)).model
}

/** In wasm: native kernels of some processors saturate where they add two products of uint8 and int8. */
async function runExactly(model: Model, inputs: Record<string, Tensor>): Promise<Tensor> {
  const session = await wasmEngine().open(writeOnnx(model))
  const { y } = await session.run(inputs)
  await session.dispose()
  return y!
}

const opsOf = (model: Model): string[] => [...model.nodes()].map((node) => node.type)

const builders: Record<string, () => Model> = {
  'a MatMul': () => buildModel((b) => void b.output(b.node('MatMul', [b.input('x', [2, 3, 20]), b.weight('w', [20, 6])]), 'y')),
  'a Gemm with a bias': () =>
    buildModel((b) => void b.output(b.node('Gemm', [b.input('x', [4, 20]), b.weight('w', [20, 6]), b.weight('b', [6], 1)]), 'y')),
  'a Conv with padding and a bias': () =>
    buildModel((b) => {
      const inputs = [
        b.node('Add', [b.input('x', [1, 5, 7, 7]), b.constant('shift', 3)]),
        b.weight('w', [6, 5, 3, 3]),
        b.weight('b', [6], 1),
      ]
      b.output(b.node('Conv', inputs, { pads: [1, 1, 1, 1], strides: [2, 2] }), 'y')
    }),
  'a Conv in one dimension': () =>
    buildModel((b) => void b.output(b.node('Conv', [b.input('x', [1, 8, 9]), b.weight('w', [6, 8, 3]), b.weight('b', [6], 1)]), 'y')),
  'products in branches': () =>
    buildModel((b) => {
      const x = b.input('x', [2, 6])
      const flag = b.node('Greater', [b.node('ReduceMax', [x], { keepdims: 0 }), b.constant('limit', 1)])
      const branch = (name: string) => (inner: GraphBuilder) => inner.node('MatMul', [x, inner.weight(name, [6, 6])])
      b.output(b.branches(flag, branch('yes'), branch('no')), 'y')
    }),
}

describe('an input that is rounded at every run', () => {
  it.each(Object.entries(builders))('of %s gives nearly the same', async (_, build) => {
    const before = build()
    const after = await quantized(before)
    const { dynamicNodes, stored } = lower(after, fast, {})
    expect(dynamicNodes).toHaveLength(before.graph.nodes.some((node) => node.type === 'If') ? 2 : 1)
    expect(stored).toEqual([])
    expect(opsOf(after)).toContain('DynamicQuantizeLinear')
    const inputs = randomInputs(before, createRandom('x'))
    const expected = (await runModel(before, inputs))['y']!
    const given = await runExactly(after, inputs)
    expect(differenceOf(expected, given)).toBeLessThan(0.1)
    expect(differenceOf(expected, given)).toBeGreaterThan(0)
  })

  it('is what ONNX says of DynamicQuantizeLinear, times the integers of the weight', async () => {
    const x = [-1, 0.31, 2, 0.72]
    const rows = [
      [1, -0.5],
      [0.25, 1],
      [-1, 0.5],
      [0.5, 0.75],
    ]
    const model = await quantized(
      buildModel((b) => void b.output(b.node('MatMul', [b.input('x', [1, 4]), b.constant('w', Tensor.float32([4, 2], rows.flat()))]), 'y')),
    )
    const scale = (model.graph.nodes[0]!.inputs[1]!.quantization as { scale: Float32Array }).scale
    const weights = model.graph.nodes[0]!.inputs[1]!.tensor!.toNumbers()
    const step = (Math.max(...x) - Math.min(...x)) / 255
    const zero = Math.round(-Math.min(...x) / step)
    const integers = x.map((item) => Math.max(0, Math.min(255, Math.round(item / step) + zero)) - zero)
    const expected = [0, 1].map((column) => {
      const sum = integers.reduce((total, item, row) => total + item * Math.round(weights[row * 2 + column]! / scale[column]!), 0)
      return sum * step * scale[column]!
    })
    lower(model, fast, {})
    const given = (await runExactly(model, { x: Tensor.float32([1, 4], x) })).toNumbers()
    given.forEach((item, at) => expect(item).toBeCloseTo(expected[at]!, 5))
  })

  it('is rounded once for all who read it', async () => {
    const model = await quantized(
      buildModel((b) => {
        const x = b.input('x', [2, 8])
        b.output(b.node('Add', [b.node('MatMul', [x, b.weight('v', [8, 8])]), b.node('MatMul', [x, b.weight('w', [8, 8])])]), 'y')
      }),
    )
    expect(lower(model, fast, {}).dynamicNodes).toHaveLength(2)
    expect(opsOf(model).filter((op) => op === 'DynamicQuantizeLinear')).toHaveLength(1)
  })
})

it('where it does not pay, or the target has no such form, weights are stored in 8 bits', async () => {
  for (const target of [slow, webnnCpu]) {
    const model = await quantized(builders['a MatMul']!())
    const { dynamicNodes, stored, skipped } = lower(model, target, {})
    expect([dynamicNodes, stored]).toEqual([[], ['w']])
    const why = 'rounding its input at every run is not faster there; its weight is only stored in 8 bits'
    expect(skipped.map((item) => item.why)).toEqual(target === slow ? [why] : [])
  }
})

it('grouped convolutions stay in float32, and the report says why', async () => {
  const model = await quantized(models.depthwise())
  const { skipped } = lower(model, fast, { x: [1, 4, 6, 6] })
  expect(skipped.map(({ why }) => why)).toContain('a grouped convolution; its weight is only stored in 8 bits')
})

describe('nodes whose inputs have a fixed grid', () => {
  const fixed = { kind: 'integer', bits: 8, signed: false, scale: Float32Array.of(0.05), zeroPoint: Int32Array.of(128) } as const
  /** The second product is the model's output, so that it cannot be given a grid. */
  const annotated = async (): Promise<Model> => {
    const build = buildModel((b) => {
      const first = b.node('MatMul', [b.input('x', [2, 20]), b.weight('v', [20, 20])], {}, { outputs: ['h'] })
      b.output(b.node('MatMul', [b.node('Erf', [first]), b.weight('w', [20, 6])], {}, { name: 'last' }), 'y')
    })
    const model = (await compress(build, [quantize({ minSize: 0 })], { logger: silentLogger, random: createRandom('test') })).model
    for (const node of model.graph.nodes) node.inputs[0]!.quantization = fixed
    model.graph.nodes[0]!.output.quantization = fixed
    return model
  }

  it('are rounded at every run where they cannot use it, if that pays', async () => {
    const model = await annotated()
    const { integerNodes, dynamicNodes, stored, skipped } = lower(model, fast, {})
    expect([integerNodes.length, dynamicNodes, stored, skipped]).toEqual([1, ["MatMul 'last'"], [], []])
    expect(opsOf(model)).toContain('MatMulInteger')
  })

  it('are not where the caller chooses what computes in integers', async () => {
    const { dynamicNodes, stored } = lower(await annotated(), fast, {}, () => new Set())
    expect([dynamicNodes, stored]).toEqual([[], ['v', 'w']])
  })
})
