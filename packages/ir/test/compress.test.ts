import { type Context, ModelError, Tensor, TransformError, type Transform, compress, createRandom, silentLogger } from '@whittle/ir'
import { fingerprint, models } from '@whittle/testing'
import { describe, expect, test } from 'vitest'

const context = (more: Partial<Context> = {}): Context => ({ logger: silentLogger, random: createRandom('test'), ...more })

const step = (name: string, run: Transform['run'], more: Partial<Transform> = {}): Transform => ({ name, options: {}, run, ...more })

/** Sets all weights to zero. */
const zero = step('zero', (model) => {
  const changed = [...model.initializers()].map((value) => {
    value.graph.setTensor(value, Tensor.float32(value.tensor!.dims, new Float32Array(value.tensor!.size)))
    return { at: value.name, what: 'zeroed' }
  })
  return { changed, skipped: [] }
})

const nothing = (name: string): Transform => step(name, () => ({ changed: [], skipped: [{ at: 'all', why: 'nothing to do' }] }))

test('steps run in order on a copy; reports carry step and options', async () => {
  const model = models.mlp()
  const before = fingerprint(model)
  const { model: after, reports } = await compress(model, [nothing('first'), { ...zero, options: { a: 1 } }], context())
  expect(fingerprint(model)).toBe(before)
  expect(after).not.toBe(model)
  expect([...after.initializers()].every((value) => value.tensor!.toNumbers().every((item) => item === 0))).toBe(true)
  expect(reports.map((report) => report.step)).toEqual(['first', 'zero'])
  expect(reports[0]!.skipped).toEqual([{ at: 'all', why: 'nothing to do' }])
  expect(reports[1]).toMatchObject({ options: { a: 1 }, changed: { length: 4 } })
})

test('a step that was there before draws other numbers, and the same again each time', async () => {
  const drawn: number[] = []
  const draw = (name: string): Transform =>
    step(name, (_, { random }) => {
      drawn.push(random.next())
      return { changed: [], skipped: [] }
    })
  const run = () => compress(models.mlp(), [draw('a'), draw('b'), draw('a'), draw('a')], context({ random: createRandom('drawn') }))
  await run()
  expect(new Set([drawn[0], drawn[2], drawn[3]]).size).toBe(3)
  const first = [...drawn]
  drawn.length = 0
  await run()
  expect(drawn).toEqual(first)
})

test('no steps give a copy', async () => {
  const model = models.branches()
  expect(fingerprint((await compress(model, [], context())).model)).toBe(fingerprint(model))
})

test('progress is told before each step', async () => {
  const seen: unknown[] = []
  await compress(models.mlp(), [nothing('a'), nothing('b')], context({ onProgress: (progress) => seen.push(progress) }))
  expect(seen).toEqual([
    { step: 'a', done: 0, total: 2 },
    { step: 'b', done: 1, total: 2 },
  ])
})

describe('errors', () => {
  const failing = (error: unknown): Transform =>
    step('broken', () => {
      throw error
    })

  test('a step that leaves the model invalid is named', async () => {
    const breaks = step('breaks', (model) => {
      model.graph.nodes[0]!.output._producer = undefined
      return { changed: [], skipped: [] }
    })
    const run = compress(models.mlp(), [nothing('fine'), breaks], context())
    await expect(run).rejects.toThrow(TransformError)
    await expect(run).rejects.toThrow(/^breaks left the model invalid: .*\(ends, graph 'main'\)/)
  })

  test('a step that throws anything is named, the cause kept', async () => {
    const cause = new RangeError('too far')
    const run = compress(models.mlp(), [failing(cause)], context())
    await expect(run).rejects.toMatchObject({ name: 'TransformError', code: 'STEP_FAILED', message: 'broken failed: too far', cause })
  })

  test('an error of our own keeps its class and code, and says the step once', async () => {
    const own = compress(models.mlp(), [failing(new ModelError('SOME_CODE', 'is bad'))], context())
    await expect(own).rejects.toMatchObject({ name: 'ModelError', code: 'SOME_CODE', message: 'broken: is bad' })
    const named = compress(models.mlp(), [failing(new ModelError('SOME_CODE', 'broken: is bad'))], context())
    await expect(named).rejects.toMatchObject({ message: 'broken: is bad' })
  })

  test('what a step requires is asked before it runs', async () => {
    const needs = { ...zero, requires: (_: unknown, { engine }: Context) => void (engine ?? throwing('needs an engine')) }
    await expect(compress(models.mlp(), [needs], context())).rejects.toThrow('zero failed: needs an engine')
  })

  test('an abort ends between steps, with the reason that was given', async () => {
    const controller = new AbortController()
    const aborts = step('aborts', () => (controller.abort(new Error('enough')), { changed: [], skipped: [] }))
    await expect(compress(models.mlp(), [aborts, zero], context({ signal: controller.signal }))).rejects.toThrow('enough')
  })
})

function throwing(message: string): never {
  throw new Error(message)
}
