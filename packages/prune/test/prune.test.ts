import { type Model, Tensor, compress } from '@whittle/ir'
import { readOnnxFile, writeOnnx } from '@whittle/ir/onnx'
import { type PruneOptions, prune } from '@whittle/prune'
import { type GraphBuilder, buildModel, fingerprint, fixture, models, transformContract } from '@whittle/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { context, engine, errorOf, samplesOf, zerosOf } from './harness.ts'

const changes = { tolerance: Infinity, context: (model: Model) => ({ engine, calibration: samplesOf(model) }) }

transformContract('prune', () => prune({ minSize: 0 }), changes)
transformContract('prune', () => prune({ minSize: 16, ratio: 0.9, scope: 'global' }), { ...changes, randomModels: 3 })
transformContract('prune', () => prune({ minSize: 0, pattern: '2:4' }), { ...changes, randomModels: 3 })
transformContract('prune', () => prune({ minSize: 0, method: 'obs', ratio: 0.4 }), { ...changes, randomModels: 4 })
transformContract('prune', () => prune({ minSize: 0, method: 'obs', ratio: 0.95, scope: 'tensor' }), { ...changes, randomModels: 2 })

const run = async (model: Model, options: PruneOptions) => {
  const { model: after, reports } = await compress(model, [prune({ minSize: 0, ...options })], context())
  return { model: after, report: reports[0]! }
}

const tensorOf = (model: Model, name: string): Tensor => [...model.initializers()].find((value) => value.name === name)!.tensor!

describe('options', () => {
  test('are filled in', () => {
    expect(prune().options).toEqual({ method: 'magnitude', ratio: 0.5, scope: 'tensor', minSize: 256 })
    expect(prune({ ratio: undefined, scope: undefined }).options).toEqual(prune().options)
    expect(prune({ method: 'obs' }).options).toEqual({ method: 'obs', ratio: 0.5, scope: 'global', minSize: 256 })
    expect(prune({ pattern: '1:4' }).options).toEqual({ method: 'magnitude', pattern: '1:4', minSize: 256 })
  })

  test.each<[object, string]>([
    [{ ratio: '3x' }, "a number in (0, 1) for ratio, received '3x'"],
    [{ ratio: 1.5 }, 'a number in (0, 1) for ratio, received 1.5'],
    [{ ratio: 1 }, 'a number in (0, 1) for ratio, received 1'],
    [{ ratio: 0 }, 'a number in (0, 1) for ratio, received 0'],
    [{ ratio: NaN }, 'a number in (0, 1) for ratio, received NaN'],
    [{ method: 'random' }, "'magnitude' or 'obs' for method, received 'random'"],
    [{ scope: 'layer' }, "'tensor' or 'global' for scope, received 'layer'"],
    [{ minSize: -1 }, 'a whole number of elements for minSize, received -1'],
    [{ minSize: 1.5 }, 'a whole number of elements for minSize, received 1.5'],
    [{ pattern: '2of4' }, "two numbers such as '2:4' for pattern, received '2of4'"],
    [{ pattern: '4:4' }, "two numbers such as '2:4' for pattern, received '4:4'"],
    [{ pattern: '0:4' }, "two numbers such as '2:4' for pattern, received '0:4'"],
  ])('refuses %j', (options, message) => {
    expect(() => prune(options as PruneOptions)).toThrow(
      expect.objectContaining({ name: 'OptionError', code: 'OPTION_INVALID', message: `prune: expected ${message}` }),
    )
  })
})

describe('by magnitude', () => {
  const two = (): Model =>
    buildModel((b) => {
      const x = b.node('MatMul', [b.input('x', ['N', 10]), b.weight('large', [10, 13], 10)])
      b.output(b.node('MatMul', [x, b.weight('small', [13, 7], 0.1)]), 'y')
    })

  test.each([0.01, 0.3, 0.5, 0.77, 0.99])('each tensor loses exactly the share %f, rounded down', async (ratio) => {
    const { model, report } = await run(two(), { ratio })
    expect([zerosOf(model, 'large'), zerosOf(model, 'small')]).toEqual([Math.floor(130 * ratio), Math.floor(91 * ratio)])
    expect(report.changed).toEqual(
      [
        ['large', 130],
        ['small', 91],
      ].flatMap(([at, size]) =>
        Math.floor(+size! * ratio) > 0 ? [{ at, what: `${Math.floor(+size! * ratio)} of ${size} weights are zero` }] : [],
      ),
    )
  })

  test('in scope global the small ones go, of whichever tensor', async () => {
    const { model, report } = await run(two(), { ratio: 0.4, scope: 'global' })
    expect(zerosOf(model, 'large') + zerosOf(model, 'small')).toBe(Math.floor(221 * 0.4))
    expect(zerosOf(model, 'small')).toBeGreaterThan(80)
    expect(report.changed.length + report.skipped.length).toBe(2)
  })

  test('those that stay keep their bits, and none that went was larger', async () => {
    const before = tensorOf(two(), 'large').toFloat32()
    const after = tensorOf((await run(two(), { ratio: 0.5 })).model, 'large').toFloat32()
    const kept = before.filter((_, index) => after[index] !== 0)
    expect(after.filter((item) => item !== 0)).toEqual(kept)
    const gone = before.filter((_, index) => after[index] === 0)
    expect(Math.max(...gone.map(Math.abs))).toBeLessThanOrEqual(Math.min(...kept.map(Math.abs)))
  })

  test('a tensor that has the zeros already is left alone, with a reason', async () => {
    const first = await run(two(), { ratio: 0.5 })
    const second = await run(first.model, { ratio: 0.5 })
    expect(second.report.changed).toEqual([])
    expect(second.report.skipped).toEqual(['large', 'small'].map((at) => ({ at, why: 'it has as many zeros already' })))
    expect(fingerprint(second.model)).toBe(fingerprint(first.model))
  })

  test('a weight that two nodes share is pruned once', async () => {
    const { report, model } = await run(models.sharedWeights(), { ratio: 0.5 })
    expect(report.changed).toEqual([{ at: 'shared_w', what: '72 of 144 weights are zero' }])
    expect(zerosOf(model, 'shared_w')).toBe(72)
  })

  test('weights in branches and recurrent weights are pruned', async () => {
    expect((await run(models.branches(), { ratio: 0.5 })).report.changed.map(({ at }) => at)).toEqual(['yes_w'])
    expect((await run(models.lstm(), { ratio: 0.5 })).report.changed.map(({ at }) => at)).toEqual(['lstm_w', 'lstm_r'])
  })
})

describe('by pattern', () => {
  const along = async (build: (b: GraphBuilder) => void, axis: number): Promise<void> => {
    const { model } = await run(buildModel(build), { pattern: '2:4' })
    const { dims } = tensorOf(model, 'w')
    const data = tensorOf(model, 'w').toFloat32()
    const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1)
    const counts = new Map<string, number>()
    data.forEach((item, at) => {
      const place = Math.floor(at / inner) % dims[axis]!
      const key = `${Math.floor(at / (inner * dims[axis]!))} ${Math.floor(place / 4)} ${at % inner}`
      counts.set(key, (counts.get(key) ?? 0) + Number(item === 0))
    })
    expect(new Set(counts.values())).toEqual(new Set(dims[axis]! % 4 === 0 ? [2] : [2, 0]))
  }

  test('of four neighbours along the input channels two stay, in every layout', async () => {
    await along((b) => b.output(b.node('Conv', [b.input('x', ['N', 8, 5, 5]), b.weight('w', [3, 8, 3, 3])]), 'y'), 1)
    await along((b) => b.output(b.node('MatMul', [b.input('x', ['N', 8]), b.weight('w', [8, 3])]), 'y'), 0)
    await along((b) => b.output(b.node('Gemm', [b.input('x', ['N', 8]), b.weight('w', [3, 8])], { transB: 1 }), 'y'), 1)
    await along((b) => b.output(b.node('MatMul', [b.input('x', ['N', 10]), b.weight('w', [10, 3])]), 'y'), 0)
  })

  test('a kernel of fewer input channels is left alone, with a reason', async () => {
    const { report } = await run(models.depthwise(), { pattern: '2:4' })
    expect(report.skipped).toContainEqual({ at: 'depthwise_w', why: 'fewer than 4 input channels' })
    expect(report.changed.map(({ at }) => at)).toEqual(['expand_w', 'project_w'])
  })
})

describe('left alone, with a reason, is', () => {
  const reasons = async (model: Model, options: PruneOptions = {}): Promise<Record<string, string>> => {
    const { report } = await run(model, options)
    return Object.fromEntries(report.skipped.map(({ at, why }) => [at, why]))
  }

  test('what is no kernel: biases, scales, statistics, embeddings', async () => {
    expect(await reasons(models.convBnRelu())).toMatchObject({ bn_scale: 'a scale, not a kernel', bn_mean: 'statistics, not a kernel' })
    expect(await reasons(models.embedding())).toMatchObject({ table: 'an embedding, not a kernel' })
    expect(await reasons(models.mlp())).toMatchObject({ gemm_b: 'a bias, not a kernel' })
  })

  test('a tensor below minSize', async () => {
    expect(await reasons(models.mlp(), { minSize: 100 })).toMatchObject({ matmul_w: 'only 80 elements, fewer than minSize 100' })
    expect(await reasons(models.mlp(), { minSize: 80 })).not.toHaveProperty('matmul_w')
  })

  test('the output of a Constant node', async () => {
    expect(await reasons(models.constantNodes())).toMatchObject({ kernel: 'not an initializer; run simplify first' })
  })

  test('a kernel that is not float32', async () => {
    const model = buildModel((b) => {
      const half = b.constant('w', Tensor.of('float16', [2, 2], [1, 2, 3, 4]))
      b.output(b.node('MatMul', [b.input('x', [2, 2], 'float16'), half]), 'y')
    })
    expect(await reasons(model)).toEqual({ w: 'its elements are float16, not float32' })
  })
})

describe('the text direction classifier', () => {
  let model: Model

  beforeAll(() => {
    model = readOnnxFile(fixture('direction')).model
    // What simplify would do with them.
    for (const node of [...model.graph.nodes]) {
      const attribute = node.attributes.get('value')
      if (node.op !== 'Constant' || attribute?.type !== 'tensor') continue
      model.graph.replaceUses(node.output, model.graph.addInitializer(node.output.name, attribute.value))
      model.graph.removeNode(node)
    }
  })

  test('as it is in its file, has only kernels in Constant nodes, and each is named', async () => {
    const { reports } = await compress(readOnnxFile(fixture('direction')).model, [prune()], context())
    expect(reports[0]!.changed).toEqual([])
    expect(reports[0]!.skipped.filter(({ why }) => why === 'not an initializer; run simplify first')).toHaveLength(53 + 1)
  })

  test('loses exactly a tenth of its prunable weights, and errs less with obs than by magnitude', async () => {
    const calibration = samplesOf(model, 3)
    const pruned = async (options: PruneOptions): Promise<Model> =>
      (await compress(model, [prune({ ratio: 0.1, scope: 'global', ...options })], context({ calibration }))).model
    const [byMagnitude, byCurvature] = [await pruned({}), await pruned({ method: 'obs' })]
    const sizes = [...model.initializers()].filter(
      ({ tensor, uses }) => tensor!.size >= 256 && uses[0]!.index === 1 && tensor!.dims.length > 1,
    )
    const total = sizes.reduce((sum, { tensor }) => sum + tensor!.size, 0)
    const zeros = (of: Model): number => sizes.reduce((sum, { name }) => sum + zerosOf(of, name) - zerosOf(model, name), 0)
    expect(zeros(byMagnitude)).toBe(Math.floor(total * 0.1))
    expect(zeros(byCurvature)).toBe(Math.floor(total * 0.1))
    const unseen = samplesOf(model, 2, 'unseen')
    expect(await errorOf(model, byCurvature, unseen)).toBeLessThan(await errorOf(model, byMagnitude, unseen))
    expect(Buffer.compare(writeOnnx(await pruned({})), writeOnnx(byMagnitude))).toBe(0)
  })
})
