import { describe, expect, test } from 'vitest'
import type { Golden, Manifest } from '@whittle/targets'
import { drive } from './drive.ts'
import { held, MODEL } from './answers.ts'
import { manifestOf, runtimeFiles } from './host.ts'
import type { Changes } from './page.ts'

const driven = drive({ webgpu: true, webnn: true })
const { open, load, works, asked } = driven

const WASM = manifestOf({ wasm: 'model.onnx' })

/** A manifest whose variants have a golden check, which is never got to the end of here. */
function checked(manifest: Manifest): Manifest {
  const golden: Golden = { sqnr: 40, outputs: { y: [1, 2, 3] } }
  const variants = manifest.variants.map((variant) => ({ ...variant, golden }))
  return { ...manifest, golden: { x: { dims: [1, 4], low: -1, high: 1 } }, variants }
}

/** Aborts a load as soon as `reached` holds, and gives what it ended with. */
async function abortedAt(reached: () => Promise<unknown> | unknown, manifest: Manifest, changes?: Changes): Promise<any> {
  const loading = load(manifest, {}, changes)
  await expect.poll(reached, { timeout: 30_000 }).toBeTruthy()
  await driven.page.evaluate(() => (globalThis as any).stop())
  return loading
}

/** Whether a page's function that never answers was called. */
const hangs = () => driven.page.evaluate(() => (globalThis as any).hangs)
const received = () => driven.page.evaluate(() => (globalThis as any).progress.at(-1)?.[0] > 0)

const stopped = { error: { name: 'Error', message: 'stopped' } }

describe('an aborted load rejects with the signal’s reason, and another one works', () => {
  test('before it begins', async () => {
    await open()
    expect(await load(WASM, { aborted: true })).toMatchObject(stopped)
    expect(asked('.onnx')).toEqual([])
    await load(WASM)
    await works()
  })

  test.each([
    ['WebGPU', 'GPU', 'requestAdapter', 'webgpu'],
    ['WebNN', 'ML', 'createContext', 'webnn-cpu'],
  ])('while it looks for %s', async (_, api, method, target) => {
    await open()
    await driven.page.evaluate(
      ([name, member]) => {
        ;(globalThis as any)[name!].prototype[member!] = () => new Promise(() => ((globalThis as any).hangs = true))
      },
      [api, method] as const,
    )
    expect(await abortedAt(hangs, manifestOf({ [target]: 'model.onnx', wasm: 'model.onnx' }))).toMatchObject(stopped)
    expect(asked('.onnx')).toEqual([])
    await load(WASM)
    await works()
  })

  test.each([
    ['for what was found before', checked(WASM)],
    ['for the model', WASM],
  ])('while it looks in the Cache %s', async (_, manifest) => {
    await open()
    await driven.page.evaluate(() => {
      const { open } = caches
      caches.open = () => new Promise(() => ((globalThis as any).hangs = true))
      Object.assign(globalThis, { mend: () => void (caches.open = open) })
    })
    expect(await abortedAt(hangs, manifest)).toMatchObject(stopped)
    expect(asked('.onnx')).toEqual([])
    await driven.page.evaluate(() => (globalThis as any).mend())
    await load(WASM)
    await works()
  })

  test('while the host says nothing', async () => {
    await open()
    expect(await abortedAt(() => asked('silent.onnx').length, manifestOf({ wasm: 'silent.onnx' }))).toMatchObject(stopped)
    await load(WASM)
    await works()
  })

  test('while the model is fetched, which ends the download', async () => {
    await open()
    const { error, progress } = await abortedAt(received, manifestOf({ wasm: 'held.onnx' }))
    expect({ error }).toMatchObject(stopped)
    expect(progress.at(-1)[0]).toBeLessThan(MODEL.length)
    await expect.poll(() => driven.host.ended).toEqual(['/models/held.onnx'])
    await load(WASM)
    await works()
  })

  test('while the runtime’s JavaScript is fetched', async () => {
    await open()
    expect(await abortedAt(hangs, WASM, { never: true })).toMatchObject(stopped)
    await load(WASM)
    await works()
  })

  test('while the runtime’s WebAssembly is fetched', async () => {
    await open()
    const files = runtimeFiles()
    expect(await abortedAt(() => asked('.wasm').length, WASM, { files, wasm: '/models/held.wasm' })).toMatchObject(stopped)
    // Other loads wait for the same download, so it goes on.
    const loading = load(WASM, {}, { files })
    held.splice(0).forEach((release) => release())
    await loading
    await works()
    expect(asked('.wasm')).toEqual(['/models/held.wasm'])
  })

  test('while the session is made', async () => {
    await open()
    expect(await abortedAt(() => asked('silent.wasm').length, WASM, { wasm: '/models/silent.wasm' })).toMatchObject(stopped)
  })

  test('while its answers are checked', async () => {
    await open()
    await driven.page.evaluate(() => {
      ;(globalThis as any).GPUBuffer.prototype.mapAsync = () => new Promise(() => ((globalThis as any).hangs = true))
    })
    expect(await abortedAt(hangs, checked(manifestOf({ webgpu: 'model.onnx' })))).toMatchObject(stopped)
    await load(WASM)
    await works()
  })
})

test('an abort after the load changes nothing', async () => {
  await open()
  await load(WASM)
  await driven.page.evaluate(() => (globalThis as any).stop())
  await works()
})
