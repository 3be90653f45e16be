import { Tensor, type Transform } from '@whittle/ir'
import { expect, test } from 'vitest'
import { blocks, buildModel, differenceOf, fixture, fingerprint, models, randomModel, runModel, transformContract } from '@whittle/testing'
import { existsSync } from 'node:fs'

/** Removes Identity nodes: a transform that changes nothing of the results. */
const withoutIdentities = (): Transform => ({
  name: 'without-identities',
  options: {},
  run(model) {
    const report = { changed: [] as { at: string; what: string }[], skipped: [] as { at: string; why: string }[] }
    for (const node of [...model.nodes()]) {
      if (node.op !== 'Identity') continue
      const at = node.describe()
      if (node.graph.replaceUses(node.output, node.inputs[0]!)) {
        node.graph.removeNode(node)
        report.changed.push({ at, what: 'removed' })
      } else report.skipped.push({ at, why: 'its output is an output of the graph and its input cannot take the name' })
    }
    return report
  },
})

/** Rounds all weights to sixteenths: a transform that changes results a little. */
const rounding = (): Transform => ({
  name: 'rounding',
  options: { steps: 16 },
  run(model) {
    const changed: { at: string; what: string }[] = []
    for (const value of model.initializers()) {
      if (value.elementType !== 'float32') continue
      const before = value.tensor!.toFloat32()
      const after = before.map((item) => Math.round(item * 16) / 16)
      if (after.every((item, index) => item === before[index])) continue
      value.graph.setTensor(value, Tensor.float32(value.tensor!.dims, after))
      changed.push({ at: value.name, what: 'rounded' })
    }
    return { changed, skipped: [] }
  },
})

transformContract('without-identities', withoutIdentities, { tolerance: 0 })
transformContract('rounding', rounding, { tolerance: Infinity, randomModels: 3 })

test('models are the same each time, and differ from seed to seed', () => {
  expect(fingerprint(models.attention())).toBe(fingerprint(models.attention()))
  expect(fingerprint(randomModel('a'))).toBe(fingerprint(randomModel('a')))
  expect(fingerprint(randomModel('a'))).not.toBe(fingerprint(randomModel('b')))
})

test('random models use all of the blocks', () => {
  const ops = new Set<string>()
  for (let index = 0; index < 40; index++) for (const node of randomModel(`ops/${index}`).nodes()) ops.add(node.op)
  for (const op of ['Conv', 'BatchNormalization', 'If', 'Constant', 'Identity', 'Div', 'MaxPool', 'Concat', 'Gemm', 'MatMul'])
    expect(ops).toContain(op)
})

test('both branches of the If block run, and differ', async () => {
  const model = buildModel((b) => void b.output(blocks.branching(b, b.input('x', [1, 2, 1, 1]), 2), 'y'))
  const run = async (value: number): Promise<number[]> =>
    (await runModel(model, { x: Tensor.float32([1, 2, 1, 1], [value, value]) }))['y']!.toNumbers()
  const [positive, negative] = [await run(1), await run(-1)]
  expect(positive).not.toEqual(negative.map((value) => -value))
})

test('a difference is relative to the largest magnitude; other shapes and what is not finite are infinitely far', () => {
  const tensor = (...values: number[]): Tensor => Tensor.float32([values.length], values)
  expect(differenceOf(tensor(1, -4), tensor(1, -4))).toBe(0)
  expect(differenceOf(tensor(1, -4), tensor(2, -4))).toBe(0.25)
  expect(differenceOf(tensor(1), tensor(1, 1))).toBe(Infinity)
  expect(differenceOf(tensor(1, Infinity), tensor(1, 2))).toBe(Infinity)
  expect(differenceOf(tensor(NaN, Infinity), tensor(NaN, Infinity))).toBe(0)
  expect(differenceOf(tensor(0), tensor(0.5))).toBe(0.5)
})

test('the real models are installed', () => {
  for (const name of ['direction', 'detector', 'recogniser', 'voice'] as const) expect(existsSync(fixture(name)), name).toBe(true)
})
