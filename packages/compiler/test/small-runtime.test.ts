import { decodeWeights } from '@whittle/codec/decode'
import { type Model, Tensor, createRandom, inferShapes, silentLogger } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { nativeEngine } from '@whittle/engine'
import { float16, quantize } from '@whittle/quantize'
import { buildModel, runModel } from '@whittle/testing'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile, tfjsEngine, weightFile } from '../src/index.ts'
import { lower } from '../src/lower/lower.ts'
import { fitsFrame, sized, whyNotSmall } from '../src/small-runtime/choose.ts'
import { wasm } from '@whittle/targets'

const network = (): Model =>
  buildModel((b) => {
    const first = b.node('Relu', [b.node('Conv', [b.input('x', [1, 3, 16, 16]), b.weight('k1', [16, 3, 3, 3]), b.weight('b1', [16])])])
    const second = b.node('Conv', [first, b.weight('k2', [16, 1, 3, 3])], { group: 16 })
    const flat = b.node('Flatten', [b.node('GlobalAveragePool', [second])])
    b.output(b.node('Gemm', [flat, b.weight('w', [10, 16])], { transB: 1 }), 'y')
  })

const context = { engine: nativeEngine(), logger: silentLogger, random: createRandom('test') }
const x = Tensor.float32(
  [1, 3, 16, 16],
  Float32Array.from({ length: 768 }, (_, at) => Math.sin(at)),
)

describe('a weight file', () => {
  it.each([
    ['8 bits per channel', quantize({ bits: 8, minSize: 1 })],
    ['4 bits in blocks', quantize({ bits: 4, granularity: 'block', block: 16, minSize: 1 } as never)],
    ['3 bits, not symmetric', quantize({ bits: 3, symmetric: false, minSize: 1 } as never)],
    ['levels of k-means', quantize({ bits: 4, levels: 'kmeans', minSize: 1 } as never)],
    ['float16', float16()],
  ])('of %s gives what the same weights in an ONNX file give', async (_, transform) => {
    const model = network()
    await transform.run(model, context)
    const { bytes, stored } = weightFile(model)
    expect(stored.length).toBeGreaterThan(0)
    const session = await tfjsEngine().open(bytes)
    const small = (await session.run({ x }))['y']!
    await session.dispose()
    lower(model, wasm, { x: [1, 3, 16, 16] })
    const large = (await runModel(model, { x }))['y']!
    expect(small.dims).toEqual(large.dims)
    large.toNumbers().forEach((value, at) => expect(small.toNumbers()[at]).toBeCloseTo(value, 5))
  })

  it('is smaller than the ONNX file, and the same for the same model', async () => {
    const model = network()
    await quantize({ bits: 4, minSize: 1 } as never).run(model, context)
    const { bytes } = weightFile(model)
    expect(weightFile(model).bytes).toEqual(bytes)
    lower(model, wasm, { x: [1, 3, 16, 16] })
    expect(bytes.length).toBeLessThan(writeOnnx(model).length)
    expect(decodeWeights(bytes).tensors.size).toBeGreaterThan(0)
  })
})

describe('the small runtime is chosen by itself', () => {
  it('where it covers a model, and before a GPU where a run takes about a frame', () => {
    const model = network()
    inferShapes(model)
    expect(whyNotSmall(sized(model, { x: [1, 3, 16, 16] }))).toBeUndefined()
    expect(fitsFrame(sized(model, { x: [1, 3, 16, 16] }))).toBe(true)
    const large = buildModel((b) => b.output(b.node('Conv', [b.input('x', [1, 64, 'h', 'w']), b.weight('k', [64, 64, 3, 3])])))
    expect(fitsFrame(sized(large, { x: [1, 64, 224, 224] }))).toBe(false)
    expect(fitsFrame(sized(large, { x: [1, 64, 16, 16] }))).toBe(true)
  })

  it('not where an op has no kernel', () => {
    const model = buildModel((b) => b.output(b.node('Einsum', [b.input('x', [2, 3])], { equation: 'ij->ji' })))
    expect(whyNotSmall(sized(model, { x: [2, 3] }))).toContain('no kernel for Einsum')
  })

  it('not where it would be slow', () => {
    const model = buildModel((b) =>
      b.output(b.node('Conv', [b.input('x', [1, 256, 64, 64]), b.weight('k', [256, 1, 5, 5])], { group: 256, pads: [2, 2, 2, 2] })),
    )
    expect(whyNotSmall(sized(model, { x: [1, 256, 64, 64] }))).toMatch(/^a run would take \d\.\d\d times as long as on onnxruntime-web$/)
  })
})

describe('an import', () => {
  let root: string
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'whittle-small-'))
    writeFileSync(join(root, 'net.onnx'), writeOnnx(network()))
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const compiled = (query: string, smallRuntime?: boolean, file = join(root, 'net.onnx')) =>
    compile({ file, query, root, cache: false, smallRuntime })

  it.each([
    [
      'int8',
      true,
      [
        ['int8-tfjs', 'tfjs', 5],
        ['int8-webgpu', 'webgpu', 20],
      ],
    ],
    [
      'int8&runtime=onnx',
      true,
      [
        ['int8-webgpu', 'webgpu', 20],
        ['int8-wasm', 'wasm', 30],
      ],
    ],
    [
      'int8&target=wasm&runtime=onnx;tfjs',
      false,
      [
        ['int8-tfjs', 'tfjs', 5],
        ['int8-wasm', 'wasm', 31],
      ],
    ],
    ['int8&target=wasm', false, [['int8-wasm', 'wasm', 30]]],
    ['int8&target=wasm&as=url', true, [['int8-wasm', 'wasm', 30]]],
  ] as const)('%s (by itself: %s) has the variants that it asks for', async (query, itself, wanted) => {
    const { manifest, artefacts, kernels, report } = await compiled(query, itself)
    const ranks = manifest.variants.map(({ id, provider, rank }) => [id, provider, rank])
    expect(ranks.map(([id, provider]) => [id, provider])).toEqual(wanted.map(([id, provider]) => [id, provider]))
    const small = report.variants.filter(({ runtime }) => runtime === 'tfjs')
    expect(artefacts.filter(({ name }) => name.endsWith('.whittle'))).toHaveLength(small.length)
    expect(Object.keys(kernels).length > 0).toBe(small.length > 0)
  })

  it('that asks for it, of a model that it does not cover, fails and says what stands in the way', async () => {
    const turned = buildModel((b) => b.output(b.node('Einsum', [b.input('x', [2, 3])], { equation: 'ij->ji' }, { name: 'turn' })))
    writeFileSync(join(root, 'turned.onnx'), writeOnnx(turned))
    await expect(compiled('target=wasm&runtime=tfjs', false, join(root, 'turned.onnx'))).rejects.toThrow(
      "turned.onnx?target=wasm&runtime=tfjs: the model cannot run on TensorFlow.js: it has no kernel for Einsum 'turn'",
    )
  })

  it('names a runtime that there is not', async () => {
    await expect(compiled('runtime=torch')).rejects.toThrow("runtime: expected onnx, tfjs, received 'torch'")
  })
})
