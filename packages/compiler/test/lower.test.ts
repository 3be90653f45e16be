import { nativeEngine, wasmEngine } from '@whittle/engine'
import { compress, createRandom, silentLogger, type Context, type Dataset, type Model, type Target } from '@whittle/ir'
import { readOnnx, writeOnnx } from '@whittle/ir/onnx'
import { float16, quantize } from '@whittle/quantize'
import { simplify } from '@whittle/simplify'
import { wasm, webgpu, webgpuF16 } from '@whittle/targets'
import { differenceOf, models, randomInputs, runModel } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { lower } from '../src/index.ts'
import { wideNet } from './project.ts'

const shapes = { x: [1, 64, 8, 8] }

function context(model: Model): Context {
  const calibration: Dataset = {
    key: 'test',
    async *samples() {
      for (let index = 0; index < 8; index++) yield { inputs: randomInputs(model, createRandom(`calibration${index}`), { N: 1 }) }
    },
  }
  return { engine: nativeEngine(), calibration, logger: silentLogger, random: createRandom('test') }
}

async function quantized(model: Model, activations: 8 | null): Promise<Model> {
  return (await compress(model, [simplify(), quantize({ activations })], context(model))).model
}

const opsOf = (model: Model): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const node of model.nodes()) counts[node.type] = (counts[node.type] ?? 0) + 1
  return counts
}

/** dB */
async function sqnr(a: Model, b: Model): Promise<number> {
  const inputs = randomInputs(a, createRandom('judge'), { N: 1 })
  const run = async (model: Model): Promise<Float32Array> => {
    const session = await wasmEngine().open(writeOnnx(model))
    const output = (await session.run(inputs))['y']!.toFloat32()
    await session.dispose()
    return output
  }
  const [reference, actual] = [await run(a), await run(b)]
  const power = (values: Float32Array): number => values.reduce((sum, item) => sum + item * item, 0)
  return 10 * Math.log10(power(reference) / power(reference.map((item, index) => item - actual[index]!)))
}

describe('on wasm', () => {
  it('computes wide dense convolutions in integers, in the form that the runtime fuses', async () => {
    const original = wideNet()
    const model = await quantized(original, 8)
    const { integerNodes, stored } = lower(model, wasm, shapes)
    expect(integerNodes).toHaveLength(2)
    expect(stored).toEqual(['fc'])
    // A Relu in front of a grid that starts at zero is what the grid does by itself.
    expect(opsOf(model)).toEqual({
      Cast: 1,
      Conv: 2,
      DequantizeLinear: 7,
      Flatten: 1,
      Gemm: 1,
      GlobalAveragePool: 1,
      Mul: 1,
      QuantizeLinear: 3,
    })
    const types = [...model.graph.initializers].map((value) => value.tensor!.type)
    expect(new Set(types)).toEqual(new Set(['float32', 'int8', 'uint8', 'int32']))
    expect(await sqnr(original, model)).toBeGreaterThan(30)
  })

  it('differs from weights that are only stored by the rounding of activations alone', async () => {
    const model = await quantized(wideNet(), 8)
    const fake = model.clone()
    lower(model, wasm, shapes)
    lower(fake, webgpu, shapes)
    // The same weights in float: only the rounding of activations differs.
    expect(await sqnr(fake, model)).toBeGreaterThan(30)
  })

  it('stores weights where no activation has a range', async () => {
    const model = await quantized(wideNet(), null)
    const { integerNodes, stored } = lower(model, wasm, shapes)
    expect(integerNodes).toEqual([])
    expect(stored).toHaveLength(3)
    expect(opsOf(model)).toMatchObject({ Cast: 3, Mul: 3, Conv: 2 })
  })

  it('leaves narrow and grouped convolutions in float, and says why', async () => {
    const model = await quantized(models.depthwise(), 8)
    const { integerNodes, skipped } = lower(model, wasm, { x: [1, 4, 6, 6] })
    expect(integerNodes).toEqual([])
    for (const { at, why } of skipped) expect(`${at}: ${why}`).toMatch(/^Conv '.*': (int8 is not faster|a grouped convolution)/)
  })
})

describe('stored weights', () => {
  it.each([2, 4, 8] as const)('of %i bits unfold to exactly what the transform left', async (bits) => {
    const before = (await compress(models.convBnRelu(), [simplify(), quantize({ bits, minSize: 0 })], context(models.convBnRelu()))).model
    const after = before.clone()
    lower(after, webgpu, {})
    const inputs = randomInputs(before, createRandom('x'), { N: 2 })
    expect(differenceOf((await runModel(before, inputs))['y']!, (await runModel(after, inputs))['y']!)).toBe(0)
    const read = readOnnx(writeOnnx(after))
    expect([...read.graph.initializers].some((value) => value.tensor!.type === 'int8')).toBe(true)
  })

  it('in branches of an If are stored there', async () => {
    const source = models.branches()
    const model = (await compress(source, [simplify(), quantize({ minSize: 0 })], context(source))).model
    const { stored } = lower(model, webgpu, {})
    expect(stored).toHaveLength(2)
    const inputs = randomInputs(source, createRandom('x'), { N: 1 })
    expect(differenceOf((await runModel(source, inputs))['y']!, (await runModel(model, inputs))['y']!)).toBeLessThan(0.05)
  })

  it('in float16 unfold by a Cast', async () => {
    const source = models.mlp()
    const model = (await compress(source, [simplify(), float16()], context(source))).model
    lower(model, wasm, {})
    expect(opsOf(model)).toMatchObject({ Cast: 3 })
    const inputs = randomInputs(source, createRandom('x'), { N: 3 })
    expect(differenceOf((await runModel(source, inputs))['y']!, (await runModel(model, inputs))['y']!)).toBeLessThan(2e-3)
  })
})

describe('on a target that computes in float16', () => {
  it.each(['convBnRelu', 'mlp', 'attention', 'depthwise', 'branches', 'lstm'] as const)(
    '%s keeps its inputs and outputs and stays near',
    async (name) => {
      const source = models[name]()
      const model = (await compress(source, [simplify(), float16({ minSize: 1 })], context(source))).model
      lower(model, webgpuF16, {})
      expect([...model.graph.inputs, ...model.graph.outputs].map((value) => value.elementType)).toEqual(
        [...source.graph.inputs, ...source.graph.outputs].map((value) => value.elementType),
      )
      for (const value of model.initializers()) expect(value.tensor!.type).not.toBe('float32')
      const inputs = randomInputs(source, createRandom('x'), { N: 2 })
      expect(differenceOf((await runModel(source, inputs))['y']!, (await runModel(model, inputs))['y']!)).toBeLessThan(0.02)
    },
  )

  it('refuses an op whose float16 form is not known', async () => {
    const source = models.convBnRelu()
    const model = (await compress(source, [simplify(), float16({ minSize: 1 })], context(source))).model
    const custom = model.graph.addNode({ op: 'Mystery', domain: 'app', inputs: [model.graph.nodes[0]!.output] })
    expect(() => lower(model, webgpuF16, {})).toThrow(
      `${custom.describe()} is not in the op table, so that it cannot be computed in float16`,
    )
  })
})

it('without a cost table nothing computes in integers', async () => {
  const model = await quantized(wideNet(), 8)
  const target: Target = { ...wasm, cost: undefined }
  expect(lower(model, target, shapes).integerNodes).toEqual([])
})
