import { join } from 'node:path'
import { nativeEngine, wasmEngine } from '@whittle/engine'
import { Tensor } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { goldenValues, sketch, sketchSqnr } from '@whittle/targets'
import { buildModel } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { goldenInputs, goldenOf } from '../src/golden.ts'
import { compile } from '../src/index.ts'
import { project, wideNet, wideSamples } from './project.ts'

const engine = wasmEngine()

describe('the golden check of an import', () => {
  it('holds what each variant gave in wasm, and another engine comes as near as it asks for', async () => {
    const root = await project({ 'net.onnx': wideNet(), 'samples.ts': wideSamples })
    const query = 'int8;fp16&calibrate=./samples.ts&target=wasm;webgpu-f16'
    const { manifest, artefacts } = await compile({ file: join(root, 'net.onnx'), query, root, cache: false })
    expect(manifest.golden!['x']!.dims).toEqual([1, 64, 8, 8])
    expect(manifest.variants).toHaveLength(4)
    const x = Tensor.of('float32', [1, 64, 8, 8], goldenValues(manifest.golden!['x']!, false, 0))
    for (const { id, golden, files } of manifest.variants) {
      const { bytes } = artefacts.find(({ sha256 }) => sha256 === files[0]!.sha256)!
      const answers = await Promise.all(
        [engine, nativeEngine()].map(async (one) => {
          const session = await one.open(bytes)
          const { y } = await session.run({ x })
          await session.dispose()
          return sketchSqnr(golden!.outputs['y']!, sketch(y!.toNumbers()))
        }),
      )
      expect(answers[0], id).toBeGreaterThan(100)
      expect(answers[1], id).toBeGreaterThan(golden!.sqnr)
    }
    const asked = Object.fromEntries(manifest.variants.map(({ id, golden }) => [id, golden!.sqnr]))
    expect(asked).toMatchObject({ 'fp16-wasm': 40, 'fp16-webgpu-f16': 20 })
    expect(asked['int8-wasm']).toBeLessThanOrEqual(15)
  })
})

describe('made-up inputs', () => {
  it('lie where the samples lie, and say no more of them than three digits of the ends', () => {
    const samples = [0.123456, 7.654321].map((value) => ({
      inputs: { x: Tensor.float32([1, 2], [value, -1]), ids: Tensor.int64([1, 1], [Math.round(value * 1000)]) },
    }))
    expect(goldenInputs(samples)).toEqual({ x: { dims: [1, 2], low: -1, high: 7.65 }, ids: { dims: [1, 1], low: 123, high: 7654 } })
  })

  it('are not made for inputs that a browser may take in more than one way', () => {
    expect(goldenInputs([{ inputs: { x: Tensor.strings([1], ['a']) } }])).toBeUndefined()
    expect(goldenInputs([{ inputs: { x: Tensor.float32([1], [NaN]) } }])).toBeUndefined()
  })
})

describe('an output', () => {
  const range = { x: { dims: [1, 64], low: -1, high: 1 } }
  const golden = (bytes: Uint8Array) => goldenOf(engine, bytes, range, { x: 'float32' }, 'float32')

  it('that is an index, is always zero or turns over when the inputs hardly change is not compared', async () => {
    const model = buildModel((b) => {
      const x = b.input('x', [1, 64])
      b.output(b.node('Mul', [x, b.constant('two', Tensor.float32([], [2]))]), 'good')
      b.output(b.node('ArgMax', [x], { axis: 1 }), 'index')
      b.output(b.node('Relu', [b.node('Sub', [x, b.constant('five', Tensor.float32([], [5]))])]), 'zero')
      b.output(b.node('Sin', [b.node('Mul', [x, b.constant('many', Tensor.float32([], [1e7]))])]), 'chaos')
    })
    expect(Object.keys((await golden(writeOnnx(model)))!.outputs)).toEqual(['good'])
  })

  it('that is whole numbers is compared where there is nothing else', async () => {
    const model = buildModel((b) => {
      const scaled = b.node('Mul', [b.input('x', [1, 64]), b.constant('ten', Tensor.float32([], [10]))])
      b.output(b.node('Cast', [b.node('Round', [scaled])], { to: 7 }), 'whole')
    })
    expect(Object.keys((await golden(writeOnnx(model)))!.outputs)).toEqual(['whole'])
  })

  it('of a model that does not run on made-up inputs is not compared', async () => {
    const model = buildModel((b) => {
      const index = b.node('Cast', [b.node('Mul', [b.input('x', [1, 64]), b.constant('far', Tensor.float32([], [1e6]))])], { to: 7 })
      b.output(b.node('Gather', [b.constant('table', Tensor.float32([2], [1, 2])), index]), 'y')
    })
    expect(await golden(writeOnnx(model))).toBeUndefined()
  })
})
