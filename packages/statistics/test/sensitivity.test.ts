import { Tensor, type Model } from '@whittle/ir'
import { buildModel } from '@whittle/testing'
import { expect, test } from 'vitest'
import { sensitivities } from '../src/sensitivity.ts'
import { context, datasetOf } from './harness.ts'

/** y = [x * a, x * b * 10]: the second kernel arrives tenfold. */
const model = (): Model =>
  buildModel((b) => {
    const x = b.input('x', [1, 1])
    const second = b.node('Mul', [b.node('MatMul', [x, b.constant('b', Tensor.float32([1, 1], [1]))]), b.constant('ten', 10)])
    b.output(b.node('Concat', [b.node('MatMul', [x, b.constant('a', Tensor.float32([1, 1], [1]))]), second], { axis: 1 }), 'y')
  })

const calibration = datasetOf([2, 3].map((value) => ({ x: Tensor.float32([1, 1], [value]) })))

const weight = (of: Model, name: string): NonNullable<ReturnType<typeof find>> => find(of, name)!
const find = (of: Model, name: string) => [...of.initializers()].find((value) => value.name === name)

const trial = (name: string, error: number) => ({
  apply: (copy: Model) => copy.graph.setTensor(weight(copy, name), Tensor.float32([1, 1], [0.5])),
  error,
})

test("measures what of a layer's own error arrives at the outputs, and leaves the model as it was", async () => {
  const subject = model()
  const trials = ['a', 'b'].map((name) => trial(name, 0.25))
  const [a, b] = await sensitivities(subject, trials, context({ calibration }))
  // The outputs' energy is 13 * (1 + 100); halving a loses 13 / 4 of it, halving b a hundred times that.
  expect(a).toBeCloseTo(1 / 101, 6)
  expect(b).toBeCloseTo(100 / 101, 6)
  expect(weight(subject, 'a').tensor!.toNumbers()).toEqual([1])
})

test('a layer without an error of its own gets 0, and so does one that only whole numbers come out of', async () => {
  const subject = model()
  expect(await sensitivities(subject, [trial('a', 0)], context({ calibration }))).toEqual([0])
  const whole = buildModel((b) => {
    const product = b.node('MatMul', [b.input('x', [1, 1]), b.constant('a', Tensor.float32([1, 1], [1]))])
    b.output(b.node('ArgMax', [product]), 'y')
  })
  expect(await sensitivities(whole, [trial('a', 1)], context({ calibration }))).toEqual([0])
})

test('outputs that are infinite do not count', async () => {
  const subject = buildModel((b) => {
    const product = b.node('MatMul', [b.input('x', [1, 1]), b.constant('a', Tensor.float32([1, 1], [1]))])
    b.output(b.node('Concat', [product, b.node('Log', [b.node('Mul', [product, b.constant('zero', 0)])])], { axis: 1 }), 'y')
  })
  const [factor] = await sensitivities(subject, [trial('a', 0.25)], context({ calibration }))
  expect(factor).toBeCloseTo(1, 6)
})
