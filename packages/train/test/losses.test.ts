import { type Tensors, type Value, Tensor } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { expect, it } from 'vitest'
import { gradients, klDivergence, meanSquaredError, sigmoidCrossEntropy, softmaxCrossEntropy } from '../src/index.ts'
import { open } from './harness.ts'

/** The loss and its gradient by `x`, as the graph computes them. */
async function run(build: (b: GraphBuilder, x: Value) => Value, inputs: Tensors): Promise<{ loss: number; slopes: number[] }> {
  const model = buildModel((b) => b.output(build(b, b.input('x', ['N', 3])), 'loss'))
  const session = await open(gradients(model, { loss: 'loss', wrt: ['x'] }).model)
  const given = await session.run(inputs)
  await session.dispose()
  return { loss: given.loss!.toNumbers()[0]!, slopes: given.x_gradient!.toNumbers() }
}

const rows = [
  [1, 2, 0.5],
  [-1, 0.25, 3],
]
const x = Tensor.float32([2, 3], rows.flat())

function softmax(row: readonly number[]): number[] {
  const items = row.map(Math.exp)
  const sum = items.reduce((a, b) => a + b)
  return items.map((item) => item / sum)
}

const near = (given: readonly number[], expected: readonly number[]): void =>
  given.forEach((item, index) => expect(item).toBeCloseTo(expected[index]!, 5))

it('softmaxCrossEntropy is the mean of -log of the label, its gradient softmax less one', async () => {
  const labels = [1, 2]
  const given = await run((b, value) => softmaxCrossEntropy(b.graph, value, b.input('labels', ['N'], 'int64')), {
    x,
    labels: Tensor.int64([2], labels),
  })
  expect(given.loss).toBeCloseTo(rows.reduce((sum, row, at) => sum - Math.log(softmax(row)[labels[at]!]!), 0) / 2, 5)
  near(
    given.slopes,
    rows.flatMap((row, at) => softmax(row).map((item, index) => (item - (index === labels[at] ? 1 : 0)) / 2)),
  )
})

it('meanSquaredError is the mean over all elements', async () => {
  const wanted = [0, 1, 2, 3, 4, 5]
  const given = await run((b, value) => meanSquaredError(b.graph, value, b.input('wanted', ['N', 3])), {
    x,
    wanted: Tensor.float32([2, 3], wanted),
  })
  expect(given.loss).toBeCloseTo(rows.flat().reduce((sum, item, at) => sum + (item - wanted[at]!) ** 2, 0) / 6, 5)
  near(
    given.slopes,
    rows.flat().map((item, at) => (item - wanted[at]!) / 3),
  )
})

it('klDivergence is 0 between equals, and at a temperature its gradient is T (student - teacher)', async () => {
  const build = (b: GraphBuilder, value: Value): Value => klDivergence(b.graph, value, b.input('teacher', ['N', 3]), 2)
  expect((await run(build, { x, teacher: x })).loss).toBeCloseTo(0, 6)
  const teacher = [3, 0, 1, 1, 1, 0]
  const given = await run(build, { x, teacher: Tensor.float32([2, 3], teacher) })
  const [ours, theirs] = [rows, [teacher.slice(0, 3), teacher.slice(3)]].map((all) =>
    all.map((row) => softmax(row.map((item) => item / 2))),
  )
  const divergence = theirs!.flatMap((row, at) => row.map((p, index) => p * Math.log(p / ours![at]![index]!))).reduce((a, b) => a + b)
  expect(given.loss).toBeCloseTo((4 * divergence) / 2, 5)
  near(
    given.slopes,
    ours!.flatMap((row, at) => row.map((item, index) => (2 * (item - theirs![at]![index]!)) / 2)),
  )
})

it('sigmoidCrossEntropy is the divergence of two chances, its gradient their difference', async () => {
  const wanted = [0, 1, 0.25, 0.5, 0.9, 1e-3]
  const given = await run((b, value) => sigmoidCrossEntropy(b.graph, value, b.input('wanted', ['N', 3])), {
    x,
    wanted: Tensor.float32([2, 3], wanted),
  })
  const chance = (logit: number): number => 1 / (1 + Math.exp(-logit))
  const part = (p: number, q: number): number => (p === 0 ? 0 : p * Math.log(p / q))
  const terms = rows.flat().map((logit, at) => part(wanted[at]!, chance(logit)) + part(1 - wanted[at]!, 1 - chance(logit)))
  expect(given.loss).toBeCloseTo(terms.reduce((a, b) => a + b) / 6, 5)
  near(
    given.slopes,
    rows.flat().map((logit, at) => (chance(logit) - wanted[at]!) / 6),
  )
})

it('refuses labels that are no int64, a temperature of 0, and values of another graph', () => {
  const other = buildModel((b) => b.output(b.input('elsewhere', [2, 3])))
  buildModel((b) => {
    const value = b.output(b.input('x', [2, 3]))
    expect(() => softmaxCrossEntropy(b.graph, value, b.input('labels', [2], 'int32'))).toThrow(/'labels' are int32/)
    expect(() => klDivergence(b.graph, value, value, 0)).toThrow(/temperature/)
    expect(() => meanSquaredError(b.graph, value, other.graph.inputs[0]!)).toThrow(/'elsewhere' is not a value of graph/)
  })
})
