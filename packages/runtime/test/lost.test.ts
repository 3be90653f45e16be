import { launchBrowser, type Browser, type Page } from '@whittle/browser'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { TWO_ROWS, manifestOf, openPage, startHost, type Host } from './host.ts'

let browser: Browser
let host: Host
let page: Page | undefined

beforeAll(async () => {
  browser = await launchBrowser({ webgpu: true })
  host = await startHost()
})
afterEach(() => page?.close())
afterAll(async () => {
  await browser?.close()
  await host?.close()
})

/** A page that holds on to the devices that it was given. */
async function open(): Promise<Page> {
  return (page = await openPage(browser, host, () => {
    const adapters = (globalThis as any).GPUAdapter.prototype
    const { requestDevice } = adapters
    adapters.requestDevice = async function (...given: unknown[]) {
      const device = await requestDevice.apply(this, given)
      ;((globalThis as any).gpuDevices ??= []).push(device)
      return device
    }
  }))
}

/** Runs the session `calls` times at once. */
function run(calls: number): Promise<any> {
  return page!.evaluate(async (count) => {
    const { run, tensor } = (globalThis as any).whittle
    const x = tensor(new Float32Array([0.5, -1, 2, 0.25]), [1, 4])
    const results = await Promise.all(Array.from({ length: count }, () => run({ x })))
    const { device, variant, decisions } = (globalThis as any).session
    return { results, device, id: variant.id, decisions }
  }, calls)
}

const load = (targets: Record<string, string>): Promise<any> =>
  page!.evaluate((manifest) => (globalThis as any).whittle.load(manifest), manifestOf(targets))

test('a session whose device is lost goes on with the next variant, and says so', async () => {
  await open()
  expect(await load({ webgpu: 'model.onnx', wasm: 'model.onnx' })).toMatchObject({ device: 'webgpu' })
  const before = await run(1)
  await page!.evaluate(() => (globalThis as any).gpuDevices.forEach((device: any) => device.destroy()))
  const after = await run(3)
  expect(after).toMatchObject({ device: 'wasm', id: 'int8-wasm' })
  expect(after.decisions).toMatchObject([
    { target: 'webgpu', outcome: 'failed', reason: expect.stringMatching(/^net: the run failed on webgpu \(int8-webgpu\): /) },
    { target: 'wasm', outcome: 'chosen' },
  ])
  for (const { y } of after.results)
    y.data.forEach((value: number, at: number) => expect(value).toBeCloseTo(before.results[0].y.data[at], 3))
})

test('a session whose device is lost and that has no other variant says what failed', async () => {
  await open()
  await load({ webgpu: 'model.onnx' })
  await page!.evaluate(() => (globalThis as any).gpuDevices.forEach((device: any) => device.destroy()))
  expect((await run(1)).results[0].error).toMatchObject({ name: 'RunError', code: 'RUN_FAILED' })
})

test('a session stays where it is when the inputs are at fault', async () => {
  await open()
  const manifest = manifestOf({ webgpu: 'two-rows.onnx', wasm: 'two-rows.onnx' }, {}, TWO_ROWS)
  await page!.evaluate((of) => (globalThis as any).whittle.load(of), manifest)
  const [bad, good, device] = await page!.evaluate(async () => {
    const { run, tensor } = (globalThis as any).whittle
    const rows = (count: number) => run({ x: tensor(new Float32Array(4 * count).fill(3), [count, 4]) })
    return [await rows(3), await rows(2), (globalThis as any).session.device]
  })
  expect(bad.error).toMatchObject({ code: 'RUN_FAILED' })
  expect(good.y).toMatchObject({ dims: [2, 4], data: [3, 3, 3, 3, 3, 3, 3, 3] })
  expect(device).toBe('webgpu')
})
