import { expect, test } from 'vitest'
import { drive, native, near, X } from './drive.ts'
import { ONE_ROW, TWO_ROWS, manifestOf } from './host.ts'

const driven = drive({ webgpu: true, webnn: true })

/**
 * Opens a page that can lose its devices: `lose()` destroys all that it was given; `loseAt(work)` does so when one of them is next given
 * work of that kind, after it took it.
 */
function open(): Promise<unknown> {
  return driven.open(() => {
    const page = globalThis as any
    const devices: { destroy(): void }[] = []
    let losing = ''
    const after = (api: string, method: string, then: (result: any) => void): void => {
      const { prototype } = page[api]
      const original = prototype[method]
      prototype[method] = function (...given: unknown[]) {
        const result = original.apply(this, given)
        then(result)
        return result
      }
    }
    const keep = (given: Promise<any>): void => void given.then((device) => devices.push(device))
    after('GPUAdapter', 'requestDevice', keep)
    after('ML', 'createContext', keep)
    page.lose = () => devices.forEach((device) => device.destroy())
    page.loseAt = (work: string) => (losing = work)
    for (const [api, method] of [
      ['GPUQueue', 'submit'],
      ['GPUBuffer', 'mapAsync'],
      ['MLContext', 'dispatch'],
      ['MLContext', 'readTensor'],
    ] as const)
      after(api, method, () => {
        if (losing === method) page.lose()
      })
  })
}

/** Runs the session `calls` times at once. */
function run(calls: number): Promise<any> {
  return driven.page.evaluate(async (count) => {
    const { run, tensor } = (globalThis as any).whittle
    const x = tensor(new Float32Array([0.5, -1, 2, 0.25]), [1, 4])
    const results = await Promise.all(Array.from({ length: count }, () => run({ x })))
    const { device, variant, decisions } = (globalThis as any).session
    return { results, device, id: variant.id, decisions }
  }, calls)
}

const load = (targets: Record<string, string>, model?: Uint8Array): Promise<any> => driven.load(manifestOf(targets, {}, model))
const lose = (): Promise<unknown> => driven.page.evaluate(() => (globalThis as any).lose())

test('a session whose device is lost between runs goes on with the next variant, and says so', async () => {
  await open()
  expect(await load({ webgpu: 'model.onnx', wasm: 'model.onnx' })).toMatchObject({ device: 'webgpu' })
  await driven.works()
  await lose()
  const after = await run(3)
  expect(after).toMatchObject({ device: 'wasm', id: 'int8-wasm' })
  expect(after.decisions).toMatchObject([
    { target: 'webgpu', outcome: 'failed', reason: expect.stringMatching(/^net: the run failed on webgpu \(int8-webgpu\): /) },
    { target: 'wasm', outcome: 'chosen' },
  ])
  for (const { y } of after.results) near(y.data, await native(X))
})

test.each([
  ['webgpu', 'submit'],
  ['webgpu', 'mapAsync'],
  ['webnn-cpu', 'dispatch'],
  ['webnn-cpu', 'readTensor'],
])(
  'a session on %s whose device is lost in the middle of a run, at %s, makes that run and those after it on the next variant',
  async (target, work) => {
    await open()
    const provider = target.split('-')[0]
    expect(await load({ [target]: 'one-row.onnx', wasm: 'one-row.onnx' }, ONE_ROW)).toMatchObject({ device: provider })
    await driven.works()
    await driven.page.evaluate((method) => (globalThis as any).loseAt(method), work)
    const after = await run(3)
    expect(after).toMatchObject({ device: 'wasm', id: 'int8-wasm' })
    expect(after.decisions).toMatchObject([
      { target, outcome: 'failed', reason: expect.stringContaining(`net: the run failed on ${provider} (int8-${target}): `) },
      { target: 'wasm', outcome: 'chosen' },
    ])
    for (const { y } of after.results) near(y.data, await native(X))
    await driven.works()
  },
)

test('a session whose device is lost and that has no other variant says what failed', async () => {
  await open()
  await load({ webgpu: 'model.onnx' })
  await lose()
  expect((await run(1)).results[0].error).toMatchObject({ name: 'RunError', code: 'RUN_FAILED' })
})

test('a session stays where it is when the inputs are at fault', async () => {
  await open()
  const manifest = manifestOf({ webgpu: 'two-rows.onnx', wasm: 'two-rows.onnx' }, {}, TWO_ROWS)
  await driven.load(manifest)
  const [bad, good, device] = await driven.page.evaluate(async () => {
    const { run, tensor } = (globalThis as any).whittle
    const rows = (count: number) => run({ x: tensor(new Float32Array(4 * count).fill(3), [count, 4]) })
    return [await rows(3), await rows(2), (globalThis as any).session.device]
  })
  expect(bad.error).toMatchObject({ code: 'RUN_FAILED' })
  expect(good.y).toMatchObject({ dims: [2, 4], data: [3, 3, 3, 3, 3, 3, 3, 3] })
  expect(device).toBe('webgpu')
})
