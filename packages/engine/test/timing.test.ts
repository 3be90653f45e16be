import { Model, Tensor } from '@whittle/ir'
import { expect, it } from 'vitest'
import { nativeEngine, timeRatio } from '../src/index.ts'

/** `count` products of 96x96 matrices, one after another. */
function stack(count: number): Model {
  const model = new Model()
  let value = model.graph.addInput('x', 'float32', [96, 96])
  const weight = model.graph.addInitializer('w', Tensor.float32([96, 96], new Float32Array(96 * 96).fill(0.01)))
  for (let i = 0; i < count; i++) value = model.graph.addNode({ op: 'MatMul', inputs: [value, weight] }).output
  value.elementType = 'float32'
  model.graph.addOutput(value)
  return model
}

it('gives the time of each model as a ratio to the first', async () => {
  const inputs = { x: Tensor.float32([96, 96], new Float32Array(96 * 96).fill(1)) }
  const models = [
    { name: 'two', model: stack(2) },
    { name: 'sixty', model: stack(60) },
  ]
  const [two, sixty] = await timeRatio(nativeEngine(), models, inputs, { rounds: 15, threads: 1 })
  expect(two).toMatchObject({ name: 'two', ratio: 1, quartiles: [1, 1] })
  expect(sixty!.ratio).toBeGreaterThan(3)
  expect(sixty!.quartiles[0]).toBeLessThanOrEqual(sixty!.ratio)
  expect(sixty!.quartiles[1]).toBeGreaterThanOrEqual(sixty!.ratio)
})
