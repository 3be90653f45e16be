import { type Dataset, type Model, type StepReport, Tensor, compress } from '@whittle/ir'
import { type PruneOptions, prune } from '@whittle/prune'
import { type GraphBuilder, buildModel, fingerprint, models, runModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { context, errorOf, samplesOf, zerosOf } from './harness.ts'

const net = (): Model =>
  buildModel((b) => {
    let x = b.input('x', ['N', 3, 10, 10])
    x = b.node('Relu', [b.node('Conv', [x, b.weight('first', [16, 3, 3, 3]), b.weight('first_b', [16], 0.1)], { pads: [1, 1, 1, 1] })])
    x = b.node('Relu', [b.node('Conv', [x, b.weight('second', [24, 16, 3, 3])], { strides: [2, 2] })])
    x = b.node('Relu', [b.node('Conv', [x, b.weight('depthwise', [24, 1, 3, 3]), b.weight('depthwise_b', [24], 0.1)], { group: 24 })])
    const flat = b.node('Flatten', [b.node('GlobalAveragePool', [x])])
    b.output(b.node('Gemm', [flat, b.weight('classes', [10, 24]), b.weight('classes_b', [10], 0.1)], { transB: 1 }), 'y')
  }, 'obs')

const NAMES = ['first', 'second', 'depthwise', 'classes']

async function pruned(
  model: Model,
  options: PruneOptions,
  calibration: Dataset = samplesOf(model, 8),
): Promise<{ model: Model; report: StepReport }> {
  const { model: after, reports } = await compress(model, [prune({ minSize: 0, ...options })], context({ calibration }))
  return { model: after, report: reports[0]! }
}

const sizeOf = (model: Model, name: string): number => [...model.initializers()].find((value) => value.name === name)!.tensor!.size

describe.each(['global', 'tensor'] as const)('in scope %s', (scope) => {
  test.each([0.3, 0.6, 0.93])('exactly the share %f of the weights becomes zero, and a second run changes nothing', async (ratio) => {
    const model = net()
    const { model: after, report } = await pruned(model, { method: 'obs', ratio, scope })
    const total = NAMES.reduce((sum, name) => sum + sizeOf(model, name), 0)
    if (scope === 'global') expect(NAMES.reduce((sum, name) => sum + zerosOf(after, name), 0)).toBe(Math.floor(total * ratio))
    else for (const name of NAMES) expect(zerosOf(after, name), name).toBe(Math.floor(sizeOf(model, name) * ratio))
    expect(report.changed.map(({ at }) => at)).toEqual(NAMES)
    expect(report.changed[0]!.what).toMatch(/^\d+ of 432 weights are zero, the others make up for them$/)
    const again = await pruned(after, { method: 'obs', ratio, scope })
    expect(again.report.changed).toEqual([])
    expect(again.report.skipped.filter(({ at }) => NAMES.includes(at)).map(({ why }) => why)).toEqual(
      Array(4).fill('it has as many zeros already'),
    )
    expect(fingerprint(again.model)).toBe(fingerprint(after))
  })

  test('outputs on unseen data err less than half as much as by magnitude', async () => {
    const model = net()
    const unseen = samplesOf(model, 6, 'unseen')
    for (const ratio of [0.3, 0.5]) {
      const byCurvature = await errorOf(model, (await pruned(model, { method: 'obs', ratio, scope }, samplesOf(model, 24))).model, unseen)
      const byMagnitude = await errorOf(model, (await pruned(model, { method: 'magnitude', ratio, scope })).model, unseen)
      expect(byCurvature).toBeLessThan(byMagnitude / 2)
    }
  })
})

test('a pattern holds along the input channels of every layer that has as many, errs less than by magnitude, and a second run changes nothing', async () => {
  const model = net()
  const unseen = samplesOf(model, 6, 'unseen')
  const calibration = samplesOf(model, 24)
  const { model: after, report } = await pruned(model, { method: 'obs', pattern: '2:4' }, calibration)
  const second = [...after.initializers()].find(({ name }) => name === 'second')!.tensor!.toFloat32()
  for (let row = 0; row < 24; row++)
    for (let group = 0; group < 4; group++)
      for (let tap = 0; tap < 9; tap++) {
        const four = [0, 1, 2, 3].map((at) => second[(row * 16 + group * 4 + at) * 9 + tap])
        expect(four.filter((item) => item === 0)).toHaveLength(2)
      }
  expect(report.changed.map(({ at }) => at)).toEqual(['second', 'classes'])
  expect(report.skipped.filter(({ why }) => why === 'fewer than 4 input channels').map(({ at }) => at)).toEqual(['first', 'depthwise'])
  const { model: plain } = await pruned(model, { method: 'magnitude', pattern: '2:4' })
  expect(await errorOf(model, after, unseen)).toBeLessThan(0.6 * (await errorOf(model, plain, unseen)))
  const again = await pruned(after, { method: 'obs', pattern: '2:4' }, calibration)
  expect(again.report.changed).toEqual([])
  expect(fingerprint(again.model)).toBe(fingerprint(after))
})

test('layers are fitted to what the original gave, on what the pruned ones before leave: errors do not add up', async () => {
  const model = buildModel((b) => {
    let x = b.input('x', ['N', 24])
    for (let at = 0; at < 6; at++) x = b.node('Relu', [b.node('Gemm', [x, b.weight(`w${at}`, [24, 24]), b.weight(`b${at}`, [24], 0.1)])])
    b.output(x, 'y')
  }, 'deep')
  const [calibration, unseen] = [samplesOf(model, 400), samplesOf(model, 50, 'unseen')]
  const { model: after } = await pruned(model, { method: 'obs', ratio: 0.4, scope: 'tensor' }, calibration)
  // The same layers, each pruned in the original alone.
  const apart = model.clone()
  for (let at = 0; at < 6; at++) {
    const alone = (await pruned(onlyLayer(model, at), { method: 'obs', ratio: 0.4, scope: 'tensor' }, calibration)).model
    for (const name of [`w${at}`, `b${at}`]) {
      const value = [...apart.initializers()].find((item) => item.name === name)!
      apart.graph.setTensor(value, [...alone.initializers()].find((item) => item.name === name)!.tensor!)
    }
  }
  expect(await errorOf(model, after, unseen)).toBeLessThan(0.95 * (await errorOf(model, apart, unseen)))
})

/** The model with all kernels but one computed from inputs, so that only that one can be pruned. */
function onlyLayer(model: Model, kept: number): Model {
  const copy = model.clone()
  for (const node of [...copy.graph.nodes]) {
    const kernel = node.inputs[1]
    if (node.type !== 'Gemm' || kernel?.name === `w${kept}` || !kernel?.tensor) continue
    const zero = copy.graph.addNode({ op: 'Sub', inputs: [copy.graph.inputs[0]!, copy.graph.inputs[0]!], before: node }).output
    const sum = copy.graph.addNode({ op: 'ReduceSum', inputs: [zero], attributes: { keepdims: 0 }, before: node }).output
    copy.graph.setInput(node, 1, copy.graph.addNode({ op: 'Add', inputs: [kernel, sum], before: node }).output)
  }
  return copy
}

test('layers that hold next to nothing of the weights are left alone, and named, as long as the others can lose enough', async () => {
  const model = buildModel((b) => {
    const x = b.node('Relu', [b.node('Gemm', [b.input('x', ['N', 6]), b.weight('small', [6, 4]), b.weight('b', [4], 0.1)])])
    b.output(b.node('Gemm', [b.node('Relu', [b.node('Gemm', [x, b.weight('wide', [4, 600])])]), b.weight('large', [600, 6])]), 'y')
  }, 'small')
  const { model: after, report } = await pruned(model, { method: 'obs', ratio: 0.4 })
  expect(zerosOf(after, 'small')).toBe(0)
  expect(report.skipped).toContainEqual({ at: 'small', why: 'other layers lose their weights at less cost' })
  expect(zerosOf(after, 'wide') + zerosOf(after, 'large')).toBe(Math.floor(6024 * 0.4))
  const { model: bare } = await pruned(model, { method: 'obs', ratio: 0.97 })
  expect(zerosOf(bare, 'small') + zerosOf(bare, 'wide') + zerosOf(bare, 'large')).toBe(Math.floor(6024 * 0.97))
  expect(zerosOf(bare, 'small')).toBeGreaterThan(0)
})

test('the default scope is global: layers lose different shares', async () => {
  const model = net()
  const { model: after } = await pruned(model, { method: 'obs', ratio: 0.5 })
  const shares = NAMES.map((name) => zerosOf(after, name) / sizeOf(model, name))
  expect(Math.max(...shares) - Math.min(...shares)).toBeGreaterThan(0.05)
})

describe('the bias takes over the mean of what went', () => {
  const shifted = (model: Model): Dataset => ({
    key: 'shifted',
    async *samples() {
      for await (const { inputs } of samplesOf(model, 6).samples())
        yield {
          inputs: Object.fromEntries(
            Object.entries(inputs).map(([name, x]) => [
              name,
              Tensor.float32(
                x.dims,
                x.toFloat32().map((item) => item + 2),
              ),
            ]),
          ),
        }
    },
  })
  const layers: Record<string, (b: GraphBuilder) => void> = {
    'of a Conv without bias': (b) => b.output(b.node('Conv', [b.input('x', ['N', 3, 6, 6]), b.weight('w', [8, 3, 3, 3])]), 'y'),
    'of a Conv whose bias others read': (b) => {
      const bias = b.weight('b', [8], 1)
      b.output(b.node('Conv', [b.input('x', ['N', 3, 6, 6]), b.weight('w', [8, 3, 3, 3]), bias]), 'y')
      b.output(b.node('Neg', [bias]), 'z')
    },
    'of a Gemm with factors': (b) =>
      b.output(
        b.node('Gemm', [b.input('x', ['N', 20]), b.weight('w', [20, 8]), b.weight('b', [1, 8], 1)], {
          alpha: { type: 'float', value: 0.5 },
          beta: { type: 'float', value: 2 },
        }),
        'y',
      ),
  }
  test.each(Object.keys(layers))('%s', async (key) => {
    const model = buildModel(layers[key]!)
    const { model: after } = await pruned(model, { method: 'obs', ratio: 0.5 }, shifted(model))
    const meansOf = async (of: Model): Promise<number[]> => {
      const sums = Array.from({ length: 8 }, () => 0)
      for await (const { inputs } of shifted(model).samples()) {
        const { y, z } = await runModel(of, inputs)
        if (z) expect(z.toNumbers()).toEqual((await runModel(model, inputs))['z']!.toNumbers())
        const inner = y!.size / 8
        y!.toNumbers().forEach((item, index) => (sums[Math.floor(index / inner)]! += item / inner / 6))
      }
      return sums
    }
    const [before, behind] = [await meansOf(model), await meansOf(after)]
    before.forEach((mean, channel) => expect(behind[channel]).toBeCloseTo(mean, 3))
    expect(zerosOf(after, 'w')).toBe(Math.floor(sizeOf(model, 'w') * 0.5))
  })

  test('a bias of another shape stays as it is', async () => {
    const model = buildModel(
      (b) => b.output(b.node('Gemm', [b.input('x', [4, 20]), b.weight('w', [20, 4]), b.weight('b', [4, 1], 1)]), 'y') && undefined,
    )
    const { model: after } = await pruned(model, { method: 'obs' }, shifted(model))
    expect(after.graph.nodes[0]!.inputs[2]!.tensor!.toNumbers()).toEqual(model.graph.nodes[0]!.inputs[2]!.tensor!.toNumbers())
  })
})

describe('goes by magnitude, and says why, where', () => {
  const cases: Record<string, [(b: GraphBuilder) => void, string]> = {
    'a Conv has auto_pad': [
      (b) => b.output(b.node('Conv', [b.input('x', ['N', 2, 5, 5]), b.weight('w', [4, 2, 3, 3])], { auto_pad: 'SAME_UPPER' }), 'y'),
      'its Conv has auto_pad',
    ],
    'two nodes share the kernel': [
      (b) => {
        const [x, w] = [b.input('x', ['N', 4]), b.weight('w', [4, 4])]
        b.output(b.node('MatMul', [b.node('Relu', [b.node('MatMul', [x, w])]), w]), 'y')
      },
      'several nodes share it',
    ],
    'the kernel is the first factor': [
      (b) => b.output(b.node('MatMul', [b.weight('w', [4, 4]), b.input('x', [4, 3])]), 'y'),
      'it is not the second input of its node',
    ],
    'the kernel is in a branch': [
      (b) => {
        const x = b.input('x', [2, 4])
        const condition = b.node('Greater', [b.node('ReduceSum', [x], { keepdims: 0 }), b.constant('zero', 0)])
        b.output(
          b.branches(
            condition,
            (yes) => yes.node('MatMul', [x, yes.weight('w', [4, 4])]),
            (no) => no.node('Relu', [x]),
          ),
          'y',
        )
      },
      'it is inside a subgraph',
    ],
    'the kernel holds NaN': [
      (b) => b.output(b.node('MatMul', [b.input('x', ['N', 2]), b.constant('w', Tensor.float32([2, 2], [NaN, 1, 2, 3]))]), 'y'),
      'it has values that are not finite',
    ],
  }
  test.each(Object.keys(cases))('%s', async (key) => {
    const [build, why] = cases[key]!
    const model = buildModel(build)
    const { model: after, report } = await pruned(model, { method: 'obs', ratio: 0.5 })
    const size = sizeOf(model, 'w')
    expect(report.changed).toEqual([{ at: 'w', what: `${size / 2} of ${size} weights are zero, by magnitude: ${why}` }])
    expect(zerosOf(after, 'w')).toBe(size / 2)
    expect((await pruned(after, { method: 'obs', ratio: 0.5 })).report.changed).toEqual([])
  })
})

test('layers of one input a row, and rows that lose all they have, keep the mean', async () => {
  const model = buildModel((b) => {
    const x = b.node('Conv', [b.input('x', ['N', 8, 4, 4]), b.weight('w', [8, 1, 1, 1]), b.weight('b', [8])], { group: 8 })
    b.output(b.node('Relu', [x]), 'y')
  })
  const { model: after, report } = await pruned(model, { method: 'obs', ratio: 0.5 })
  expect(zerosOf(after, 'w')).toBe(4)
  expect(report.changed).toHaveLength(1)
  expect((await pruned(after, { method: 'obs', ratio: 0.5 })).report.changed).toEqual([])
})

test('a model whose outputs are whole numbers is pruned evenly enough that no layer is emptied', async () => {
  const model = buildModel((b) => {
    let x = b.input('x', ['N', 12])
    for (const name of ['a', 'b', 'c']) x = b.node('Relu', [b.node('MatMul', [x, b.weight(name, [12, 12])])])
    b.output(b.node('ArgMax', [x], { axis: 1 }), 'y')
  })
  const { model: after } = await pruned(model, { method: 'obs', ratio: 0.5 }, samplesOf(model, 40))
  for (const name of ['a', 'b', 'c']) expect(zerosOf(after, name)).toBeLessThan(0.8 * 144)
  expect(['a', 'b', 'c'].reduce((sum, name) => sum + zerosOf(after, name), 0)).toBe(216)
})

test('convolutions in one and in three dimensions are pruned', async () => {
  for (const [shape, kernel] of [
    [
      ['N', 3, 12],
      [8, 3, 5],
    ],
    [
      ['N', 2, 5, 5, 5],
      [6, 2, 3, 3, 3],
    ],
  ] as const) {
    const model = buildModel((b) => b.output(b.node('Conv', [b.input('x', [...shape]), b.weight('w', kernel)]), 'y') && undefined)
    const { model: after } = await pruned(model, { method: 'obs', ratio: 0.4 })
    expect(zerosOf(after, 'w')).toBe(Math.floor(sizeOf(model, 'w') * 0.4))
    expect(await errorOf(model, after, samplesOf(model, 3, 'unseen'))).toBeLessThan(0.3)
  }
})

test('an aborted signal ends the run', async () => {
  const controller = new AbortController()
  const model = net()
  const onProgress = ({ step }: { step: string }): void => (step === 'ordering weights' ? controller.abort(new Error('enough')) : undefined)
  const given = context({ calibration: samplesOf(model, 2), signal: controller.signal, onProgress })
  await expect(compress(model, [prune({ method: 'obs', minSize: 0 })], given)).rejects.toThrow('enough')
})

test('errors of the dataset carry the name of the step', async () => {
  const given = context({ calibration: { key: 'nothing', async *samples() {} } })
  await expect(compress(models.mlp(), [prune({ method: 'obs', minSize: 0 })], given)).rejects.toMatchObject({
    name: 'DatasetError',
    message: "prune: the calibration dataset 'nothing' yields no samples",
  })
  await expect(compress(models.mlp(), [prune({ method: 'obs', minSize: 0 })], context())).rejects.toMatchObject({
    name: 'DatasetError',
    message: "prune: method 'obs' needs calibration data and an engine; give them, or take method 'magnitude'",
  })
})
