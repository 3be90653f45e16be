import { launchBrowser, type Browser, type Page } from '@whittle/browser'
import { goldenValues, sketch, type Golden, type Manifest } from '@whittle/targets'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest'
import { MODEL, manifestOf, openPage, startHost, type Host } from './host.ts'

const INPUT = { dims: [2, 4], low: -1, high: 1 }

let browser: Browser
let host: Host
let page: Page
let right: Golden

beforeAll(async () => {
  browser = await launchBrowser({ webgpu: true })
  host = await startHost()
  const x = new Tensor('float32', Float32Array.from(goldenValues(INPUT, false, 0)), INPUT.dims)
  const { y } = await (await InferenceSession.create(MODEL)).run({ x })
  right = { sqnr: 40, outputs: { y: sketch(y!.data as Float32Array) } }
})
beforeEach(async () => {
  page = await openPage(browser, host)
})
afterEach(async () => {
  await page.close()
  host.requests.length = 0
})
afterAll(async () => {
  await browser?.close()
  await host?.close()
})

function checked(targets: string[], golden: Record<string, Golden> = {}): Manifest {
  const manifest = manifestOf(Object.fromEntries(targets.map((target) => [target, 'model.onnx'])), { golden: { x: INPUT } })
  return { ...manifest, variants: manifest.variants.map((variant) => ({ ...variant, golden: golden[variant.target] ?? right })) }
}

function load(manifest: Manifest, options: object = {}): Promise<any> {
  return page.evaluate(([m, o]) => (globalThis as any).whittle.load(m, o), [manifest, options] as const)
}

/** A GPU that takes work and does nothing, without an error: what is not written stays zero. */
function breakGpu(): Promise<void> {
  return page.evaluate(() => void ((globalThis as any).GPUComputePassEncoder.prototype.dispatchWorkgroups = () => {}))
}

const asked = (ending: string): string[] => host.requests.filter((path) => path.endsWith(ending))

describe('the golden check', () => {
  test.each(['wasm', 'webgpu'])('lets %s pass, whose answers are right', async (device) => {
    expect(await load(checked([device]))).toMatchObject({ device, decisions: [{ outcome: 'chosen' }] })
  })

  test('leaves a GPU that computes nothing for wasm, says why, and fetches the model once', async () => {
    await breakGpu()
    const loaded = await load(checked(['webgpu', 'wasm']))
    expect(loaded.device).toBe('wasm')
    expect(loaded.decisions[0]).toMatchObject({
      target: 'webgpu',
      outcome: 'failed',
      reason: expect.stringMatching(/^its answer is wrong: 'y' has an SQNR of -?\d+\.\d dB against the build's, expected 40$/),
    })
    expect(asked('.onnx')).toHaveLength(1)
  })

  test('is remembered: another load fetches nothing for the device that was wrong', async () => {
    await breakGpu()
    await load(checked(['webgpu', 'wasm']))
    host.requests.length = 0
    await page.reload()
    await page.waitForFunction(() => 'whittle' in globalThis)
    const loaded = await load(checked(['webgpu', 'wasm']))
    expect(loaded.device).toBe('wasm')
    expect(loaded.decisions[0]).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(/ \(found by an earlier load\)$/) })
    expect(asked('.wasm')).toEqual(['/ort/ort-wasm-simd-threaded.wasm'])
    expect(asked('.onnx')).toEqual([])
  })

  test('is not made where the app does not want it', async () => {
    await breakGpu()
    expect(await load(checked(['webgpu', 'wasm']), { check: false })).toMatchObject({ device: 'webgpu' })
  })

  test('names a model that is wrong everywhere, and loads nothing that is', async () => {
    const wrong: Golden = { ...right, outputs: { y: right.outputs['y']!.map((value) => -value) } }
    const { error } = await load(checked(['wasm'], { wasm: wrong }))
    expect(error).toMatchObject({ code: 'LOAD_FAILED', cause: { name: 'LoadError', code: 'WRONG_ANSWER' } })
    expect(error.message).toMatch(/int8-wasm: failed: its answer is wrong: 'y' has an SQNR of -6\.0 dB/)
  })

  test('names an output that is missing or has another size', async () => {
    const others: Golden['outputs'][] = [{ z: right.outputs['y']! }, { y: right.outputs['y']!.slice(1) }]
    for (const outputs of others) {
      const { error } = await load(checked(['wasm'], { wasm: { sqnr: 40, outputs } }))
      expect(error.cause).toMatchObject({ code: 'WRONG_ANSWER', message: expect.stringContaining('an SQNR of NaN dB') })
    }
  })
})
