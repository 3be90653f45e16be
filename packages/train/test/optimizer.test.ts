import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { createRandom } from '@whittle/ir'
import { expect, it } from 'vitest'
import { type Parameter, clipNorm, createOptimizer, resolveOptimizer } from '../src/training/optimizer.ts'
import { scheduleOf } from '../src/training/schedule.ts'

const random = createRandom('optimizer')
const start = Float32Array.from({ length: 12 }, () => random.normal())
const slopes = Array.from({ length: 25 }, () => Float32Array.from({ length: 12 }, () => random.normal()))

function moved(options: Parameters<typeof resolveOptimizer>[1], rate: number, more: Partial<Parameter> = {}): Float32Array {
  const optimizer = createOptimizer(resolveOptimizer('test', options))
  const parameter: Parameter = { name: 'w', values: start.slice(), decays: true, state: {}, steps: 0, ...more }
  for (const slope of slopes) optimizer.step(parameter, slope.slice(), rate)
  return parameter.values
}

/** The same gradients through TensorFlow.js's optimizer. */
async function movedByTfjs(optimizer: tf.Optimizer): Promise<Float32Array> {
  await tf.setBackend('cpu')
  const variable = tf.variable(tf.tensor1d(start))
  for (const slope of slopes) optimizer.applyGradients([{ name: variable.name, tensor: tf.tensor1d(slope) }])
  return (await variable.data()) as Float32Array
}

const near = (given: Float32Array, expected: ArrayLike<number>): void =>
  given.forEach((value, at) => expect(value).toBeCloseTo(expected[at]!, 4))

it('adamw without decay and with absolute rates moves as TensorFlow.js’s Adam', async () => {
  near(moved({ relative: false }, 0.01), await movedByTfjs(tf.train.adam(0.01, 0.9, 0.999, 1e-8)))
})

it('sgd moves as TensorFlow.js’s momentum', async () => {
  near(moved({ optimizer: 'sgd', momentum: 0.8 }, 0.01), await movedByTfjs(tf.train.momentum(0.01, 0.8)))
})

it('decay shrinks kernels alone, apart from the gradient', () => {
  const still = slopes.map(() => new Float32Array(12))
  const optimizer = createOptimizer(resolveOptimizer('test', { weightDecay: 0.5 }))
  for (const decays of [true, false]) {
    const parameter: Parameter = { name: 'w', values: start.slice(), decays, state: {}, steps: 0 }
    for (const slope of still) optimizer.step(parameter, slope.slice(), 0.1)
    near(
      parameter.values,
      start.map((value) => value * (decays ? 0.95 ** still.length : 1)),
    )
  }
})

it('a relative rate is a share of each group’s root mean square', () => {
  const groups = Uint32Array.from(start, (_, at) => Math.floor(at / 6))
  const scaled = start.map((value, at) => (at < 6 ? value : 1000 * value))
  const [values, large] = [moved({}, 0.01, { groups }), moved({}, 0.01, { groups, values: scaled.slice() })]
  near(
    large.map((value, at) => (at < 6 ? value : value / 1000)),
    values,
  )
})

it('masked elements stay, and logarithmic ones stay positive', () => {
  const mask = Uint8Array.from(start, (_, at) => at % 2)
  moved({}, 0.1, { mask }).forEach((value, at) => expect(value === start[at]).toBe(at % 2 === 0))
  const values = moved({}, 0.5, { values: start.map(Math.abs), domain: 'logarithm' })
  expect(values.every((value) => value > 0)).toBe(true)
})

it('clips the norm of all gradients together', () => {
  const gradients = [Float32Array.of(3, 0), Float32Array.of(4)]
  expect(clipNorm(gradients, 1)).toBe(5)
  near(Float32Array.of(...gradients[0]!, ...gradients[1]!), [0.6, 0, 0.8])
  expect(clipNorm(gradients, 2)).toBeCloseTo(1)
})

it('rates rise, and fall to nothing', () => {
  for (const schedule of ['cosine', 'linear'] as const) {
    const rate = scheduleOf('test', 100, { schedule, warmup: 0.1 })
    const all = Array.from({ length: 100 }, (_, step) => rate(step))
    expect(Math.max(...all)).toBe(rate(10))
    expect(all.slice(1, 11).every((value, at) => value > all[at]!)).toBe(true)
    expect(all.slice(11).every((value, at) => value < all[at + 10]!)).toBe(true)
    expect(rate(99)).toBeLessThan(0.02)
  }
  expect(scheduleOf('test', 10, { schedule: 'constant', warmup: 0 })(9)).toBe(1)
})

it('wrong options are named', () => {
  expect(() => resolveOptimizer('qat', { momentum: 1 })).toThrow('qat: expected a number in [0, 1) for momentum, received 1')
  expect(() => scheduleOf('qat', 10, { warmup: 2 })).toThrow('qat: expected a share in [0, 1) for warmup, received 2')
})
