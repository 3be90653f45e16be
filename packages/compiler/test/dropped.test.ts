import { dirname, join } from 'node:path'
import { type Model, Tensor } from '@whittle/ir'
import { readOnnx } from '@whittle/ir/onnx'
import { type GraphBuilder, buildModel, fixture } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { type CompileResult, compile, summary } from '../src/index.ts'
import { project } from './project.ts'

const build = async (net: Model, query: string): Promise<CompileResult> => {
  const root = await project({ 'net.onnx': net })
  return compile({ file: join(root, 'net.onnx'), query, root, cache: false })
}

const ids = ({ manifest }: CompileResult): string[] => manifest.variants.map(({ id }) => id)
const opsOf = (result: CompileResult, target: string): string[] => {
  const { files } = result.manifest.variants.find((variant) => variant.target === target)!
  const { bytes } = result.artefacts.find(({ name }) => name === files[0]!.path)!
  return readOnnx(bytes).graph.nodes.map(({ type }) => type)
}

/** WebGPU has no Round. */
const broken = (): Model =>
  buildModel((b) => {
    let x = b.input('x', [1, 8])
    for (let block = 0; block < 2; block++) x = b.node('Sigmoid', [b.node('Round', [b.node('MatMul', [x, b.weight(`w${block}`, [8, 8])])])])
    b.output(x, 'y')
  })

describe('a variant that its target runs slower than wasm', () => {
  it('is not shipped, and the report and the summary say why', async () => {
    const result = await build(broken(), 'fp16')
    expect(ids(result)).toEqual(['fp16-wasm'])
    expect(result.artefacts.map(({ name }) => name)).toEqual(['net.fp16.onnx'])
    const { dropped, variants, warnings } = result.report
    expect(variants.map(({ id }) => id)).toEqual(['fp16-wasm'])
    expect(dropped.map(({ id, target, forecast }) => [id, target, forecast.verdict])).toEqual([
      ['fp16-webgpu-f16', 'webgpu-f16', 'poor'],
      ['fp16-webgpu', 'webgpu', 'poor'],
    ])
    for (const { id, target, why } of dropped) {
      expect(why).toMatch(
        /^2 of \d+ nodes .* most of them Round: .* into 3 parts, .* times as long as all takes on wasm \(untested\); target=/,
      )
      expect(why).toContain(`; target=${target} ships it all the same`)
      expect(warnings).toContain(`${id} is not shipped: ${why}`)
      expect(summary([result])).toContain(`  ${id} is not shipped: ${why}`)
    }
  })

  it('is shipped where it is asked for by name, with the warning', async () => {
    const result = await build(broken(), 'target=webgpu;wasm')
    expect(ids(result)).toEqual(['fp32-webgpu', 'fp32-wasm'])
    expect(result.report.dropped).toEqual([])
    const { forecast, warnings } = result.report.variants.find(({ target }) => target === 'webgpu')!
    expect(forecast.verdict).toBe('poor')
    expect(warnings).toEqual([expect.stringMatching(/into 3 parts, .* times as long as all takes on wasm \(untested\)$/)])
  })
})

describe('a variant that fails on its target', () => {
  /** WebNN asks for the zero point. */
  const failing = (): Model =>
    buildModel((b) => {
      const x = b.node('DequantizeLinear', [b.input('x', [1, 4], 'uint8'), b.constant('scale', 0.1)])
      b.output(b.node('Relu', [x]), 'y')
    })

  it('is not shipped even where it is asked for by name', async () => {
    const result = await build(failing(), 'target=webnn-cpu;wasm')
    expect(ids(result)).toEqual(['fp32-wasm'])
    expect(result.report.warnings).toEqual([
      expect.stringMatching(/^fp32-webnn-cpu is not shipped: DequantizeLinear .* makes the model fail on webnn-cpu: /),
    ])
  })

  it('is shipped with the warning where none for wasm is beside it', async () => {
    const result = await build(failing(), 'target=webnn-cpu')
    expect(ids(result)).toEqual(['fp32-webnn-cpu'])
    expect(result.report.variants[0]!.warnings[0]).toContain('makes the model fail on webnn-cpu')
  })
})

describe('a variant that its target runs better in another form', () => {
  const grid = (b: GraphBuilder, name: string, zero: number) => [
    b.constant(`${name}_s`, 0.02),
    b.constant(`${name}_z`, Tensor.of('uint8', [], [zero])),
  ]

  /** A model that was quantized before: `zero` 0 makes the rounding cut off what is below 0, as a Relu does. */
  const quantized = (zero: number): Model =>
    buildModel((b) => {
      let x = b.input('x', [1, 8])
      for (let block = 0; block < 3; block++) {
        const [scale, point] = grid(b, `g${block}`, zero)
        const y = b.node('MatMul', [x, b.weight(`w${block}`, [8, 8], 0.5)])
        x = b.node('DequantizeLinear', [b.node('QuantizeLinear', [y, scale!, point!]), scale!, point!])
      }
      b.output(b.node('Add', [x, b.constant('half', 0.5)]), 'y')
    })

  it.each([0, 128])('loses the rounding that WebGPU would leave to the CPU, and keeps its range: zero point %i', async (zero) => {
    const result = await build(quantized(zero), '')
    expect(ids(result)).toEqual(['fp32-webgpu', 'fp32-wasm'])
    expect(result.report.dropped).toEqual([])
    expect(opsOf(result, 'wasm')).toContain('QuantizeLinear')
    const ops = opsOf(result, 'webgpu')
    expect(ops).not.toContain('QuantizeLinear')
    expect(ops.filter((op) => op === 'Clip')).toHaveLength(3)
    const { forecast, quality, warnings } = result.report.variants.find(({ target }) => target === 'webgpu')!
    expect(forecast).toMatchObject({ verdict: 'well', partitions: 1, nodes: { cpu: 0 } })
    expect(quality['y']!.sqnr).toBeGreaterThan(25)
    expect(warnings).toEqual([
      'lowered in another form for webgpu: activations are not rounded, as the model has it, so that 3 nodes on the CPU and 4 parts become 0 and 1 (untested)',
    ])
  })

  /** WebGPU has Range of float32, and none of float16. */
  const ranges = (): Model =>
    buildModel((b) => {
      let x = b.input('x', [8, 8])
      for (let block = 0; block < 2; block++) {
        const start = b.node('ReduceMax', [x], { keepdims: 0 })
        const end = b.node('Add', [start, b.constant(`length${block}`, 7.5)])
        const steps = b.node('Reshape', [
          b.node('Range', [start, end, b.constant(`one${block}`, 1)]),
          b.constant(`dims${block}`, b.int64([1, 8])),
        ])
        x = b.node('Tanh', [b.node('MatMul', [b.node('Add', [x, steps]), b.weight(`w${block}`, [8, 8])])])
      }
      b.output(x, 'y')
    })

  it('is stored in float16 and computed in float32 where float16 would leave nodes to the CPU', async () => {
    const result = await build(ranges(), 'fp16')
    expect(ids(result)).toEqual(['fp16-webgpu-f16', 'fp16-webgpu', 'fp16-wasm'])
    const hashes = result.manifest.variants.map(({ files }) => files[0]!.sha256)
    expect(new Set(hashes).size).toBe(1)
    const f16 = result.report.variants.find(({ target }) => target === 'webgpu-f16')!
    expect(f16.forecast).toMatchObject({ verdict: 'well', nodes: { cpu: 0 } })
    expect(f16.warnings[0]).toMatch(
      /^lowered in another form for webgpu-f16: weights are stored in fewer bits and computed in float32, so that 2 nodes/,
    )
  })
})

it('a model that its targets run well is built as ever: the direction classifier', async () => {
  const file = fixture('direction')
  const result = await compile({ file, query: '', root: dirname(file), config: {}, cache: false })
  expect(ids(result)).toEqual(['fp32-webgpu', 'fp32-wasm'])
  expect(new Set(result.manifest.variants.map(({ files }) => files[0]!.sha256)).size).toBe(1)
  expect(result.report.dropped).toEqual([])
  expect([...result.report.warnings, ...result.report.variants.flatMap(({ warnings }) => warnings)]).toEqual([])
}, 60_000)
