import { existsSync, readFileSync } from 'node:fs'
import { type Model, Tensor, compress, createRandom } from '@whittle/ir'
import { readOnnxFile, writeOnnx } from '@whittle/ir/onnx'
import { SIMPLIFY_RULES, simplify } from '@whittle/simplify'
import { buildModel, differenceOf, fixture, models, runModel, transformContract } from '@whittle/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { context, distance, engine, opsOf } from './harness.ts'

transformContract('simplify', simplify, { context: () => ({ engine }) })
transformContract(
  'simplify',
  () => simplify({ skip: ['hard-swish', 'batch-normalization', 'layer-normalization', 'gelu', 'scale-shift'] }),
  {
    tolerance: 1e-6,
    randomModels: 3,
  },
)

describe('skip', () => {
  test('leaves the named rules out, and is written into the options', async () => {
    const transform = simplify({ skip: ['constants', 'batch-normalization'] })
    expect(transform.options).toEqual({ skip: ['constants', 'batch-normalization'] })
    expect(opsOf((await compress(models.constantNodes(), [transform], context())).model)).toContain('Constant')
    expect(opsOf((await compress(models.convBnRelu(), [transform], context())).model)).toContain('BatchNormalization')
  })

  test('is empty by default', () => {
    expect(simplify().options).toEqual({ skip: [] })
    expect(simplify({ skip: undefined }).options).toEqual({ skip: [] })
  })

  const rules = SIMPLIFY_RULES.map(({ name }) => name).join(', ')
  test.each<[unknown, string]>([
    [['constant'], `simplify: expected a list of names among ${rules} for skip, received 'constant'`],
    ['constants', `simplify: expected a list of names among ${rules} for skip, received 'constants'`],
    [[3], `simplify: expected a list of names among ${rules} for skip, received 3`],
  ])('refuses %j', (skip, message) => {
    expect(() => simplify({ skip: skip as string[] })).toThrow(
      expect.objectContaining({ message, code: 'OPTION_INVALID', name: 'OptionError' }),
    )
  })
})

test('a chain of 300 constants folds to the end', async () => {
  const model = buildModel((b) => {
    let value = b.constant('start', 0)
    for (let step = 0; step < 300; step++) value = b.node('Add', [value, b.constant('one', 1)])
    b.output(b.node('Mul', [b.input('x', [2]), value]), 'y')
  })
  const { model: after } = await compress(model, [simplify()], context())
  expect(after.graph.nodes).toHaveLength(1)
  expect([...after.graph.initializers].map((value) => value.tensor!.toNumbers())).toEqual([[300]])
})

test('one rule opens the way for the next: statistics behind Identity and Mul are folded, then the BatchNormalization', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', ['N', 3, 4, 4])
    const conv = b.node('Identity', [b.node('Conv', [x, b.node('Identity', [b.weight('w', [4, 3, 1, 1])])])])
    const half = (name: string): ReturnType<typeof b.node> => b.node('Mul', [b.constant(name, [1, 2, 3, 4]), b.constant('half', 0.5)])
    b.output(b.node('BatchNormalization', [conv, half('scale'), half('shift'), half('mean'), half('variance')]), 'y')
  })
  const { model: after, reports } = await compress(model, [simplify()], context())
  expect(opsOf(after)).toEqual(['Conv'])
  expect(reports[0]!.skipped).toEqual([])
  expect(await distance(model, after)).toBeLessThan(1e-5)
})

test('an aborted signal ends the run', async () => {
  const controller = new AbortController()
  controller.abort(new Error('enough'))
  await expect(simplify().run(models.mlp(), context({ signal: controller.signal }))).rejects.toThrow('enough')
})

test('every rule has its file, its test and its row in the README, in the order of the list', () => {
  const names = SIMPLIFY_RULES.map(({ name }) => name)
  const folder = new URL('..', import.meta.url)
  for (const name of names)
    for (const file of [`src/${name}.ts`, `test/${name}.test.ts`]) expect(existsSync(new URL(file, folder)), file).toBe(true)
  const readme = readFileSync(new URL('README.md', folder), 'utf8')
  const table = readme.slice(readme.indexOf('## Rules'), readme.indexOf('## What it reports'))
  expect([...table.matchAll(/^\| `([a-z-]+)` /gm)].map(([, name]) => name)).toEqual(names)
})

describe('the text direction classifier', () => {
  let before: Model
  let after: Model

  beforeAll(async () => {
    before = readOnnxFile(fixture('direction')).model
    after = (await compress(before, [simplify()], context())).model
  })

  test('has no Constant and no BatchNormalization left, and 18 HardSwish', () => {
    const count = (op: string): number => opsOf(after).filter((other) => other === op).length
    expect([count('Constant'), count('BatchNormalization'), count('HardSwish'), count('Conv')]).toEqual([0, 0, 18, 53])
    expect(opsOf(after).length).toBeLessThan(opsOf(before).length / 3)
  })

  test('gives the same within 1e-5, at two widths and batches', async () => {
    const { graph } = before
    const free = graph.inputs[0]!.shape!.filter((dim) => typeof dim === 'string')
    for (const sizes of [
      [1, 192],
      [2, 100],
    ])
      expect(
        await distance(before, after, Object.fromEntries(free.map((dim, index) => [dim, sizes[free.length > 1 ? index : 0]!]))),
      ).toBeLessThan(1e-5)
  })

  test('is the same to the byte each time', async () => {
    const again = (await compress(readOnnxFile(fixture('direction')).model, [simplify()], context({ random: createRandom('other') }))).model
    expect(Buffer.compare(writeOnnx(again), writeOnnx(after))).toBe(0)
  })

  test('changes no more in a second run', async () => {
    const { model, reports } = await compress(after, [simplify()], context())
    expect(reports[0]!.changed).toEqual([])
    expect(Buffer.compare(writeOnnx(model), writeOnnx(after))).toBe(0)
  })
})

test('the voice detector, whose weights are in branches, gives the same within 1e-5 and has fewer nodes', async () => {
  const before = readOnnxFile(fixture('voice')).model
  const { model: after } = await compress(before, [simplify()], context())
  expect(opsOf(after).length).toBeLessThan(opsOf(before).length)
  const inputs = {
    input: Tensor.float32(
      [1, 576],
      Float32Array.from({ length: 576 }, (_, at) => Math.sin(at / 5) / 2),
    ),
    state: Tensor.float32([2, 1, 128], new Float32Array(256)),
    sr: Tensor.int64([], [16000]),
  }
  const [expected, actual] = [await runModel(before, inputs), await runModel(after, inputs)]
  for (const [name, tensor] of Object.entries(expected)) expect(differenceOf(tensor, actual[name]!), name).toBeLessThan(1e-5)
})
