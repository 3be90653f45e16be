import { launchBrowser, serveFolder, type Browser, type FolderServer, type Page } from '@whittle/browser'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { build, createApp, ENTRY, html, openApp, tinyModel, type App } from './app.ts'

/** An app that holds on to its session, and says what a load or a run gave. */
const MAIN = `
  import model from './tiny.onnx?int8&target=wasm&runtime=onnx'
  import { tensor } from '@whittle/runtime'
  let session
  globalThis.load = async () => {
    try {
      session = await model.load()
      return { bytes: session.bytes }
    } catch ({ code, message, cause }) {
      return { code, message, cause: cause?.code }
    }
  }
  globalThis.run = async () => [...(await session.run({ x: tensor(new Float32Array(8).fill(0.5), [1, 8]) })).y.data]
`

let browser: Browser
let app: App
let server: FolderServer
beforeAll(async () => {
  app = createApp({ 'index.html': html(`/${ENTRY}`), [ENTRY]: MAIN, 'src/tiny.onnx': tinyModel(3) })
  await build('vite8', app)
  server = await serveFolder(app.at('dist'))
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
  app?.remove()
})

const call = (page: Page, name: 'load' | 'run'): Promise<any> => page.evaluate((member) => (globalThis as any)[member](), name)

test('a page of the old build runs on and loads what it has kept when another is deployed in its place; one that has kept nothing says what is gone', async () => {
  const { page: loaded } = await openApp(browser, server.url)
  const { page: opened } = await openApp(browser, server.url)
  // Has the runtime's JavaScript, and neither the model nor the runtime's WebAssembly.
  const { page: started } = await openApp(browser, server.url)
  await started.route(/\.onnx$/, (route) => route.abort())
  expect(await call(started, 'load')).toMatchObject({ code: 'LOAD_FAILED', cause: 'NETWORK' })
  await started.unroute(/\.onnx$/)
  expect((await call(loaded, 'load')).bytes.downloaded).toBeGreaterThan(0)
  const old: number[] = await call(loaded, 'run')
  expect(old).toHaveLength(3)
  // The model, the runtime, and that the check passed.
  const kept = () => loaded.evaluate(async () => (await (await (globalThis as any).caches.open('whittle')).keys()).length)
  await expect.poll(kept).toBe(3)

  app.write('src/tiny.onnx', tinyModel(5))
  const before = app.files('dist')
  await build('vite8', app)
  const gone = before.filter((file) => !app.files('dist').includes(file))
  expect(gone.some((file) => file.endsWith('.onnx'))).toBe(true)

  expect(await call(loaded, 'run')).toEqual(old)
  expect((await call(loaded, 'load')).bytes.downloaded).toBe(0)
  expect(await call(loaded, 'run')).toEqual(old)

  for (const page of [opened, started]) {
    const failed = await call(page, 'load')
    expect(failed).toMatchObject({ code: 'LOAD_FAILED', cause: 'HTTP_STATUS' })
    expect(failed.message).toMatch(
      /^tiny: no variant could be started on this device\n {2}int8-wasm: failed: \/assets\/tiny\.int8-[\w-]+\.onnx answered 404; is tiny\.int8\.onnx deployed there\?$/,
    )
    await page.reload()
    await page.waitForFunction(() => 'run' in globalThis)
    expect((await call(page, 'load')).bytes.downloaded).toBeGreaterThan(0)
    expect(await call(page, 'run')).toHaveLength(5)
  }
})
