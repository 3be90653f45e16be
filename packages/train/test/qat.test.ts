import { type IntegerQuantization, type Model, compress, rangeOf, scaleIndices } from '@whittle/ir'
import { quantize } from '@whittle/quantize'
import { expect, it } from 'vitest'
import { finetune, qat } from '../src/index.ts'
import { accuracyOf, contextOf, divergenceOf, engine, lines, network } from './toy.ts'

const [learned, unseen] = [lines(240, 'learned'), lines(150, 'unseen')]
const trained = compress(network(), [finetune({ steps: 150, learningRate: 0.02, batch: 24 })], contextOf(learned))

/** Weights with integer grids. */
const gridded = (model: Model): { data: Float32Array; dims: readonly number[]; grid: IntegerQuantization }[] =>
  [...model.graph.initializers].flatMap(({ tensor, quantization }) =>
    quantization?.kind === 'integer' ? [{ data: tensor!.toFloat32(), dims: tensor!.dims, grid: quantization }] : [],
  )

it.each([
  ['weights of 2 bits', quantize({ bits: 2, minSize: 1, latent: true })],
  ['weights of 2 bits in blocks', quantize({ bits: 2, minSize: 1, latent: true, granularity: 'block', block: 16 })],
  ['weights of 3 bits, activations of 8', quantize({ bits: 3, activations: 8, minSize: 1, latent: true })],
])('%s are nearer to the original after training through their grids', async (_, rounding) => {
  const { model: original } = await trained
  const context = contextOf(learned, { calibration: learned })
  const plain = await compress(original, [rounding], context)
  const aware = await compress(original, [rounding, qat({ steps: 120, learningRate: 0.01, batch: 24 })], context)
  const [before, after] = [await divergenceOf(plain.model, original, unseen), await divergenceOf(aware.model, original, unseen)]
  expect(after).toBeLessThan(before / 2)
  const grids = gridded(aware.model)
  expect(grids).toHaveLength(3)
  for (const { data, dims, grid } of grids) {
    const indices = scaleIndices(dims, grid)
    const { min, max } = rangeOf(grid)
    expect(grid.latent).toBeUndefined()
    data.forEach((item, at) => {
      const level = item / grid.scale[indices[at]!]! + grid.zeroPoint[indices[at]!]!
      expect(Math.abs(level - Math.round(level))).toBeLessThan(1e-4)
      expect(level).toBeGreaterThanOrEqual(min - 1e-4)
      expect(level).toBeLessThanOrEqual(max + 1e-4)
    })
  }
})

it('starts from the rounded model: no step leaves it as it was', async () => {
  const { model: original } = await trained
  const rounding = quantize({ bits: 3, minSize: 1, latent: true })
  const context = contextOf(learned)
  const plain = await compress(original, [rounding], context)
  // So small a rate that nothing crosses to another step of its grid.
  const still = await compress(original, [rounding, qat({ steps: 2, learningRate: 1e-12 })], context)
  const [a, b] = [gridded(plain.model), gridded(still.model)]
  a.forEach(({ data }, index) => data.forEach((item, at) => expect(b[index]!.data[at]).toBeCloseTo(item, 5)))
})

it('learns from labels where they are asked for', async () => {
  const { model: original } = await trained
  const context = contextOf(learned)
  const rounding = quantize({ bits: 2, minSize: 1, latent: true })
  const plain = await compress(original, [rounding], context)
  const aware = await compress(original, [rounding, qat({ steps: 120, learningRate: 0.01, batch: 24, losses: 'labels' })], context)
  expect(await accuracyOf(aware.model, unseen)).toBeGreaterThan(await accuracyOf(plain.model, unseen))
  const session = await engine.open(aware.model)
  await session.dispose()
})
