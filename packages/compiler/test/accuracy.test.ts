import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pairedProportionInterval, wasmEngine } from '@whittle/engine'
import { BudgetError, type Metric, type Tensor, type Tensors } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { describe, expect, it } from 'vitest'
import { type CompileRequest, type CompileResult, compile, summary } from '../src/index.ts'
import { classifier, pictures, picturesModule, project } from './project.ts'

const TEST = { seed: 'test', count: 500 }
const files = {
  'net.onnx': classifier(),
  'samples.ts': picturesModule({ seed: 'calibration', count: 64 }),
  'test.ts': picturesModule(TEST),
}

const build = (root: string, query: string, more: Partial<CompileRequest> = {}): Promise<CompileResult> =>
  compile({ file: join(root, 'net.onnx'), query: `${query}&target=wasm`, root, cache: false, ...more })

/** The classes that a file gives, by its own session: independent of what the compiler does. */
async function classesOf(file: Uint8Array, inputs: readonly Tensor[]): Promise<number[]> {
  const session = await wasmEngine().open(file)
  const classes: number[] = []
  for (const x of inputs) {
    const scores: Tensors = await session.run({ x })
    const values = [...scores['classes']!.toFloat32()]
    classes.push(values.indexOf(Math.max(...values)))
  }
  await session.dispose()
  return classes
}

const share = (right: readonly boolean[]): number => right.filter(Boolean).length / right.length

/** Mean squared error of the probabilities against those of a label that says nothing: any metric of an app's own. */
const METRIC = `
import { type Runners, type Dataset, Tensor, defineMetric } from '@whittle/ir'
export default defineMetric({
  key: 'distance',
  higherIsBetter: false,
  async evaluate(run: Runners, dataset: Dataset) {
    const perSample: number[] = []
    for await (const { inputs } of dataset.samples()) {
      const [expected, given] = [await run['original']!(inputs), await run['model']!(inputs)].map(({ classes }) => classes!.toFloat32())
      perSample.push(expected!.reduce((sum, value, index) => sum + Math.abs(value - given![index]!), 0))
    }
    return { value: perSample.reduce((sum, value) => sum + value, 0) / perSample.length, perSample }
  },
})
`

describe('what is reported', () => {
  it('is the accuracy of original and variant that an evaluation of its own finds', async () => {
    const inputs = pictures(TEST)
    const original = await classesOf(writeOnnx(classifier()), inputs)
    // One label in ten is another class: the original is right in nine tenths.
    const labels = original.map((label, index) => (index % 10 === 0 ? (label + 1) % 6 : label))
    const root = await project({ ...files, 'test.ts': picturesModule({ ...TEST, labels }) })
    const result = await build(root, 'int4&evaluate=./test.ts')
    const given = await classesOf(result.artefacts[0]!.bytes, inputs)
    const before = original.map((label, index) => label === labels[index])
    const after = given.map((label, index) => label === labels[index])
    const gained = after.filter((right, index) => right && !before[index]).length
    const lost = after.filter((right, index) => !right && before[index]).length
    const { accuracy } = result.report.variants[0]!
    expect(accuracy).toMatchObject({ metric: 'top-1 accuracy', higherIsBetter: true, samples: 500 })
    expect(accuracy!.original).toBeCloseTo(0.9, 9)
    expect(accuracy!.variant).toBeCloseTo(share(after), 9)
    expect(accuracy!.difference).toBeCloseTo(100 * (share(after) - share(before)), 9)
    const interval = pairedProportionInterval(gained, lost, 500).map((end) => 100 * end)
    expect(accuracy!.interval![0]).toBeCloseTo(interval[0]!, 9)
    expect(accuracy!.interval![1]).toBeCloseTo(interval[1]!, 9)
    expect(lost).toBeGreaterThan(10)
    expect(accuracy).not.toHaveProperty('decision')
    const [low, high] = interval.map((end) => end.toFixed(2))
    expect(summary([result])).toContain(
      `int4-wasm: top-1 accuracy ${Number(share(after).toPrecision(4))}, original 0.9: ${accuracy!.difference.toFixed(2)} points (95 %: ${low} to ${high}) on 500 samples`,
    )
  })

  it('is agreement with the original where samples have no labels, for a Softmax or a named output', async () => {
    const root = await project(files)
    const { report } = await build(root, 'int4&evaluate=./test.ts')
    expect(report.variants[0]!.accuracy).toMatchObject({ metric: 'top-1 agreement with the original', original: 1 })
    expect(report.variants[0]!.samples).toEqual({ count: 32, from: 'evaluation' })
    const named = await project({
      ...files,
      'net.onnx': classifier('Identity'),
      'whittle.config.ts': `export default { classes: ['classes', 'logits'] }`,
    })
    const { accuracy } = (await build(named, 'int4&evaluate=./test.ts')).report.variants[0]!
    // A Softmax changes no order.
    expect(accuracy).toEqual(report.variants[0]!.accuracy)
  })

  it('is what a metric in TypeScript gives, by path or by name', async () => {
    const root = await project({
      ...files,
      'metric.ts': METRIC,
      'whittle.config.ts': `export default { metrics: { distance: './metric.ts' }, datasets: { held: './test.ts' } }`,
    })
    const { report, watch } = await build(root, 'int4&evaluate=./test.ts&metric=./metric.ts')
    const { accuracy } = report.variants[0]!
    expect(accuracy).toMatchObject({ metric: './metric.ts', higherIsBetter: false, original: 0, samples: 500 })
    expect(accuracy!.variant).toBeGreaterThan(0.01)
    expect(accuracy!.difference).toBeCloseTo(-100 * accuracy!.variant, 9)
    expect(watch).toEqual(expect.arrayContaining([join(root, 'metric.ts'), join(root, 'test.ts')]))
    const named = await build(root, 'int4&evaluate=held&metric=distance')
    expect(named.report.variants[0]!.accuracy).toEqual({ ...accuracy, metric: 'distance' })
  })

  it('warns where calibration and evaluation are the same samples', async () => {
    const root = await project(files)
    const { report } = await build(root, 'int8&calibrate=./test.ts&evaluate=./test.ts')
    expect(report.warnings).toEqual([
      expect.stringMatching(/^calibrate= and evaluate= give the same samples: .* give evaluate= samples of/),
    ])
  })

  it('warns where the value of a metric is not the mean of its samples', async () => {
    const root = await project({ ...files, 'metric.ts': METRIC.replace('return { value: ', 'return { value: 1 + ') })
    const { report } = await build(root, 'int4&evaluate=./test.ts&metric=./metric.ts')
    expect(report.warnings).toEqual([
      './metric.ts: its value is 1, and the mean of its perSample 0: differences and intervals are those of perSample',
    ])
  })
})

describe('drop=', () => {
  it('gives weights more bits until the accuracy holds, on other samples too', async () => {
    const root = await project(files)
    const query = 'int4&calibrate=./samples.ts&evaluate=./test.ts'
    const [few, more] = [await build(root, query), await build(root, `${query}&drop=4`)]
    const [before, after] = [few, more].map(({ report }) => report.variants[0]!)
    expect(before!.accuracy!.interval![1]).toBeLessThan(-4)
    expect(after!.accuracy).toMatchObject({ decision: 'holds', drop: 4, fallback: [expect.stringMatching(/^sqnr=\d+$/)] })
    expect(after!.accuracy!.interval![0]).toBeGreaterThanOrEqual(-4)
    expect(after!.brotli).toBeGreaterThan(before!.brotli)
    expect(after!.warnings[0]).toMatch(
      /^as written it changes top-1 agreement .* by -\d+\.\d\d points .*, more than drop=4 allows: built as with sqnr=\d+, which holds$/,
    )
    const unseen = pictures({ seed: 'unseen', count: 1500 })
    const [original, given] = [await classesOf(writeOnnx(classifier()), unseen), await classesOf(more.artefacts[0]!.bytes, unseen)]
    expect(share(given.map((label, index) => label === original[index]))).toBeGreaterThan(0.96)
    // What is named is what could be written.
    const written = await build(root, `int4&calibrate=./samples.ts&${after!.accuracy!.fallback![0]}`)
    expect(written.artefacts[0]!.sha256).toBe(more.artefacts[0]!.sha256)
  })

  it('judges each variant by what executes it', async () => {
    const root = await project(files)
    const { report } = await build(root, 'int4&calibrate=./samples.ts&evaluate=./test.ts&drop=4&runtime=onnx;tfjs')
    expect(report.variants.map(({ runtime }) => runtime)).toEqual(['onnx', 'tfjs'])
    const [onnx, tfjs] = report.variants.map(({ accuracy }) => accuracy!)
    // The same weights on two runtimes, whose arithmetic differs in the last bits alone.
    expect(tfjs!.decision).toBe('holds')
    expect(tfjs!.fallback).toEqual(onnx!.fallback)
    expect(Math.abs(tfjs!.variant - onnx!.variant)).toBeLessThan(0.01)
  })

  it('changes nothing where it holds as written', async () => {
    const root = await project(files)
    const [plain, held] = [await build(root, 'int8&evaluate=./test.ts'), await build(root, 'int8&evaluate=./test.ts&drop=4')]
    expect(held.artefacts).toEqual(plain.artefacts)
    expect(held.report.variants[0]!.accuracy).toEqual({ ...plain.report.variants[0]!.accuracy, drop: 4, decision: 'holds' })
  })

  it('takes bits, codebooks and pruning back without calibration samples', async () => {
    const root = await project(files)
    const ids = async (query: string): Promise<string> => (await build(root, `${query}&evaluate=./test.ts&drop=4`)).manifest.variants[0]!.id
    expect(await ids('bits=3')).toMatch(/^(bits[68]|fp16)-wasm$/)
    expect(await ids('cluster=8')).toMatch(/^cluster(64|256)-wasm$/)
    expect(await ids('prune=0.1')).toMatch(/^fp32-prune0\.0(75|5|25)-wasm$/)
  })

  it('fails where nothing holds, and says how near the nearest came', async () => {
    const root = await project(files)
    const failed = build(root, 'prune=2:4&evaluate=./test.ts&drop=4')
    await expect(failed).rejects.toBeInstanceOf(BudgetError)
    await expect(failed).rejects.toMatchObject({ code: 'BUDGET_DROP' })
    await expect(failed).rejects.toThrow(
      /^net\.onnx\?.*: variant fp32-prune2of4-wasm loses more than drop=4: top-1 agreement with the original is 0\.\d+, of the original 1: -\d+\.\d\d points \(95 %: -\d+\.\d\d to -\d+\.\d\d\) on 500 samples; ask for more bits or less pruning, or allow drop=\d+$/,
    )
    await expect(build(root, 'prune=0.9&evaluate=./test.ts&drop=4')).rejects.toThrow(
      /variant fp32-prune0\.23-wasm, the nearest of 4 ways to build it \(prune=0\.23\) loses more than drop=4: /,
    )
  })

  it('is undecided with too few samples, and says how many it needs, before anything is built', async () => {
    const root = await project({ ...files, 'few.ts': picturesModule({ seed: 'test', count: 50 }) })
    const steps: string[] = []
    const onProgress: CompileRequest['onProgress'] = ({ step }) => void steps.push(step)
    const failed = build(root, 'int8&evaluate=./few.ts&drop=0.5', { onProgress })
    await expect(failed).rejects.toMatchObject({ code: 'BUDGET_UNDECIDED' })
    // z² / (n + z²) is half a hundredth at 765 samples, of which none differs.
    await expect(failed).rejects.toThrow(
      /: drop=0\.5 is undecided, needs at least about 765 samples: on the 50 of evaluate=, even a variant that loses none .* up to 7\.13 points .*; give it more, or allow drop=7\.2$/,
    )
    expect(steps).toContain('evaluating')
    expect(steps).not.toContain('verifying')
  })

  it('says how many samples would decide where the difference is near the budget', async () => {
    const root = await project(files)
    const query = 'prune=2:4&evaluate=./test.ts'
    const { difference, interval } = (await build(root, query)).report.variants[0]!.accuracy!
    const drop = Number((-(difference + interval![0]) / 2).toFixed(2))
    const failed = build(root, `${query}&drop=${drop}`)
    await expect(failed).rejects.toMatchObject({ code: 'BUDGET_UNDECIDED' })
    await expect(failed).rejects.toThrow(
      /: variant fp32-prune2of4-wasm: drop=[\d.]+ is undecided, needs about (1[5-9]|2\d)\d\d samples: .*; give evaluate= more samples, ask for more bits or less pruning, or allow drop=\d+$/,
    )
  })

  it('and max= that exclude each other are told apart', async () => {
    const root = await project(files)
    await expect(build(root, 'int4&evaluate=./test.ts&drop=4&max=8kB')).rejects.toThrow(
      /variant bits8-wasm takes \d+ bytes after brotli, and max= allows 8000: drop=4 does not hold with less than bits=8; allow more bytes or a greater drop$/,
    )
  })
})

describe('the cache', () => {
  it('is not used when the samples, the metric, or what either imports changed', async () => {
    const root = await project({
      ...files,
      'metric.ts': METRIC.replace("key: 'distance'", 'key: KEY').replace(
        'export default',
        "import { KEY } from './key.ts'\nexport default",
      ),
      'key.ts': "export const KEY = 'one'",
      'test.ts': picturesModule({ seed: 'test', count: 40 }),
    })
    const isCached = async (): Promise<boolean> => (await build(root, 'int8&evaluate=./test.ts&metric=./metric.ts', { cache: true })).cached
    expect([await isCached(), await isCached()]).toEqual([false, true])
    await writeFile(join(root, 'key.ts'), "export const KEY = 'two'")
    expect([await isCached(), await isCached()]).toEqual([false, true])
    await writeFile(join(root, 'test.ts'), picturesModule({ seed: 'other', count: 40 }))
    expect([await isCached(), await isCached()]).toEqual([false, true])
  })

  it('knows metrics and datasets that are given as objects by their keys, and gives the same report', async () => {
    const root = await project({ ...files, 'test.ts': picturesModule({ seed: 'test', count: 1 }) })
    const metric = (key: string): Metric => ({
      key,
      higherIsBetter: true,
      async evaluate(_, dataset) {
        let count = 0
        for await (const sample of dataset.samples()) count += sample.inputs['x']!.dims[0]!
        return { value: count / 2, perSample: [count / 2] }
      },
    })
    const once = (key: string): Promise<CompileResult> =>
      build(root, 'int8&evaluate=./test.ts&metric=count', { cache: true, config: { metrics: { count: metric(key) } } })
    const [cold, warm] = [await once('a'), await once('a')]
    expect([cold.cached, warm.cached, (await once('b')).cached]).toEqual([false, true, false])
    // One sample has no interval, and JSON no infinity.
    expect(cold.report.variants[0]!.accuracy).toMatchObject({ original: 0.5, variant: 0.5, interval: null, samples: 1 })
    expect(warm.report).toEqual(cold.report)
  })
})
