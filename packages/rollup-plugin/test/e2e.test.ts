import { readFileSync, statSync } from 'node:fs'
import { launchBrowser, serveFolder, type Browser, type Page } from '@whittle/browser'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { whittle } from '../src/index.ts'
import { build, createApp, ENTRY, html, openApp, tinyModel, vite, viteConfig, type App } from './app.ts'

const MAIN = `
  import model from './tiny.onnx?int8&target=wasm;webgpu&runtime=onnx'
  import { tensor } from '@whittle/runtime'
  globalThis.run = async (devices, values) => {
    const progress = []
    const session = await model.load({ devices, onProgress: ({ loaded, total }) => progress.push([loaded, total]) })
    const { y } = await session.run({ x: tensor(new Float32Array(values), [values.length / 8, 8]) })
    const { device, variant, decisions, bytes } = session
    await session.dispose()
    return { device, variant, decisions, bytes, progress, y: { ...y, data: [...y.data] } }
  }
`

const VALUES = Array.from({ length: 16 }, (_, index) => Math.sin(index * 7))

let browser: Browser
const closing: (() => unknown)[] = []
beforeAll(async () => {
  browser = await launchBrowser({ webgpu: true })
})
afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await browser?.close()
})

/** The app in a browser, until it can be called. */
async function open(url: string): Promise<{ page: Page; requests: string[]; run: (devices?: string[]) => Promise<any> }> {
  const { page, requests } = await openApp(browser, url)
  const run = (devices?: string[]) => page.evaluate(([names, values]) => (globalThis as any).run(names, values), [devices, VALUES] as const)
  return { page, requests, run }
}

function app(): App {
  const made = createApp({ 'index.html': html(`/${ENTRY}`), [ENTRY]: MAIN, 'src/tiny.onnx': tinyModel() })
  closing.push(() => made.remove())
  return made
}

/** What the emitted model gives in the build's own engine. */
async function expected(model: Uint8Array): Promise<number[]> {
  const session = await InferenceSession.create(model)
  const { y } = await session.run({ x: new Tensor('float32', Float32Array.from(VALUES), [2, 8]) })
  return [...(y!.data as Float32Array)]
}

function closeTo(actual: number[], wanted: number[]): void {
  expect(actual).toHaveLength(wanted.length)
  actual.forEach((value, index) => expect(value).toBeCloseTo(wanted[index]!, 3))
}

const icon = (path: string): boolean => !path.endsWith('favicon.ico')

describe.each([
  ['rollup', '/'],
  ['vite7', '/'],
  ['vite8', '/'],
  ['vite7', './'],
  ['vite8', './'],
] as const)('an app that %s built for the base %s', (bundler, base) => {
  let made: App
  let url: string
  let wanted: number[]
  beforeAll(async () => {
    made = app()
    await build(bundler, made, { base })
    if (bundler === 'rollup') made.write('dist/index.html', html('./main.js'))
    const server = await serveFolder(made.at('dist'))
    closing.push(() => server.close())
    url = server.url
    wanted = await expected(readFileSync(made.at(`dist/${made.files('dist').find((file) => file.endsWith('.onnx'))}`)))
  })

  test.each(['wasm', 'webgpu'])('runs on %s with the numbers of the build, and fetches one model and one runtime', async (device) => {
    const { page, requests, run } = await open(url)
    const before = requests.filter(icon).length
    const result = await run([device])
    expect(result).toMatchObject({ device, y: { type: 'float32', dims: [2, 3] } })
    closeTo(result.y.data, wanted)
    const fetched = requests.filter(icon).slice(before)
    const count = (ending: string) => fetched.filter((path) => path.endsWith(ending)).length
    expect({ onnx: count('.onnx'), wasm: count('.wasm'), mjs: count('.mjs') }).toEqual({ onnx: 1, wasm: 1, mjs: 1 })
    expect(result.bytes).toEqual({ downloaded: result.variant.files[0].bytes, total: result.variant.files[0].bytes })
    const runtime = fetched.find((path) => path.endsWith('.wasm'))!
    const all = result.bytes.total + statSync(made.at(`dist/assets/${runtime.split('/').at(-1)}`)).size
    expect(result.progress.at(-1)).toEqual([all, all])
    await page.close()
  })

  test('has models and runtimes at hand on the second visit', async () => {
    const { page, requests, run } = await open(url)
    await run(['wasm'])
    const kept = () => page.evaluate(async () => (await (await (globalThis as any).caches.open('whittle')).keys()).length)
    // The model, the runtime, and that the check passed.
    await expect.poll(kept).toBe(3)
    requests.length = 0
    await page.reload()
    await page.waitForFunction(() => 'run' in globalThis)
    const again = await run(['wasm'])
    expect(again.bytes.downloaded).toBe(0)
    closeTo(again.y.data, wanted)
    expect(requests.filter((path) => /\.(onnx|wasm)$/.test(path))).toEqual([])
    await page.close()
  })

  test('takes the best device when none is asked for', async () => {
    const { page, run } = await open(url)
    const { device, decisions } = await run()
    expect(device).toBe('webgpu')
    expect(decisions.map(({ outcome }: { outcome: string }) => outcome)).toEqual(['chosen', 'skipped'])
    await page.close()
  })
})

describe.each(['vite7', 'vite8'] as const)('an app on the dev server of %s', (bundler) => {
  test.each([
    ['wasm', '/'],
    ['webgpu', '/'],
    ['wasm', '/sub/'],
  ])('runs on %s below %s with the numbers of the build, without a reload', async (device, base) => {
    const made = app()
    const server = await vite(bundler).createServer({
      ...viteConfig(made),
      base,
      logLevel: 'silent',
      plugins: [whittle({ cache: made.at('.cache'), progress: false })],
      server: { port: 0, host: '127.0.0.1' },
    })
    await server.listen()
    closing.push(() => server.close())
    const { page, requests, run } = await open(new URL(base, server.resolvedUrls!.local[0]).href)
    const result = await run([device])
    expect(result.device).toBe(device)
    const model = requests.find((path) => path.includes('/@whittle/') && path.endsWith('.onnx'))!
    const bytes = await (await fetch(new URL(model, server.resolvedUrls!.local[0]))).arrayBuffer()
    closeTo(result.y.data, await expected(new Uint8Array(bytes)))
    // Vite found nothing to optimize in between, which would have loaded the page a second time.
    expect(requests.filter((path) => path === `${base}${ENTRY}`)).toHaveLength(1)
    expect(requests.filter((path) => path.endsWith('.wasm'))).toHaveLength(1)
    await page.close()
  })
})
