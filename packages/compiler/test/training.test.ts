import { join } from 'node:path'
import { nativeEngine } from '@whittle/engine'
import type { Model } from '@whittle/ir'
import { buildModel } from '@whittle/testing'
import { expect, it } from 'vitest'
import { type CompileResult, compile, summary } from '../src/index.ts'
import { classifier, pictures, picturesModule, project } from './project.ts'

const files = {
  'net.onnx': classifier(),
  'learn.ts': picturesModule({ seed: 'learn', count: 300 }),
  'test.ts': picturesModule({ seed: 'test', count: 300 }),
}

const build = (root: string, query: string): Promise<CompileResult> =>
  compile({ file: join(root, 'net.onnx'), query: `${query}&target=wasm`, root, cache: false })

const accuracyOf = async (query: string): Promise<{ agreement: number; result: CompileResult }> => {
  const result = await build(await project(files), `${query}&evaluate=./test.ts`)
  return { agreement: result.report.variants[0]!.accuracy!.variant, result }
}

it('qat= keeps more of what the original decides than rounding alone, in as many bits', async () => {
  const rounded = await accuracyOf('bits=3&calibrate=./learn.ts')
  const { agreement, result } = await accuracyOf('bits=3&calibrate=./learn.ts&qat=80&qat.learningRate=0.003')
  expect(agreement).toBeGreaterThan(rounded.agreement)
  const [variant] = result.report.variants
  expect(variant!.id).toBe('bits3-qat80-wasm')
  expect(variant!.recipe.map(({ step }) => step)).toEqual(['simplify', 'quantize', 'qat'])
  expect(variant!.reports.find(({ step }) => step === 'qat')!.changed[0]!.what).toMatch(/weights learned in 80 steps: the loss went from/)
  expect(result.artefacts[0]!.bytes.byteLength).toBeLessThan(1.1 * rounded.result.artefacts[0]!.bytes.byteLength)
  expect(summary([result])).toContain('bits3-qat80-wasm')
})

it('distill= gives back what prune= took, from samples of its own', async () => {
  const pruned = await accuracyOf('prune=0.7')
  const { agreement, result } = await accuracyOf('prune=0.7&distill=80&distill.learningRate=0.003&train=./learn.ts')
  expect(agreement).toBeGreaterThan(pruned.agreement)
  const [prune, distill] = ['prune', 'distill'].map((name) => result.report.variants[0]!.recipe.findIndex(({ step }) => step === name))
  expect(prune).toBeLessThan(distill!)
  expect(result.watch.some((file) => file.endsWith('learn.ts'))).toBe(true)
  // The zeros are still there: they are what makes the file small.
  expect(result.report.variants[0]!.brotli).toBeLessThan(1.1 * pruned.result.report.variants[0]!.brotli)
})

it('prune.rounds= prunes a little and trains, again and again, which loses less than pruning all at once', async () => {
  const training = 'prune=0.85&prune.method=magnitude&distill=120&distill.learningRate=0.003&train=./learn.ts'
  const once = await accuracyOf(training)
  const { agreement, result } = await accuracyOf(`${training}&prune.rounds=4`)
  const { recipe, reports } = result.report.variants[0]!
  const ratios = recipe.filter(({ step }) => step === 'prune').map(({ options }) => options['ratio'])
  expect(ratios).toEqual([0.85 * (1 - 0.75 ** 3), 0.85 * (1 - 0.5 ** 3), 0.85 * (1 - 0.25 ** 3), 0.85])
  expect(recipe.filter(({ step }) => step === 'distill').map(({ options }) => options['steps'])).toEqual([30, 30, 30, 30])
  const zeros = (of: typeof reports): string[] =>
    of
      .filter(({ step }) => step === 'prune')
      .at(-1)!
      .changed.map(({ what }) => what)
  expect(zeros(reports)).toEqual(zeros(once.result.report.variants[0]!.reports))
  expect(agreement).toBeGreaterThan(once.agreement)
})

/** A network of a tenth of {@link classifier}'s weights, that has learned nothing. */
const student = (output = 'classes'): Model =>
  buildModel((b) => {
    const hidden = b.node('Tanh', [b.node('Gemm', [b.input('x', ['N', 16]), b.weight('w0', [16, 40], 0.2), b.weight('b0', [40], 0.1)])])
    b.output(b.node('Softmax', [b.node('Gemm', [hidden, b.weight('w1', [40, 6], 0.2)])]), output)
  })

it('distill= with teacher= makes a smaller model follow a larger one', async () => {
  const root = await project({ ...files, 'small.onnx': student() })
  const query = 'distill=400&distill.learningRate=0.02&train=./learn.ts&teacher=./net.onnx&target=wasm'
  const result = await compile({ file: join(root, 'small.onnx'), query, root, cache: false })
  const samples = pictures({ seed: 'test', count: 200 })
  const classesOf = async (model: Model | Uint8Array): Promise<number[]> => {
    const session = await nativeEngine().open(model)
    const found: number[] = []
    for (const x of samples) {
      const scores = (await session.run({ x })).classes!.toFloat32()
      found.push(scores.indexOf(Math.max(...scores)))
    }
    await session.dispose()
    return found
  }
  const teacher = await classesOf(classifier())
  const agreement = (classes: readonly number[]): number => classes.filter((item, at) => item === teacher[at]).length / classes.length
  expect(agreement(await classesOf(student()))).toBeLessThan(0.4)
  expect(agreement(await classesOf(result.artefacts[0]!.bytes))).toBeGreaterThan(0.5)
  expect(result.watch.some((file) => file.endsWith('net.onnx'))).toBe(true)
})

it('a build that was interrupted while it trained goes on where it was, to the same bytes', async () => {
  const query = 'prune=0.7&distill=60&distill.learningRate=0.003&train=./learn.ts'
  const { artefacts: expected } = await build(await project(files), query)
  const root = await project(files)
  const seen: number[] = []
  const run = (until: number): Promise<CompileResult> => {
    const abort = new AbortController()
    return compile({
      file: join(root, 'net.onnx'),
      query: `${query}&target=wasm`,
      root,
      signal: abort.signal,
      onProgress({ step, done }) {
        // The recipe's own progress says at which step it is.
        if (step !== 'distill' || done === 2) return
        seen.push(done)
        if (done === until) abort.abort(new Error('enough'))
      },
    })
  }
  await expect(run(25)).rejects.toThrow('enough')
  seen.length = 0
  const { artefacts } = await run(Infinity)
  // Behind the step at whose start it was interrupted.
  expect(seen[0]).toBe(26)
  expect(artefacts.map(({ sha256 }) => sha256)).toEqual(expected.map(({ sha256 }) => sha256))
})

it('distill= gives back what the channels took that prune=...,channel removed', async () => {
  const query = 'prune=0.5,channel&prune.multiple=1'
  const pruned = await accuracyOf(query)
  const { agreement, result } = await accuracyOf(`${query}&distill=80&distill.learningRate=0.003&train=./learn.ts`)
  expect(agreement).toBeGreaterThan(pruned.agreement)
  const [variant] = result.report.variants
  expect(variant!.id).toBe('fp32-channel0.5-distill80-wasm')
  expect(variant!.recipe.map(({ step }) => step)).toEqual(['simplify', 'prune', 'distill'])
  expect(variant!.reports.find(({ step }) => step === 'prune')!.changed[0]!.what).toMatch(/^\d+ of \d+ output channels went$/)
})

it('macs= and prune= together remove channels, then set a share of the weights that are left to zero', async () => {
  const plain = await build(await project(files), 'fp32')
  const both = await build(await project(files), 'macs=0.5&prune=0.5')
  const [variant] = both.report.variants
  expect(variant!.id).toBe('fp32-macs0.5-prune0.5-wasm')
  expect(variant!.recipe.slice(1).map(({ options }) => options)).toMatchObject([{ granularity: 'channel', macs: 0.5 }, { ratio: 0.5 }])
  expect(variant!.brotli).toBeLessThan(0.6 * plain.report.variants[0]!.brotli)
})

it.each([
  [
    'prune=0.5&prune.rounds=3&train=./learn.ts',
    'prune.rounds=3 prunes a little and trains, again and again: write it with prune= as a share',
  ],
  ['prune=0.5&prune.rounds=0&distill=5&train=./learn.ts', 'prune: expected a whole number above 0 for rounds, received 0'],
  ['int4&teacher=./net.onnx', 'teacher=./net.onnx is followed by what learns, and nothing does: add distill= or qat='],
  ['distill=5&train=./learn.ts&teacher=./none.onnx', 'there is no file none.onnx'],
  [
    'distill=5&train=./learn.ts&teacher=./other.onnx',
    "teacher=./other.onnx has the outputs 'scores', and the import has 'classes': a student is given and gives the same",
  ],
  ['qat=100', 'qat=100 learns from samples: give them with train=./samples.ts, or calibrate='],
  ['qat=100&train=./learn.ts', 'qat=100 trains through the steps of a number format: write it with int8, int4 or bits='],
  ['cluster=8&qat=100&train=./learn.ts', 'qat=100 trains through the steps of a number format'],
  ['int4&train=./learn.ts', 'train=./learn.ts gives samples to learn from, and nothing learns: add finetune=, distill= or qat='],
  ['distill=0&train=./learn.ts', "distill: expected a whole number of steps, received '0'; for example distill=500"],
  ['finetune=5&train=./learn.ts', 'finetune: the samples have no labels'],
])('%s is refused, with what to write', async (query, message) => {
  await expect(build(await project({ ...files, 'other.onnx': student('scores') }), query)).rejects.toThrow(message)
})
