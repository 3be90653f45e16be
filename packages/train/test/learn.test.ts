import { type Model, Tensor, createRandom } from '@whittle/ir'
import { buildModel, runModel } from '@whittle/testing'
import { expect, it } from 'vitest'
import { descend } from './example.ts'

it('a network of two convolutions learns to tell lines across a picture from lines down it', async () => {
  const random = createRandom('lines')
  const count = 16
  const labels = Array.from({ length: count }, (_, index) => index % 2)
  // Noise, and a line through the picture: across it for 0, down it for 1.
  const pictures = labels.flatMap((label) => {
    const line = random.integer(6)
    return Array.from({ length: 36 }, (_, at) => 0.3 * random.normal() + ((label ? at % 6 : Math.floor(at / 6)) === line ? 1 : 0))
  })
  const model = buildModel((b) => {
    const x = b.input('x', ['N', 1, 6, 6])
    const first = b.node('Conv', [x, b.weight('w1', [6, 1, 3, 3]), b.weight('b1', [6], 0.1)], { pads: [1, 1, 1, 1] })
    const pooled = b.node('MaxPool', [b.node('Relu', [first])], { kernel_shape: [2, 2], strides: [2, 2] })
    const second = b.node('Conv', [pooled, b.weight('w2', [2, 6, 2, 2]), b.weight('b2', [2], 0.1)])
    b.output(b.node('Flatten', [b.node('GlobalAveragePool', [second])]), 'logits')
  })
  const x = Tensor.float32([count, 1, 6, 6], pictures)
  const right = async (tried: Model): Promise<number> => {
    const logits = (await runModel(tried, { x })).logits!.toNumbers()
    return labels.filter((label, index) => logits[2 * index + label]! > logits[2 * index + 1 - label]!).length
  }
  expect(await right(model)).toBeLessThan(count * 0.75)
  expect(await right(await descend(model, x, Tensor.int64([count], labels), 150))).toBe(count)
})
