import type { Manifest } from '@whittle/targets'
import { beforeEach, expect, test } from 'vitest'
import { drive } from './drive.ts'
import { MODEL, manifestOf } from './host.ts'

const driven = drive({ webgpu: true })
beforeEach(async () => {
  await driven.open()
})

/** What a session in a worker gives for a run, beside one of the page's own. */
function both(manifest: Manifest): Promise<any> {
  return driven.page.evaluate(async (of) => {
    const { connect, model, tensor } = (globalThis as any).whittle
    const progress: number[][] = []
    const session = await connect(of).load({ onProgress: ({ loaded, total }: any) => progress.push([loaded, total]) })
    const x = tensor(new Float32Array([0.5, -1, 2, 0.25]), [1, 4])
    const [remote, local] = [await session.run({ x }), await (await model(of).load()).run({ x })]
    const plain = ({ y }: any) => ({ ...y, data: [...y.data], array: y.data.constructor.name })
    const { device, decisions, bytes } = session
    await session.dispose()
    const code = await session.run({ x }).catch((error: any) => error.code)
    return { remote: plain(remote), local: plain(local), device, decisions, bytes, progress, code, length: x.data.length }
  }, manifest)
}

test.each(['wasm', 'webgpu'])('a model in a worker gives on %s what it gives on the page', async (target) => {
  const result = await both(manifestOf({ [target]: 'model.onnx' }))
  expect(result.remote).toEqual(result.local)
  expect(result).toMatchObject({
    device: target,
    decisions: [{ outcome: 'chosen' }],
    bytes: { total: MODEL.length },
    code: 'DISPOSED',
    // Copied, not taken away.
    length: 4,
  })
  expect(result.progress.at(-1)).toEqual([MODEL.length, MODEL.length])
})

test('its errors arrive as they were thrown', async () => {
  const errors = await driven.page.evaluate(
    async ([good, bad]) => {
      const { connect, told } = (globalThis as any).whittle
      const caught = (work: Promise<unknown>) => work.catch((error) => ({ ...told(error), is: error instanceof Error }))
      const session = await connect(good).load()
      return [await caught(connect(bad).load()), await caught(session.run({ z: 1 })), await caught(session.run({ x: () => {} }))]
    },
    [manifestOf({ wasm: 'model.onnx' }), manifestOf({ wasm: 'missing.onnx' }, { query: 'fp16' })] as const,
  )
  expect(errors[0]).toMatchObject({
    is: true,
    name: 'LoadError',
    code: 'LOAD_FAILED',
    decisions: [{ outcome: 'failed' }],
    cause: { code: 'HTTP_STATUS' },
  })
  expect(errors[1]).toMatchObject({
    is: true,
    name: 'RunError',
    code: 'INPUT_UNKNOWN',
    message: `net: there is no input 'z'; its inputs are 'x'`,
  })
  expect(errors[2]).toMatchObject({ name: 'DataCloneError' })
})

test('a load in it ends when it is aborted, with the signal’s reason', async () => {
  const [thrown, later] = await driven.page.evaluate(
    async ([slow, good]) => {
      const { connect } = (globalThis as any).whittle
      const controller = new AbortController()
      setTimeout(() => controller.abort(new Error('stopped')), 500)
      const early = connect(slow).load({ signal: controller.signal })
      const text = await early.catch((error: any) => `${error instanceof Error} ${error.message}`)
      return [text, (await connect(good).load()).device]
    },
    [manifestOf({ wasm: 'held.onnx' }), manifestOf({ wasm: 'model.onnx' })] as const,
  )
  expect([thrown, later]).toEqual(['true stopped', 'wasm'])
})

test('a worker whose script is not there is named', async () => {
  const error = await driven.page.evaluate(async () => {
    const { workerModel, told } = (globalThis as any).whittle
    return workerModel(new Worker('/none.js', { type: 'module' }))
      .load()
      .catch(told)
  })
  expect(error).toMatchObject({
    name: 'LoadError',
    code: 'WORKER_FAILED',
    message: expect.stringContaining('its script could not be loaded'),
  })
})
