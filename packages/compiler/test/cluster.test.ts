import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeWeights } from '@whittle/codec/decode'
import { brotliSize, nativeEngine } from '@whittle/engine'
import { type Model, Tensor, createRandom } from '@whittle/ir'
import { readOnnx } from '@whittle/ir/onnx'
import { buildModel, fixture } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { type CompileResult, compile } from '../src/index.ts'
import { parseQuery } from '../src/directives/parse.ts'
import { describeRecipe, recipeOf } from '../src/recipe.ts'
import { project, samplesOf } from './project.ts'

const build = (root: string, query: string): Promise<CompileResult> => compile({ file: join(root, 'net.onnx'), query, root, cache: false })

const stepOf = (query: string, calibrated = false, sqnr?: number): Record<string, unknown> => {
  const { alternatives } = parseQuery(query)
  return describeRecipe(recipeOf(alternatives[0]!, { calibrated, sqnr })).find(({ step }) => step === 'cluster')!.options
}

describe('the recipe of cluster=', () => {
  it('fits values to samples where there are some, and auto to what sqnr= asks for', () => {
    expect(stepOf('cluster=16')).toMatchObject({ values: 16, method: 'kmeans', granularity: 'tensor', sqnr: null })
    expect(stepOf('cluster=16', true, 30)).toMatchObject({ values: 16, method: 'feedback', sqnr: null })
    expect(stepOf('cluster=auto', true, 30)).toMatchObject({ values: 'auto', method: 'feedback', sqnr: 30 })
    expect(stepOf('cluster=auto', false, 30)).toMatchObject({ values: 'auto', method: 'kmeans', sqnr: null })
    expect(stepOf('cluster=64&cluster.granularity=channel&cluster.method=kmeans', true)).toMatchObject({
      values: 64,
      method: 'kmeans',
      granularity: 'channel',
    })
  })

  it('comes after pruning, and has a label of its own among alternatives', () => {
    const labels = parseQuery('cluster=16;cluster=auto;int8&prune=0.3').alternatives.map((alternative) =>
      recipeOf(alternative, { calibrated: false }),
    )
    expect(labels.map(({ label }) => label)).toEqual(['cluster16-prune0.3', 'clusterauto-prune0.3', 'int8-prune0.3'])
    expect(labels[0]!.steps.map(({ name }) => name)).toEqual(['simplify', 'prune', 'cluster'])
  })
})

describe('cluster=16 on a real model', () => {
  const image = (): Tensor => {
    const random = createRandom('image')
    return Tensor.float32(
      [1, 3, 48, 192],
      Float32Array.from({ length: 3 * 48 * 192 }, () => random.normal()),
    )
  }

  it.each(['', '&calibrate=./samples.ts'])(
    'takes an eighth of fp32%s and about what bits=4 takes, runs in onnxruntime, and holds 16 values a tensor',
    async (more) => {
      const original = readFileSync(fixture('direction'))
      const root = await project({ 'net.onnx': original, 'samples.ts': samplesOf('x', [1, 3, 48, 192]) })
      const { artefacts, report } = await build(root, `cluster=16;bits=4&target=wasm${more}`)
      const [brotli, others] = report.variants.map((variant) => variant.brotli) as [number, number]
      // 4 of 32 bits, and the tenth of the model that is no weight.
      expect(brotli).toBeLessThan((await brotliSize(original)) * 0.2)
      expect(brotli).toBeLessThan(others * 1.05)
      const { bytes } = artefacts[0]!
      const gathers = readOnnx(bytes).graph.nodes.filter(({ type }) => type === 'Gather')
      const levels = gathers.map(({ inputs }) => inputs[0]!.tensor!.size).filter((size) => size <= 16)
      expect(levels.length).toBeGreaterThan(30)
      const session = await nativeEngine().open(bytes)
      const [output] = Object.values(await session.run({ x: image() }))
      await session.dispose()
      const probabilities = output!.toNumbers()
      expect(probabilities).toHaveLength(2)
      expect(probabilities[0]! + probabilities[1]!).toBeCloseTo(1, 4)
    },
  )
})

/** Small enough that it is clustered many times in a moment. */
const narrowNet = (): Model =>
  buildModel((b) => {
    const x = b.input('x', [1, 8, 8, 8])
    const conv = b.node('Relu', [b.node('Conv', [x, b.weight('w', [24, 8, 3, 3]), b.weight('b', [24])], { pads: [1, 1, 1, 1] })])
    b.output(b.node('Gemm', [b.node('Flatten', [b.node('GlobalAveragePool', [conv])]), b.weight('fc', [24, 16])]), 'y')
  })
const narrowSamples = samplesOf('x', [1, 8, 8, 8])

describe('the small runtime', () => {
  it('gets the values as palettes, and computes the same', async () => {
    const root = await project({ 'net.onnx': narrowNet(), 'samples.ts': narrowSamples })
    const { artefacts, report } = await build(root, 'cluster=16&calibrate=./samples.ts&target=wasm&runtime=tfjs;onnx')
    const small = artefacts.find(({ bytes }) => String.fromCharCode(...bytes.subarray(0, 4)) === 'WHTL')!
    const { tensors } = decodeWeights(small.bytes)
    const kernel = [...tensors.values()].find(({ dims }) => dims.reduce((a, b) => a * b, 1) === 24 * 8 * 9)!
    expect(new Set(new Float32Array(kernel.bytes.slice().buffer)).size).toBeLessThanOrEqual(16)
    const sqnrs = report.variants.map(({ quality }) => quality['y']!.sqnr!)
    expect(sqnrs).toHaveLength(2)
    expect(Math.abs(sqnrs[0]! - sqnrs[1]!)).toBeLessThan(0.1)
    expect(sqnrs[0]).toBeGreaterThan(15)
  })
})

it('cluster=auto takes as many values as sqnr= needs on the samples', async () => {
  const root = await project({ 'net.onnx': narrowNet(), 'samples.ts': narrowSamples })
  const at = async (sqnr: number): Promise<{ sqnr: number; brotli: number }> => {
    const { report } = await build(root, `cluster=auto&calibrate=./samples.ts&target=wasm&sqnr=${sqnr}`)
    const { quality, brotli } = report.variants[0]!
    return { sqnr: quality['y']!.sqnr!, brotli }
  }
  const [rough, fine] = [await at(20), await at(35)]
  expect(rough.sqnr).toBeGreaterThanOrEqual(20)
  expect(fine.sqnr).toBeGreaterThanOrEqual(35)
  expect(rough.brotli).toBeLessThan(fine.brotli)
})
