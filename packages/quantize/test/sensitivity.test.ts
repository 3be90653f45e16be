import { Tensor, createRandom } from '@whittle/ir'
import { buildModel, randomInputs, runModel } from '@whittle/testing'
import { expect, test } from 'vitest'
import { noiseShare } from '@whittle/statistics'
import { measureSensitivity } from '../src/sensitivity.ts'
import { context, datasetOf, valueOf } from './harness.ts'

const model = buildModel((b) => {
  const hidden = b.node('Relu', [b.node('MatMul', [b.input('x', ['N', 6]), b.weight('w', [6, 5])])])
  b.output(b.node('MatMul', [hidden, b.weight('v', [5, 3])]), 'y')
  b.output(b.node('Neg', [hidden]), 'z')
})
const samples = Array.from({ length: 2 }, (_, at) => randomInputs(model, createRandom(`sample/${at}`), { N: 4 }))

test('a trial costs 256 times what a run with a sixteenth of its change shows, at the output that suffers most; the model stays', async () => {
  const trials = ['w', 'v'].map((name) => {
    const value = valueOf(model, name)
    return {
      value,
      tensor: Tensor.float32(
        value.tensor!.dims,
        value.tensor!.toFloat32().map((item) => Math.round(item * 4) / 4),
      ),
    }
  })
  const before = trials.map(({ value }) => value.tensor)
  const measured = await measureSensitivity(model, trials, context({ calibration: datasetOf(samples) }))
  expect(trials.map(({ value }) => value.tensor)).toEqual(before)
  for (const [index, { value, tensor }] of trials.entries()) {
    const copy = model.clone()
    const own = value.tensor!.toFloat32()
    copy.graph.setTensor(
      valueOf(copy, value.name),
      Tensor.float32(
        tensor.dims,
        tensor.toFloat32().map((item, at) => own[at]! + (item - own[at]!) / 16),
      ),
    )
    const shares = await Promise.all(
      ['y', 'z'].map(async (output) => {
        let [signal, noise] = [0, 0]
        for (const inputs of samples) {
          const [expected, given] = [
            (await runModel(model, inputs))[output]!.toNumbers(),
            (await runModel(copy, inputs))[output]!.toNumbers(),
          ]
          expected.forEach((item, at) => {
            signal += item ** 2
            noise += (item - given[at]!) ** 2
          })
        }
        return noise / signal
      }),
    )
    expect(measured[index]).toBeGreaterThan(0)
    expect(measured[index]! / Math.max(...shares) / 256).toBeCloseTo(1, 3)
  }
})

test('an output that becomes NaN is infinitely bad, and whole numbers do not count', () => {
  const of = (items: number[], whole: number) => [{ y: Tensor.float32([2], items), k: Tensor.int64([1], [whole]) }]
  expect(noiseShare(of([1, 2], 0), of([1, NaN], 0))).toBe(Infinity)
  expect(noiseShare(of([1, 2], 0), of([1, 2], 7))).toBe(0)
})
