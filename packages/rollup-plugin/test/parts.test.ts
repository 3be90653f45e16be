import { readFileSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { launchBrowser, serveFolder, type Browser, type FolderServer } from '@whittle/browser'
import { nativeEngine } from '@whittle/engine'
import { createRandom, Tensor } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { buildModel } from '@whittle/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build, createApp, ENTRY, html, openApp, type App, type Bundler } from './app.ts'

/** A model of 1.8 MB in fp32, quick on a GPU made of software. */
const WIDE = writeOnnx(
  buildModel((b) => {
    const hidden = b.node('Relu', [b.node('MatMul', [b.input('x', [1, 8]), b.weight('w1', [8, 40_000])])])
    b.output(b.node('MatMul', [hidden, b.weight('w2', [40_000, 3])]), 'y')
  }, 'wide'),
)

const MAIN = `
  import model from './wide.onnx?fp32&target=wasm;webgpu&runtime=onnx'
  import small from './wide.onnx?fp32&target=wasm&runtime=tfjs'
  import { tensor } from '@whittle/runtime'
  globalThis.run = async (name, devices, x) => {
    const progress = []
    const onProgress = ({ loaded, total }) => progress.push([loaded, total])
    try {
      const session = await (name === 'small' ? small : model).load({ devices, onProgress })
      const { y } = await session.run({ x: tensor(new Float32Array(x), [1, 8]) })
      return { device: session.device, bytes: session.bytes, y: [...y.data], progress }
    } catch ({ code, message, cause }) {
      return { code, message, cause: cause?.code }
    }
  }
`

const random = createRandom('parts')
const x = Array.from({ length: 8 }, () => random.normal())
/** Less than the model and than every runtime but the small one. */
const MAX_FILE = 1_000_000

let browser: Browser
let wanted: number[]
beforeAll(async () => {
  browser = await launchBrowser({ webgpu: true })
  const session = await nativeEngine().open(WIDE)
  wanted = (await session.run({ x: Tensor.float32([1, 8], x) }))['y']!.toNumbers()
  await session.dispose()
})
afterAll(() => browser?.close())

const BUNDLERS: Bundler[] = ['vite8', 'rollup']

describe.each(BUNDLERS)('an app built by %s for a host that takes no file above a megabyte', (bundler) => {
  let app: App
  let server: FolderServer
  beforeAll(async () => {
    app = createApp({ 'index.html': html(`/${ENTRY}`), [ENTRY]: MAIN, 'src/wide.onnx': WIDE })
    await build(bundler, app, { maxFile: MAX_FILE })
    if (bundler === 'rollup') app.write('dist/index.html', html('/main.js'))
    server = await serveFolder(app.at('dist'))
  }, 300_000)
  afterAll(async () => {
    await server?.close()
    app?.remove()
  })

  test('has no file above it, and parts of the model and of the runtimes', () => {
    const files = app.files('dist')
    for (const file of files) expect(statSync(app.at(`dist/${file}`)).size, file).toBeLessThanOrEqual(MAX_FILE)
    const count = (pattern: RegExp): number => files.filter((file) => pattern.test(file)).length
    expect(count(/wide\.fp32\.part\d.*\.onnx$/)).toBe(2)
    expect(count(/threaded\.part\d+.*\.wasm$/)).toBe(15)
    expect(count(/asyncify\.part\d+.*\.wasm$/)).toBe(27)
    expect(count(/tfjs-backend-wasm-simd-[^.]+\.wasm$/)).toBe(1)
  })

  test.each([
    ['model', 'wasm', true],
    ['model', 'webgpu', true],
    ['model', 'webgpu', false],
    ['small', 'tfjs', true],
  ])('the %s runs on %s, with promise integration: %s', async (name, device, integration) => {
    const context = await browser.newContext()
    if (!integration) await context.addInitScript(() => void delete (globalThis as any).WebAssembly.Suspending)
    const { page, requests } = await openApp(context as unknown as Browser, server.url)
    const call = (): Promise<any> => page.evaluate((given) => (globalThis as any).run(...given), [name, [device], x] as const)
    const first = await call()
    expect(first).toMatchObject({ device, bytes: { downloaded: first.bytes.total } })
    first.y.forEach((value: number, at: number) => expect(value).toBeCloseTo(wanted[at]!, 3))
    const parts = requests.filter((file) => /\.part\d+/.test(file))
    expect(new Set(parts).size).toBe(parts.length)
    expect(parts.some((file) => file.includes('asyncify'))).toBe(!integration)
    expect(first.progress.every(([loaded]: number[], at: number) => loaded! >= (first.progress[at - 1]?.[0] ?? 0))).toBe(true)
    const [loaded, total] = first.progress.at(-1)
    expect(loaded).toBe(total)

    // Everything is kept: another visit asks for neither the model nor the runtime.
    const kept = () => page.evaluate(async () => (await (await (globalThis as any).caches.open('whittle')).keys()).length)
    const files = new Set([...parts, ...requests.filter((file) => /\.(onnx|wasm|whittle)$/.test(file))])
    // And that the check passed.
    await expect.poll(kept, { timeout: 20_000 }).toBe(files.size + 1)
    await page.reload()
    await page.waitForFunction(() => 'run' in globalThis)
    expect((await call()).bytes.downloaded).toBe(0)
    await context.close()
  })

  test('has threads in wasm', async () => {
    const isolated = await serveFolder(app.at('dist'), { isolated: true })
    const context = await browser.newContext()
    await context.addInitScript(
      () => void Object.defineProperty((globalThis as any).Navigator.prototype, 'hardwareConcurrency', { get: () => 6 }),
    )
    const { page } = await openApp(context as unknown as Browser, isolated.url)
    const { device, y }: any = await page.evaluate((given) => (globalThis as any).run(...given), ['model', ['wasm'], x] as const)
    expect(device).toBe('wasm')
    y.forEach((value: number, at: number) => expect(value).toBeCloseTo(wanted[at]!, 3))
    expect(page.workers()).toHaveLength(2)
    await context.close()
    await isolated.close()
  })

  test('names a part that was not deployed, and loads when it is', async () => {
    const [part] = app.files('dist').filter((file) => /wide\.fp32\.part2/.test(file))
    const content = readFileSync(app.at(`dist/${part}`))
    rmSync(app.at(`dist/${part}`))
    const { page } = await openApp(browser, server.url)
    const failed: any = await page.evaluate((given) => (globalThis as any).run(...given), ['model', undefined, x] as const)
    expect(failed).toMatchObject({ code: 'LOAD_FAILED', cause: 'HTTP_STATUS' })
    expect(failed.message).toContain(`${path.basename(part!)} answered 404; is wide.fp32.part2.onnx deployed there?`)
    app.write(`dist/${part}`, content)
    const again: any = await page.evaluate((given) => (globalThis as any).run(...given), ['model', ['wasm'], x] as const)
    expect(again).toMatchObject({ device: 'wasm' })
    await page.close()
  })
})
