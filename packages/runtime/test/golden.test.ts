import { goldenValues, sketch, type Golden, type Manifest } from '@whittle/targets'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { drive, native } from './drive.ts'
import { ONE_ROW, manifestOf } from './host.ts'

const INPUT = { dims: [1, 4], low: -1, high: 1 }

const driven = drive({ webgpu: true, webnn: true })
const { load, works, asked } = driven
let right: Golden

beforeAll(async () => {
  right = { sqnr: 40, outputs: { y: sketch(await native([...goldenValues(INPUT, false, 0)])) } }
})
beforeEach(async () => {
  await driven.open()
})

function checked(targets: string[], golden: Record<string, Golden> = {}): Manifest {
  const manifest = manifestOf(Object.fromEntries(targets.map((target) => [target, 'one-row.onnx'])), { golden: { x: INPUT } }, ONE_ROW)
  return { ...manifest, variants: manifest.variants.map((variant) => ({ ...variant, golden: golden[variant.target] ?? right })) }
}

/** A GPU and a WebNN that take work and do nothing, without an error: what is not written stays zero. */
function breakDevices(): Promise<void> {
  return driven.page.evaluate(() => {
    ;(globalThis as any).GPUComputePassEncoder.prototype.dispatchWorkgroups = () => {}
    ;(globalThis as any).MLContext.prototype.dispatch = () => {}
  })
}

describe('the golden check', () => {
  test.each(['wasm', 'webgpu', 'webnn-cpu'])('lets %s pass, whose answers are right', async (target) => {
    expect(await load(checked([target]))).toMatchObject({ variant: { target }, decisions: [{ outcome: 'chosen' }] })
  })

  test.each(['webgpu', 'webnn-cpu'])('leaves a %s that computes nothing for wasm, says why, and fetches the model once', async (target) => {
    await breakDevices()
    const loaded = await load(checked([target, 'wasm']))
    expect(loaded.device).toBe('wasm')
    expect(loaded.decisions[0]).toMatchObject({
      target,
      outcome: 'failed',
      reason: expect.stringMatching(/^its answer is wrong: 'y' has an SQNR of -?\d+\.\d dB against the build's, expected 40$/),
    })
    expect(asked('.onnx')).toHaveLength(1)
    await works()
  })

  test('is remembered: another load fetches nothing for the device that was wrong', async () => {
    await breakDevices()
    await load(checked(['webgpu', 'wasm']))
    // The model and what was found on both devices are written after the load.
    const kept = () => driven.page.evaluate(async () => (await (await caches.open('whittle')).keys()).length)
    await expect.poll(kept, { timeout: 10_000 }).toBe(3)
    driven.host.requests.length = 0
    await driven.page.reload()
    await driven.page.waitForFunction(() => 'whittle' in globalThis)
    const loaded = await load(checked(['webgpu', 'wasm']))
    expect(loaded.device).toBe('wasm')
    expect(loaded.decisions[0]).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(/ \(found by an earlier load\)$/) })
    expect(asked('.wasm')).toEqual(['/ort/ort-wasm-simd-threaded.wasm'])
    expect(asked('.onnx')).toEqual([])
  })

  test('is not made where the app does not want it', async () => {
    await breakDevices()
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
