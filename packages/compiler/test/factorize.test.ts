import { join } from 'node:path'
import { readOnnx } from '@whittle/ir/onnx'
import { weightsOf } from '@whittle/ir'
import { buildModel } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { compile } from '../src/index.ts'
import { dialsOf } from '../src/accuracy/relax.ts'
import { parseQuery } from '../src/directives/parse.ts'
import { type Recipe, describeRecipe, recipeOf } from '../src/recipe.ts'
import { project, samplesOf } from './project.ts'

const recipes = (query: string, calibrated = false): Recipe[] =>
  parseQuery(query).alternatives.map((alternative) => recipeOf(alternative, { calibrated }))
const stepOf = (query: string, calibrated = false): Record<string, unknown> =>
  describeRecipe(recipes(query, calibrated)[0]!).find(({ step }) => step === 'factorize')!.options

describe('the recipe of rank=', () => {
  it('fits layers to samples where there are some', () => {
    expect(stepOf('rank=0.3')).toMatchObject({ rank: 0.3, parameters: null, method: 'weights' })
    expect(stepOf('rank=0.3', true)).toMatchObject({ rank: 0.3, method: 'data' })
    expect(stepOf('rank=0.3&factorize.method=weights&factorize.form=spatial', true)).toMatchObject({ method: 'weights', form: 'spatial' })
  })

  it('has a budget in the place of the rank', () => {
    expect(stepOf('factorize.parameters=0.75', true)).toMatchObject({ rank: null, parameters: 0.75, method: 'data', embeddings: true })
    expect(stepOf('factorize.macs=0.5')).toMatchObject({ macs: 0.5, embeddings: false })
    expect(stepOf('factorize.energy=0.9')).toMatchObject({ energy: 0.9 })
    expect(() => recipes('rank=0.5&factorize.macs=0.5')).toThrow('factorize: expected nothing beside rank for macs, received 0.5')
  })

  it('comes between simplify and prune, and has a label of its own among alternatives', () => {
    const all = recipes('rank=0.5;0.25&prune=0.3&int8')
    expect(all.map(({ label }) => label)).toEqual(['int8-rank0.5-prune0.3', 'int8-rank0.25-prune0.3'])
    expect(all[0]!.steps.map(({ name }) => name)).toEqual(['simplify', 'factorize', 'prune', 'quantize'])
    expect(recipes('factorize.parameters=0.75')[0]!.label).toBe('fp32-parameters0.75')
    expect(recipes('factorize.gain=0.1')[0]!.steps.map(({ name }) => name)).toEqual(['simplify'])
  })

  it.each([
    ['rank=0.5', ['rank=0.625', 'rank=0.75', 'rank=0.875']],
    ['factorize.macs=0.6', ['factorize.macs=0.7', 'factorize.macs=0.8', 'factorize.macs=0.9']],
  ])('is taken back step by step where drop= asks for more accuracy: %s', (query, expected) => {
    const [alternative] = parseQuery(query).alternatives
    const dial = dialsOf(alternative!, true).at(-1)!
    const turned = [1, 2, 3].map((step) => dial.turn({ alternative: alternative!, sqnr: undefined, fallback: [] }, step, 20))
    expect(turned.map(({ fallback }) => fallback[0])).toEqual(expected)
    expect(recipeOf(turned[0]!.alternative, { calibrated: true }).label).toBe(
      `fp32-${expected[0]!.replace('factorize.', '').replace('=', '')}`,
    )
  })
})

it('a model of lower rank ships smaller, in what runs in onnxruntime and in the small runtime', async () => {
  const net = buildModel((b) => {
    const x = b.node('Relu', [b.node('Gemm', [b.input('x', [4, 64]), b.weight('w1', [64, 96]), b.weight('b1', [96])])])
    b.output(b.node('Gemm', [x, b.weight('w2', [96, 64]), b.weight('b2', [64])]), 'y')
  })
  const root = await project({ 'net.onnx': net, 'samples.ts': samplesOf('x', [4, 64]) })
  const query = 'rank=0.25&calibrate=./samples.ts&target=wasm&runtime=onnx;tfjs'
  const { artefacts, report } = await compile({ file: join(root, 'net.onnx'), query, root, cache: false })
  const onnx = artefacts.find(({ name }) => name.endsWith('.onnx'))!
  const sizes = weightsOf(readOnnx(onnx.bytes)).map(({ tensor }) => tensor.size)
  expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(0.6 * 2 * 64 * 96)
  const [first, second] = report.variants.map(({ quality }) => quality['y']!.sqnr!)
  expect(first).toBeGreaterThan(3)
  expect(Math.abs(first! - second!)).toBeLessThan(0.1)
})
