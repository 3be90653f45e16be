import { Tensor } from '@whittle/ir'
import { buildModel } from '@whittle/testing'
import { expect, test } from 'vitest'

const distribution = { mean: Float32Array.of(1, 2), deviation: Float32Array.of(3, 4) }

const build = () => {
  const model = buildModel((b) => {
    const conv = b.node('Conv', [b.input('x', ['N', 3, 2, 2]), b.weight('w', [2, 3, 1, 1]), b.weight('bias', [2])])
    b.output(b.node('Relu', [conv]), 'y')
  })
  const [conv, relu] = model.graph.nodes
  conv!.output.distribution = distribution
  relu!.output.distribution = distribution
  return { model, conv: conv!, relu: relu! }
}

test('a copy of a model has the distributions of its values', () => {
  const { model } = build()
  expect(model.clone().graph.nodes.map((node) => node.output.distribution)).toEqual([distribution, distribution])
})

test('another tensor or input for a node drops what was known of its outputs, and of no other', () => {
  const first = build()
  first.model.graph.setTensor(first.conv.inputs[1]!, Tensor.float32([2, 3, 1, 1], new Float32Array(6)))
  expect([first.conv.output.distribution, first.relu.output.distribution]).toEqual([undefined, distribution])
  const second = build()
  second.model.graph.setInput(second.conv, 2, undefined)
  expect([second.conv.output.distribution, second.relu.output.distribution]).toEqual([undefined, distribution])
})
