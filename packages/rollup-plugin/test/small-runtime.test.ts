import { launchBrowser, serveFolder, type Browser, type Page } from '@whittle/browser'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { whittle } from '../src/index.ts'
import { build, createApp, ENTRY, html, openApp, tinyModel, vite, viteConfig, type App } from './app.ts'

const MAIN = `
  import model from './tiny.onnx'
  import { tensor } from '@whittle/runtime'
  globalThis.run = async (values) => {
    const session = await model.load()
    const { y } = await session.run({ x: tensor(new Float32Array(values), [values.length / 8, 8]) })
    const { device, variant, decisions, bytes } = session
    await session.dispose()
    return { device, variant, decisions, bytes, y: { ...y, data: [...y.data] } }
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

function app(): App {
  const made = createApp({ 'index.html': html(`/${ENTRY}`), [ENTRY]: MAIN, 'src/tiny.onnx': tinyModel() })
  closing.push(() => made.remove())
  return made
}

async function open(url: string): Promise<{ page: Page; requests: string[]; run: () => Promise<any> }> {
  const { page, requests } = await openApp(browser, url)
  return { page, requests, run: () => page.evaluate((values) => (globalThis as any).run(values), VALUES) }
}

async function expectAnswer({ y }: any): Promise<void> {
  const session = await InferenceSession.create(tinyModel())
  const wanted = (await session.run({ x: new Tensor('float32', Float32Array.from(VALUES), [2, 8]) }))['y']!
  expect(y).toMatchObject({ type: 'float32', dims: [2, 3] })
  y.data.forEach((value: number, index: number) => expect(value).toBeCloseTo((wanted.data as Float32Array)[index]!, 4))
}

const ending = (requests: string[], end: string): number => requests.filter((path) => path.endsWith(end)).length

describe.each(['rollup', 'vite7', 'vite8'] as const)('an import without directives that %s built', (bundler) => {
  let url: string
  let made: App
  beforeAll(async () => {
    made = app()
    await build(bundler, made, {})
    if (bundler === 'rollup') made.write('dist/index.html', html('./main.js'))
    const server = await serveFolder(made.at('dist'))
    closing.push(() => server.close())
    url = server.url
  })

  test('runs on the small runtime, though there is a GPU, and fetches nothing of onnxruntime', async () => {
    const { page, requests, run } = await open(url)
    const result = await run()
    expect(result).toMatchObject({
      device: 'tfjs',
      variant: { id: 'fp32-tfjs', target: 'wasm' },
      decisions: [{ outcome: 'chosen' }, { outcome: 'skipped' }],
    })
    await expectAnswer(result)
    expect({ whittle: ending(requests, '.whittle'), wasm: ending(requests, '.wasm'), onnx: ending(requests, '.onnx') }).toEqual({
      whittle: 1,
      wasm: 1,
      onnx: 0,
    })
    expect(requests.filter((path) => /ort[-.]/.test(path))).toEqual([])
    await page.close()
  })

  test('fetches neither weights nor WebAssembly on the second visit', async () => {
    const { page, requests, run } = await open(url)
    await run()
    const kept = () => page.evaluate(async () => (await (await (globalThis as any).caches.open('whittle')).keys()).length)
    await expect.poll(kept).toBe(3)
    requests.length = 0
    await page.reload()
    await page.waitForFunction(() => 'run' in globalThis)
    const again = await run()
    expect(again.bytes.downloaded).toBe(0)
    await expectAnswer(again)
    expect(ending(requests, '.whittle') + ending(requests, '.wasm')).toBe(0)
    await page.close()
  })

  test('takes in the functions of the kernels that it names, and no others', () => {
    const scripts = made.files('dist').filter((file) => file.endsWith('.js'))
    const code = scripts.map((file) => made.read(`dist/${file}`)).join('\n')
    expect(code).toContain('_FusedMatMul')
    expect(code).not.toContain('ResizeBilinear')
    expect(code).not.toContain('IntArithmetic')
  })
})

test.each(['vite7', 'vite8'] as const)(
  'an import without directives runs on the small runtime on the dev server of %s',
  async (bundler) => {
    const made = app()
    const server = await vite(bundler).createServer({
      ...viteConfig(made),
      logLevel: 'silent',
      plugins: [whittle({ cache: made.at('.cache'), progress: false })],
      server: { port: 0, host: '127.0.0.1' },
    })
    await server.listen()
    closing.push(() => server.close())
    const { page, requests, run } = await open(server.resolvedUrls!.local[0]!)
    const result = await run()
    expect(result.device).toBe('tfjs')
    await expectAnswer(result)
    expect(requests.filter((path) => path === `/${ENTRY}`)).toHaveLength(1)
    expect(ending(requests, '.wasm')).toBe(1)
    await page.close()
  },
)
