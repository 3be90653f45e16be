import { join } from 'node:path'
import { WhittleError } from '@whittle/ir'
import { models } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { compile } from '../src/index.ts'
import { classifier, picturesModule, project } from './project.ts'

const files = { 'net.onnx': classifier(), 'test.ts': picturesModule({ seed: 'test', count: 8 }) }

/** The code and the message of the one error that a build ends with; it is one of ours and shows no stack. */
async function errorOf(query: string, others: Parameters<typeof project>[0] = {}): Promise<string> {
  const root = await project({ ...files, ...others })
  const error = await compile({ file: join(root, 'net.onnx'), query: `int8&target=wasm&${query}`, root, cache: false }).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(WhittleError)
  const { code, message } = error as WhittleError
  expect(message).not.toMatch(/\n\s+at /)
  const label = `net.onnx?int8&target=wasm&${query}: `
  expect(message.slice(0, label.length)).toBe(label)
  return `${code} ${message.slice(label.length).replaceAll(root, 'ROOT')}`
}

describe('a wrong directive', () => {
  it.each(['0', '-1', 'half', '', 'Infinity'])('drop=%s', async (value) => {
    expect(await errorOf(`evaluate=./test.ts&drop=${value}`)).toBe(
      `DIRECTIVE_INVALID drop: expected a number of points above 0: hundredths of the metric, received '${value}'; for example drop=0.5`,
    )
  })

  it.each(['drop=1', 'metric=./metric.ts'])('%s without samples', async (query) => {
    expect(await errorOf(query)).toBe(
      `EVALUATE_MISSING ${query} needs samples to be judged on, others than calibrate= takes: give them with evaluate=./test.ts`,
    )
  })

  it('without a metric, where no output holds classes', async () => {
    const scores = { 'net.onnx': classifier('Identity') }
    const why =
      "needs a metric: no output is known to hold one score a class ('classes'); give metric=./metric.ts, or name one output in the list 'classes' of whittle.config"
    expect(await errorOf('evaluate=./test.ts&drop=1', scores)).toBe(
      `METRIC_MISSING drop=1 ${why}, or ask for a signal to noise ratio instead, for example sqnr=30`,
    )
    expect(await errorOf('evaluate=./test.ts', scores)).toBe(`METRIC_MISSING evaluate= ${why}`)
  })

  it('classes that are no list', async () => {
    expect(await errorOf('evaluate=./test.ts', { 'whittle.config.ts': `export default { classes: 'scores' }` })).toBe(
      "CONFIG_INVALID whittle.config.ts: 'classes' is not a list of names of outputs; write classes: ['probabilities']",
    )
  })
})

describe('samples', () => {
  it.each([
    ['that are missing', {}, 'evaluate=./none.ts', /^MODULE_MISSING none\.ts: there is no such file/],
    [
      'that are none',
      { 'test.ts': picturesModule({ seed: 'test', count: 0 }) },
      'evaluate=./test.ts',
      /^DATASET_EMPTY test\.ts: samples\(\) yields nothing/,
    ],
    [
      'of another shape',
      { 'net.onnx': models.mlp() },
      'evaluate=./test.ts&metric=./metric.ts',
      /^INPUT_SHAPE test\.ts, sample 0: input 'x' has shape \[1, 16\]/,
    ],
    [
      'of which one has no label',
      { 'test.ts': picturesModule({ seed: 'test', count: 3, labels: [1, 2] }) },
      'evaluate=./test.ts',
      /^LABEL_MISSING sample 2: accuracy needs a label/,
    ],
  ])('%s', async (_, others, query, expected) => {
    expect(await errorOf(query, others as never)).toMatch(expected)
  })
})

describe('a metric', () => {
  const metric = (body: string): Record<string, string> => ({
    'metric.ts': `
export default {
  key: 'a',
  higherIsBetter: true,
  async evaluate(run: any, dataset: any) {
    const perSample: number[] = []
    for await (const { inputs } of dataset.samples()) perSample.push((await run.model(inputs)).classes.toFloat32()[0])
    ${body}
  },
}`,
  })
  const form = 'evaluate() returns { value, perSample }, finite numbers, one for each sample'
  it.each([
    ['whose value is NaN', 'return { value: NaN, perSample }', `METRIC_VALUE ./metric.ts on the original: the value is NaN; ${form}`],
    [
      'that gives too few numbers',
      'return { value: 1, perSample: perSample.slice(1) }',
      `METRIC_VALUE ./metric.ts on the original: perSample has 7 numbers for 8 samples; ${form}`,
    ],
    [
      'one of whose numbers is NaN',
      'perSample[3] = NaN; return { value: 1, perSample }',
      `METRIC_VALUE ./metric.ts on the original: perSample is NaN for sample 3; ${form}`,
    ],
    ['that gives a number alone', 'return 1', `METRIC_VALUE ./metric.ts on the original: perSample is undefined, not a list; ${form}`],
    ['that throws', `throw new Error('no words')`, 'METRIC_THREW ./metric.ts on the original: evaluate() threw: no words'],
    [
      'that throws on a variant',
      `if (run.model !== run.original) throw new Error('no words'); return { value: perSample[0], perSample }`,
      'METRIC_THREW ./metric.ts on variant int8-wasm: evaluate() threw: no words',
    ],
    [
      'that gives the model no inputs',
      `await run.model({}); return { value: 1, perSample }`,
      "INPUT_MISSING inputs: input 'x' is missing; the model expects float32[N, 16]",
    ],
  ])('%s', async (_, body, expected) => {
    expect(await errorOf('evaluate=./test.ts&metric=./metric.ts', metric(body))).toBe(expected)
  })

  it('whose module is missing, or exports something else', async () => {
    expect(await errorOf('evaluate=./test.ts&metric=./none.ts')).toBe(
      'MODULE_MISSING none.ts: there is no such file; give the path of a module, relative to ROOT',
    )
    expect(await errorOf('evaluate=./test.ts&metric=./test.ts')).toMatch(
      /^MODULE_EXPORT test\.ts: the default export is not a Metric; write/,
    )
  })
})
