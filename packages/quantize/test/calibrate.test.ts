import { Tensor, type Tensors, createRandom } from '@whittle/ir'
import { buildModel, randomInputs, runModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { calibrate } from '../src/calibrate.ts'
import { context, datasetOf, valueOf } from './harness.ts'

const model = buildModel((b) => {
  const hidden = b.node('MatMul', [b.input('x', ['N', 3]), b.weight('w', [3, 4])], {}, { outputs: ['hidden'] })
  b.output(b.node('MatMul', [b.node('Relu', [hidden], {}, { outputs: ['relu'] }), b.weight('v', [4, 2])]), 'y')
})
const samples = Array.from({ length: 5 }, (_, at) => randomInputs(model, createRandom(`sample/${at}`), { N: 1 + at }))
const names = ['x', 'hidden', 'relu', 'y']
const values = names.map((name) => valueOf(model, name))

test('ranges are the least and the greatest over all samples, of inputs, inner values and outputs alike', async () => {
  const collector = await calibrate(model, values, context({ calibration: datasetOf(samples) }))
  const probe = model.clone()
  for (const name of ['hidden', 'relu']) probe.graph.addOutput(valueOf(probe, name))
  const seen: Record<string, number[]> = { x: [], hidden: [], relu: [], y: [] }
  for (const inputs of samples) {
    const outputs: Tensors = { ...inputs, ...(await runModel(probe, inputs)) }
    for (const name of names) seen[name]!.push(...outputs[name]!.toNumbers())
  }
  expect([...collector.histograms.keys()].sort()).toEqual([...names].sort())
  for (const name of names) {
    const { min, max, total } = collector.histograms.get(name)!
    expect(total).toBe(seen[name]!.length)
    expect(min).toBeCloseTo(Math.min(...seen[name]!), 5)
    expect(max).toBeCloseTo(Math.max(...seen[name]!), 5)
  }
})

test('values that are not float32 are left out', async () => {
  const whole = buildModel((b) => void b.output(b.node('Neg', [b.input('k', [2], 'int64')]), 'y'))
  const collector = await calibrate(
    whole,
    [valueOf(whole, 'k'), valueOf(whole, 'y')],
    context({ calibration: datasetOf([{ k: Tensor.int64([2], [1, 2]) }]) }),
  )
  expect(collector.histograms.size).toBe(0)
})

test('progress counts the samples, and an aborted signal ends the run', async () => {
  const seen: unknown[] = []
  const controller = new AbortController()
  const onProgress = (progress: { done: number }): void => {
    seen.push(progress)
    if (progress.done === 2) controller.abort(new Error('enough'))
  }
  await expect(
    calibrate(model, values, context({ calibration: datasetOf(samples), onProgress, signal: controller.signal })),
  ).rejects.toThrow('enough')
  expect(seen).toEqual([1, 2].map((done) => ({ step: 'calibrating', done, total: 5 })))
})

describe('refuses', () => {
  test.each([
    ['a missing dataset', {}],
    ['a missing engine', { engine: undefined, calibration: datasetOf(samples) }],
  ])('%s', async (_, more) => {
    await expect(calibrate(model, values, context(more))).rejects.toMatchObject({
      name: 'DatasetError',
      code: 'CALIBRATION_MISSING',
      message: 'activations need calibration data and an engine; give them, or leave activations out',
    })
  })

  test('a dataset that yields nothing', async () => {
    await expect(calibrate(model, values, context({ calibration: datasetOf([]) }))).rejects.toMatchObject({
      name: 'DatasetError',
      code: 'DATASET_EMPTY',
      message: "the calibration dataset 'list' yields no samples",
    })
  })

  test('a sample under a wrong name, of a wrong type, of a wrong shape', async () => {
    const run = (sample: Tensors): Promise<unknown> => calibrate(model, values, context({ calibration: datasetOf([sample]) }))
    await expect(run({ z: Tensor.float32([1, 3], [1, 2, 3]) })).rejects.toMatchObject({ name: 'DatasetError', code: 'INPUT_UNKNOWN' })
    await expect(run({ x: Tensor.int64([1, 3], [1, 2, 3]) })).rejects.toMatchObject({ name: 'DatasetError', code: 'INPUT_TYPE' })
    await expect(run({ x: Tensor.float32([1, 2], [1, 2]) })).rejects.toMatchObject({ name: 'DatasetError', code: 'INPUT_SHAPE' })
  })
})
