import { type Value, inferShapes } from '@whittle/ir'
import { buildModel } from '@whittle/testing'
import { expect, test } from 'vitest'

const domain = 'ai.onnx.preview.training'

/** Optimizes tensors [2,3] and [5], with `groups` tensors for each; gives the shapes of the outputs. */
function shapesOf(op: string, groups: number, outputs: number, extra = 0): unknown {
  const model = buildModel((b) => {
    const inputs: Value[] = [b.input('R', []), b.input('T', [], 'int64')]
    for (let group = 0; group < groups; group++) inputs.push(b.input(`a${group}`, [2, 3]), b.input(`b${group}`, [5]))
    for (let index = 0; index < extra; index++) inputs.push(b.input(`e${index}`, [1]))
    const names = Array.from({ length: outputs }, (_, index) => `y${index}`)
    for (const value of b.nodes(op, inputs, {}, { domain, outputs: names })) b.output(value)
  })
  model.opsets.set(domain, 1)
  expect(inferShapes(model).unknown).toEqual([])
  return model.graph.outputs.map((output) => output.shape)
}

test('optimizers give each tensor and each of its averages in their own shapes', () => {
  const pair = [[2, 3], [5]]
  expect(shapesOf('Adagrad', 3, 4)).toEqual([...pair, ...pair])
  expect(shapesOf('Momentum', 3, 4)).toEqual([...pair, ...pair])
  expect(shapesOf('Adam', 4, 6)).toEqual([...pair, ...pair, ...pair])
})

test('Gradient gives one output in the shape of each x', () => {
  expect(shapesOf('Gradient', 1, 4)).toEqual([[], [], [2, 3], [5]])
})

test('an optimizer with a tensor too many is refused', () => {
  expect(() => shapesOf('Adam', 4, 6, 1)).toThrow(/4 for each optimized tensor/)
})
