import { DatasetError, Tensor, createRandom } from '@whittle/ir'
import { buildModel, randomInputs } from '@whittle/testing'
import { expect, test } from 'vitest'
import { calibrate } from '../src/calibrate.ts'
import { measureExtremes } from '../src/extremes.ts'
import { context, datasetOf, valueOf } from './harness.ts'

const model = buildModel((b) => {
  const hidden = b.node('MatMul', [b.input('x', ['N', 3]), b.weight('w', [3, 4])], {}, { outputs: ['hidden'] })
  b.output(b.node('MatMul', [b.node('Relu', [hidden], {}, { outputs: ['relu'] }), b.weight('v', [4, 2])]), 'y')
})
const samples = Array.from({ length: 5 }, (_, at) => randomInputs(model, createRandom(`sample/${at}`), { N: 1 + at }))
const values = ['x', 'hidden', 'relu', 'y'].map((name) => valueOf(model, name))

test('what the engine reduces is what histograms of all elements find', async () => {
  const all = context({ calibration: datasetOf(samples) })
  const extremes = await measureExtremes(model, values, all)
  const { histograms } = await calibrate(model, values, all)
  expect([...extremes.keys()].sort()).toEqual([...histograms.keys()].sort())
  for (const [name, { min, max, invalid }] of extremes) {
    expect([min, max]).toEqual([histograms.get(name)!.min, histograms.get(name)!.max])
    expect(invalid).toBe(0)
  }
})

test('a sample with NaN, or with infinity, counts as invalid and moves neither end', async () => {
  const bad = [NaN, Infinity].map((item) => ({ x: Tensor.float32([1, 3], [1e6, item, -1e6]) }))
  const clean = await measureExtremes(model, values, context({ calibration: datasetOf(samples) }))
  const found = await measureExtremes(model, values, context({ calibration: datasetOf([...bad, ...samples]) }))
  expect(found.get('x')).toEqual({ ...clean.get('x'), invalid: 2 })
})

test('a dataset that yields nothing is refused by its key', async () => {
  const empty = context({ calibration: datasetOf([]) })
  await expect(measureExtremes(model, values, empty)).rejects.toThrow(DatasetError)
})
