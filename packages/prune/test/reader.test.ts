import { createRandom } from '@whittle/ir'
import { buildModel, randomInputs } from '@whittle/testing'
import { collectGrams, inputsOf } from '@whittle/statistics'
import { expect, test } from 'vitest'
import { dependenciesOf } from '../src/channels/dependencies.ts'
import { kernelAxesOf } from '../src/channels/kernel-axes.ts'
import { Reader } from '../src/channels/reader.ts'
import { context, datasetOf, leastSquares } from './harness.ts'

test('what a channel costs, after others have gone, is what least squares over the rest tells', async () => {
  const model = buildModel((b) => {
    const x = b.node('Relu', [b.node('Conv', [b.input('x', [1, 2, 6, 6]), b.weight('first', [5, 2, 1, 1]), b.weight('first_b', [5])])])
    b.output(b.node('Conv', [x, b.weight('second', [3, 5, 2, 2])]), 'y')
  })
  const node = model.graph.nodes.at(-1)!
  const calibration = datasetOf([0, 1, 2, 3].map((at) => randomInputs(model, createRandom(`reader ${at}`))))
  const grams = (await collectGrams(model, [node], context({ calibration }))).get(node)!
  const dependencies = dependenciesOf(model)
  const [[{ components }, axes]] = [...kernelAxesOf(model, dependencies)] as [
    [(typeof dependencies.siblings)[number], ReturnType<typeof kernelAxesOf> extends Map<unknown, infer A> ? A : never],
  ]
  const axis = axes.find(({ side }) => side === 'input')!
  const reader = new Reader(axis, grams)

  const { matrix, size } = inputsOf(grams[0]!, true)
  const rows = [0, 1, 2].map((row) => axis.weight.tensor.toFloat32().slice(row * size, (row + 1) * size))
  const placesOf = (channels: number[]): Set<number> => new Set(channels.flatMap((channel) => [0, 1, 2, 3].map((tap) => channel * 4 + tap)))
  const costOf = (channels: number[]): number => rows.reduce((sum, row) => sum + leastSquares(row, matrix, placesOf(channels)).cost, 0)
  const { covariance } = grams[0]!
  const power = rows.reduce((sum, row) => sum + row.reduce((total, left, i) => total + row.reduce((inner, right, j) => inner + left * right * covariance[i * size + j]!, 0), 0), 0) // prettier-ignore

  let gone: number[] = []
  for (const next of [3, 0, 2]) {
    for (const other of [0, 1, 2, 3, 4].filter((channel) => !gone.includes(channel)))
      expect(reader.loss(components[other]!)).toBeCloseTo((costOf([...gone, other]) - costOf(gone)) / power, 5)
    reader.remove(components[next]!)
    gone = [...gone, next]
  }
})
