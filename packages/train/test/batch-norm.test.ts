import { type Model, Tensor, type Tensors, compress, createRandom, defineDataset } from '@whittle/ir'
import { buildModel } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { useBatchStatistics } from '../src/batch-statistics.ts'
import { finetune, gradients, reestimate } from '../src/index.ts'
import { differences, open, withLoss } from './harness.ts'
import { accuracyOf, contextOf, engine, lines } from './toy.ts'

/** A normalization of two channels, in a model that keeps poor statistics. */
function normalizing(): Model {
  return buildModel((b) => {
    const x = b.input('x', [5, 2, 3])
    const [scale, bias] = [b.constant('scale', Tensor.float32([2], [1.5, -0.5])), b.constant('bias', Tensor.float32([2], [0.2, 0.4]))]
    const statistics = [b.constant('mean', Tensor.float32([2], [9, -9])), b.constant('variance', Tensor.float32([2], [30, 40]))]
    b.output(b.node('BatchNormalization', [x, scale, bias, ...statistics], { epsilon: 0.01 }), 'y')
  })
}

const random = createRandom('batch')
const x = Float32Array.from({ length: 30 }, () => 3 + 2 * random.normal())
const inputs: Tensors = { x: Tensor.float32([5, 2, 3], x) }
const channel = (index: number): number[] => [...x].filter((_, at) => Math.floor(at / 3) % 2 === index)
const meanOf = (items: number[]): number => items.reduce((sum, item) => sum + item, 0) / items.length
const varianceOf = (items: number[]): number => meanOf(items.map((item) => (item - meanOf(items)) ** 2))

describe('statistics of batches', () => {
  it('normalizes by the batch, and gives its mean and variance out', async () => {
    const model = normalizing()
    const statistics = useBatchStatistics(model)
    expect(statistics.map(({ name, of }) => [name, of])).toEqual([
      ['mean', 'mean'],
      ['variance', 'variance'],
    ])
    const results = await (await open(model)).run(inputs)
    const [mean, variance] = statistics.map(({ output }) => results[output]!.toFloat32())
    for (const index of [0, 1]) {
      expect(mean![index]).toBeCloseTo(meanOf(channel(index)), 4)
      expect(variance![index]).toBeCloseTo(varianceOf(channel(index)), 4)
    }
    const expected = [...x].map((item, at) => {
      const own = channel(Math.floor(at / 3) % 2)
      const normal = (item - meanOf(own)) / Math.sqrt(varianceOf(own) + 0.01)
      return Math.floor(at / 3) % 2 === 0 ? 1.5 * normal + 0.2 : -0.5 * normal + 0.4
    })
    results.y!.toFloat32().forEach((item, at) => expect(item).toBeCloseTo(expected[at]!, 4))
  })

  it('has the gradient of the whole, statistics included', async () => {
    const model = normalizing()
    useBatchStatistics(model)
    model.graph.setOutputs(model.graph.outputs.filter(({ name }) => name === 'y'))
    const forward = await open(model)
    const { model: lossy, functional } = withLoss(model, await forward.run(inputs))
    const { model: backward, gradients: named } = gradients(lossy, { loss: 'loss', wrt: ['x', 'scale'] })
    const results = await (await open(backward)).run(inputs)
    const { x: expected } = await differences(forward, inputs, functional)
    results[named.get('x')!]!.toFloat32().forEach((item, at) => expect(item).toBeCloseTo(expected![at]!, 2))
  })
})

/** A network that tells lines, whose activations are normalized behind a ReLU, where no convolution takes the normalization in. */
function network(): Model {
  return buildModel((b) => {
    const input = b.input('x', ['N', 1, 6, 6])
    let value = input
    for (const [layer, channels] of [1, 8, 8].entries()) {
      if (layer === 0) continue
      const before = layer === 1 ? 1 : 8
      const kernel = b.weight(`w${layer}`, [channels, before, 3, 3], 4)
      const active = b.node('Relu', [b.node('Conv', [value, kernel], { pads: [1, 1, 1, 1] })])
      const vectors = [1, 0, 0, 1].map((fill, at) =>
        b.constant(`n${layer}${at}`, Tensor.float32([channels], Array<number>(channels).fill(fill))),
      )
      value = b.node('BatchNormalization', [active, ...vectors])
    }
    const features = b.node('Flatten', [b.node('GlobalMaxPool', [value])])
    const logits = b.node('Gemm', [features, b.weight('w3', [8, 3]), b.weight('b3', [3], 0.1)])
    b.output(b.node('Softmax', [logits], { axis: -1 }), 'p')
  })
}

const [learned, unseen] = [lines(240, 'learned'), lines(150, 'unseen')]
const options = { steps: 120, learningRate: 0.02, batch: 24 } as const
const trained = compress(network(), [finetune({ ...options, batchNorm: 'batch' })], contextOf(learned))

describe('training with normalizations', () => {
  it('learns from nothing with the statistics of batches, and keeps those that inference needs', async () => {
    const { model } = await trained
    expect(await accuracyOf(model, unseen)).toBeGreaterThan(0.9)
    const kept = [...model.graph.initializers].find(({ name }) => name === 'n12')!.tensor!.toFloat32()
    expect(kept.every((mean) => mean > 0.1)).toBe(true)
  })

  it('reestimate takes the statistics anew, where weights before them were changed', async () => {
    const { model } = await trained
    const spoiled = model.clone()
    const kernel = [...spoiled.graph.initializers].find(({ name }) => name === 'w1')!
    spoiled.graph.setTensor(
      kernel,
      Tensor.float32(
        kernel.tensor!.dims,
        kernel.tensor!.toFloat32().map((item) => item * 0.3),
      ),
    )
    const { model: mended, reports } = await compress(spoiled, [reestimate({ batches: 8 })], contextOf(learned))
    expect(reports[0]!.changed.map(({ at }) => at)).toEqual(['n12', 'n13', 'n22', 'n23'])
    expect(await accuracyOf(spoiled, unseen)).toBeLessThan(0.8)
    expect(await accuracyOf(mended, unseen)).toBeGreaterThan(0.9)
  })

  it('reestimate gives the mean and variance of all that it saw', async () => {
    const dataset = defineDataset({
      key: 'rows',
      async *samples() {
        for (let row = 0; row < 5; row++) yield { inputs: { x: Tensor.float32([1, 2, 3], x.slice(row * 6, row * 6 + 6)) } }
      },
    })
    const model = buildModel((b) => {
      const vectors = [1, 0, 0, 1].map((fill, at) => b.constant(`n${at}`, Tensor.float32([2], [fill, fill])))
      b.output(b.node('BatchNormalization', [b.input('x', ['N', 2, 3]), ...vectors]), 'y')
    })
    const { model: done } = await compress(model, [reestimate({ batches: 5, batch: 1 })], contextOf(dataset))
    const of = (name: string): Float32Array => [...done.graph.initializers].find((value) => value.name === name)!.tensor!.toFloat32()
    for (const index of [0, 1]) {
      expect(of('n2')[index]).toBeCloseTo(meanOf(channel(index)), 4)
      expect(of('n3')[index]).toBeCloseTo(varianceOf(channel(index)), 4)
    }
    await (await engine.open(done)).dispose()
  })

  it('says that there is nothing to take anew, and what it needs', async () => {
    const plain = buildModel((b) => void b.output(b.node('Relu', [b.input('x', ['N', 1, 6, 6])]), 'y'))
    const { reports } = await compress(plain, [reestimate()], contextOf(learned))
    expect(reports[0]!.skipped[0]!.why).toBe('no BatchNormalization in it keeps statistics of its own')
    expect(() => reestimate({ batches: 0 })).toThrow('reestimate: expected a whole number above 0 for batches, received 0')
    const { random: seeded, logger } = contextOf(learned)
    await expect(compress(network(), [reestimate()], { engine, random: seeded, logger })).rejects.toThrow(
      'reestimate: it learns from samples',
    )
  })
})
