import { type Model, Tensor, createRandom } from '@whittle/ir'
import { type GraphBuilder, buildModel, randomInputs } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { collectGrams } from '../src/gram.ts'
import { collectPrefix } from '../src/prefix.ts'
import { context, datasetOf } from './harness.ts'

const conv = (b: GraphBuilder): unknown => {
  const x = b.node('Relu', [b.node('Conv', [b.input('x', ['N', 2, 6, 5]), b.weight('first', [4, 2, 3, 3]), b.weight('first_b', [4])])])
  return b.output(b.node('Conv', [x, b.weight('second', [6, 2, 2, 2])], { group: 2, strides: [2, 1], pads: [1, 0, 0, 1] }), 'y')
}
const mlp = (b: GraphBuilder): unknown => {
  const x = b.node('Relu', [b.node('MatMul', [b.input('x', ['N', 5]), b.weight('first', [5, 4])])])
  return b.output(b.node('MatMul', [x, b.weight('second', [4, 3])]), 'y')
}

const halved = (model: Model): Model => {
  const copy = model.clone()
  const first = [...copy.initializers()].find(({ name }) => name === 'first')!
  copy.graph.setTensor(
    first,
    Tensor.float32(
      first.tensor!.dims,
      first.tensor!.toFloat32().map((item, at) => (at % 2 ? 0 : item)),
    ),
  )
  return copy
}

/** The same statistics of one graph that holds both models' inputs of the layer: those of a layer over both, side by side. */
describe.each([
  ['a grouped convolution', conv],
  ['a product of matrices', mlp],
] as const)('%s', (_, build) => {
  const model = buildModel((b) => void build(b), 'prefix')
  const calibration = datasetOf([1, 2, 3].map((N) => randomInputs(model, createRandom(`prefix/${N}`), { N })))
  const at = model.graph.nodes.length - 1

  test('where nothing was changed, both are the Gram', async () => {
    const node = model.graph.nodes[at]!
    const grams = (await collectGrams(model, [node], context({ calibration }))).get(node)!
    const found = await collectPrefix(model.clone(), model, at, context({ calibration }))
    expect(found).toHaveLength(grams.length)
    found.forEach(({ size, products, cross, mean, originalMean, positions }, group) => {
      const gram = grams[group]!
      expect([size, positions]).toEqual([gram.size, gram.positions])
      gram.covariance.forEach((item, index) => {
        const [i, j] = [Math.floor(index / size), index % size]
        expect(products[index]! - mean[i]! * mean[j]!).toBeCloseTo(item, 5)
        expect(cross[index]).toBeCloseTo(products[index]!, 6)
      })
      gram.mean.forEach((item, index) =>
        expect([mean[index], originalMean[index]].map((x) => +x!.toFixed(6))).toEqual([item, item].map((x) => +x.toFixed(6))),
      )
    })
  })

  test('with a changed layer before it, the products are those of its inputs and the cross products those of both', async () => {
    const changed = halved(model)
    const found = await collectPrefix(changed, model, at, context({ calibration }))
    const node = changed.graph.nodes[at]!
    const grams = (await collectGrams(changed, [node], context({ calibration }))).get(node)!
    const original = await collectPrefix(model.clone(), model, at, context({ calibration }))
    const reverse = await collectPrefix(model, changed, at, context({ calibration }))
    found.forEach(({ size, products, cross, mean, originalMean }, group) => {
      grams[group]!.covariance.forEach((item, index) =>
        expect(products[index]! - mean[Math.floor(index / size)]! * mean[index % size]!).toBeCloseTo(item, 5),
      )
      expect([...originalMean]).toEqual([...original[group]!.mean])
      // E[o x^T] is the transpose of E[x o^T].
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j++) expect(cross[i * size + j]).toBeCloseTo(reverse[group]!.cross[j * size + i]!, 5)
      expect(cross.some((item, index) => Math.abs(item - products[index]!) > 1e-3)).toBe(true)
    })
  })
})

test('without data, with none, and with data that are not finite it says so', async () => {
  const model = buildModel((b) => void mlp(b), 'prefix')
  const at = model.graph.nodes.length - 1
  await expect(collectPrefix(model.clone(), model, at, context())).rejects.toMatchObject({ code: 'CALIBRATION_MISSING' })
  await expect(collectPrefix(model.clone(), model, at, context({ calibration: datasetOf([]) }))).rejects.toMatchObject({
    code: 'DATASET_EMPTY',
  })
  const bad = datasetOf([{ x: Tensor.float32([1, 5], [1, Infinity, 1, 1, 1]) }])
  await expect(collectPrefix(model.clone(), model, at, context({ calibration: bad }))).rejects.toThrow(
    /^sample 0 of the calibration dataset '.*' gives NaN or infinite inputs to .*; leave it out$/,
  )
})
