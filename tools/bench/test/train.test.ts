import { nativeEngine } from '@whittle/engine'
import { type Model, Tensor, createRandom } from '@whittle/ir'
import { expect, it } from 'vitest'
import { halfOfChannels } from '../train/half-channels.ts'
import { pointsBetween } from '../train/judged.ts'
import { CHANNELS, fashionNetwork } from '../train/network.ts'

async function logitsOf(model: Model): Promise<number[]> {
  const random = createRandom('picture')
  const session = await nativeEngine({ threads: 1 }).open(model)
  const image = Tensor.float32(
    [2, 1, 28, 28],
    Array.from({ length: 2 * 784 }, () => random.next()),
  )
  const { logits } = await session.run({ image })
  await session.dispose()
  return logits!.toNumbers()
}

it('half of the channels give what the network gives, where the others are zero', async () => {
  const model = fashionNetwork('half')
  const { graph } = model
  for (const [index, count] of CHANNELS.entries()) {
    const kernel = [...graph.initializers].find(({ name }) => name === `conv${index + 1}.kernel`)!
    const each = kernel.tensor!.size / count
    // Every other channel, which gives zero then.
    const values = kernel.tensor!.toFloat32().map((value, at) => (Math.floor(at / each) % 2 === 0 ? value : 0))
    graph.setTensor(kernel, Tensor.float32(kernel.tensor!.dims, values))
  }
  const [whole, half] = [await logitsOf(model), await logitsOf(halfOfChannels(model))]
  expect(Math.max(...whole.map(Math.abs))).toBeGreaterThan(0.1)
  for (const [at, value] of half.entries()) expect(value).toBeCloseTo(whole[at]!, 4)
})

it('points are of all samples, with an interval about them', () => {
  const first = Array.from({ length: 100 }, (_, at) => at < 90)
  const second = Array.from({ length: 100 }, (_, at) => at >= 4 && at < 91)
  const { points, low, high } = pointsBetween(first, second)
  expect(points).toBeCloseTo(-3, 10)
  expect(low).toBeLessThan(-3)
  expect(high).toBeGreaterThan(-3)
})
