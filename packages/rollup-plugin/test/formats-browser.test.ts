import { readFileSync } from 'node:fs'
import { launchBrowser, serveFolder, type Browser } from '@whittle/browser'
import { nativeEngine } from '@whittle/engine'
import { Tensor } from '@whittle/ir'
import { fixture } from '@whittle/testing'
import { readTfliteFile } from '@whittle/tflite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { build, createApp, ENTRY, html } from './app.ts'

const main = (runtime: string): string => `
  import model from './net.tflite?fp32&target=wasm&runtime=${runtime}'
  import { tensor } from '@whittle/runtime'
  globalThis.run = async (name, dims) => {
    const session = await model.load()
    const size = dims.reduce((product, dim) => product * dim, 1)
    const outputs = await session.run({ [name]: tensor(Float32Array.from({ length: size }, (_, index) => Math.sin(index / 7)), dims) })
    return Object.fromEntries(Object.entries(outputs).map(([key, { data }]) => [key, [...data]]))
  }
`

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())

test.each(['onnx', 'tfjs'])(
  'a real TensorFlow Lite model runs in a browser on the runtime %s, from an import',
  async (runtime) => {
    const made = createApp({ 'index.html': html(`/${ENTRY}`), [ENTRY]: main(runtime), 'src/net.tflite': readFileSync(fixture('faces')) })
    try {
      await build('vite8', made)
      const server = await serveFolder(made.at('dist'))
      const page = await browser.newPage()
      try {
        await page.goto(server.url)
        await page.waitForFunction(() => 'run' in globalThis)
        const dims = [1, 24, 24, 3]
        const name = 'rnet/input'
        const given = await page.evaluate(([input, shape]) => (globalThis as any).run(input, shape), [name, dims] as const)
        const session = await nativeEngine().open(readTfliteFile(made.at('src/net.tflite')).model)
        const pixels = Float32Array.from({ length: 24 * 24 * 3 }, (_, index) => Math.sin(index / 7))
        const outputs = await session.run({ [name]: Tensor.float32(dims, pixels) })
        await session.dispose()
        expect(Object.keys(given).sort()).toEqual(Object.keys(outputs).sort())
        for (const [key, tensor] of Object.entries(outputs)) {
          const wanted = tensor.toNumbers()
          const largest = Math.max(...wanted.map(Math.abs))
          wanted.forEach((number, index) => expect(Math.abs(given[key][index] - number)).toBeLessThan(1e-4 * largest))
        }
      } finally {
        await page.close()
        await server.close()
      }
    } finally {
      made.remove()
    }
  },
  120_000,
)
