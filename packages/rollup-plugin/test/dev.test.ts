import { afterEach, describe, expect, test, vi } from 'vitest'
import { whittle } from '../src/index.ts'
import { createApp, ENTRY, html, tinyModel, vite, viteConfig, type App } from './app.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function app(main: string, files: Record<string, string | Uint8Array> = {}): App {
  const made = createApp({ 'index.html': html(`/${ENTRY}`), [ENTRY]: main, 'src/tiny.onnx': tinyModel(), ...files })
  closing.push(() => made.remove())
  return made
}

/** A dev server, and the messages that its pages are sent. */
async function serve(bundler: 'vite7' | 'vite8', made: App, base = '/') {
  const server = await vite(bundler).createServer({
    ...viteConfig(made),
    base,
    logLevel: 'silent',
    plugins: [whittle({ cache: made.at('.cache'), progress: false })],
    server: { port: 0, host: '127.0.0.1', headers: { 'X-Own': 'yes' } },
  })
  await server.listen()
  closing.push(() => server.close())
  const sent: { type: string; err?: { message: string } }[] = []
  const { send } = server.environments.client.hot
  server.environments.client.hot.send = (...args: any[]) => {
    sent.push(args[0])
    return (send as any).apply(server.environments.client.hot, args)
  }
  const address = server.httpServer!.address() as { port: number }
  const url = (path: string) => new URL(path, `http://127.0.0.1:${address.port}`).href
  return { server, sent, url }
}

/** As a browser asks: the page's modules, from the entry on. */
async function visit(url: (path: string) => string, base = '/'): Promise<{ status: number; text: string }> {
  const main = await (await fetch(url(`${base}${ENTRY}`))).text()
  const source = /from ?["']([^"']*\.onnx[^"']*)["']|import ["']([^"']*\.onnx[^"']*)["']/.exec(main)
  if (!source) return { status: 0, text: main }
  const response = await fetch(url(source[1] ?? source[2]!))
  return { status: response.status, text: await response.text() }
}

describe.each(['vite7', 'vite8'] as const)('the dev server of %s', (bundler) => {
  test.each(['/', '/sub/'])('serves artefacts and the runtime from memory, below the base %s', async (base) => {
    const made = app(`import model from './tiny.onnx?int8&target=wasm&runtime=onnx'\nwindow.model = model\n`)
    const { url } = await serve(bundler, made, base)
    const { status, text } = await visit(url, base)
    expect(status).toBe(200)
    const [, artefact] = /"([^"]*@whittle\/[0-9a-f]{16}\/[^"]*\.onnx)"/.exec(text)!
    expect(artefact!.startsWith(base)).toBe(true)
    const response = await fetch(url(artefact!))
    expect(response.status).toBe(200)
    expect(response.headers.get('x-own')).toBe('yes')
    expect((await response.arrayBuffer()).byteLength).toBe(Number(/"bytes":(\d+),"brotli":\d+,"sha256"/.exec(text)![1]))

    const [, runtime] = /from ?"([^"]*virtual:whittle\/runtime\/wasm[^"]*)"/.exec(text)!
    const module = await (await fetch(url(runtime!))).text()
    const files = [...module.matchAll(/"([^"]*@whittle\/ort-[^"]*)"/g)].map(([, path]) => path!)
    expect(files).toHaveLength(2)
    const [wasm, mjs] = await Promise.all(files.map((path) => fetch(url(path))))
    expect(wasm!.headers.get('content-type')).toBe('application/wasm')
    expect((await wasm!.arrayBuffer()).byteLength).toBeGreaterThan(10_000_000)
    expect(mjs!.headers.get('content-type')).toMatch(/javascript/)
    await mjs!.body?.cancel()
    expect((await fetch(url(`${base}@whittle/0000000000000000/none.onnx`))).status).toBe(404)
    expect((await fetch(url(`${base}@whittle/ort-1.0.0/..%2f..%2fpackage.json`))).status).toBe(404)
  })

  test.each(['/', '/sub/'])('shows the report of what has been imported so far, below the base %s', async (base) => {
    const made = app(`import model from './tiny.onnx?fp16&target=wasm&runtime=onnx'\nwindow.model = model\n`)
    const { url } = await serve(bundler, made, base)
    const report = async (at: string) => {
      const response = await fetch(url(at))
      return {
        status: response.status,
        type: response.headers.get('content-type'),
        own: response.headers.get('x-own'),
        text: await response.text(),
      }
    }
    const before = await report(`${base}__whittle/`)
    expect(before).toMatchObject({ status: 200, type: 'text/html; charset=utf-8', own: 'yes' })
    expect(before.text).toContain('No model has been imported yet.')
    await visit(url, base)
    const { text } = await report(`${base}__whittle`)
    expect(text).toContain('tiny.onnx?fp16&amp;runtime=onnx&amp;target=wasm')
    expect(text).toContain('<code>w1</code>')
    // Vite's own client is not in it: the page allows no script but its own.
    expect(text).not.toContain('@vite/client')
  })

  test('writes the types of what a page imports', async () => {
    const made = app(`import model from './tiny.onnx?int8&target=wasm&runtime=onnx'\nwindow.model = model\n`)
    const { url } = await serve(bundler, made)
    await visit(url)
    expect(made.read('whittle-models.d.ts')).toContain(`declare module '*/tiny.onnx?int8&target=wasm&runtime=onnx'`)
  })

  test('imports a model on the server without browser globals', async () => {
    const made = app('', { 'src/server.ts': `export { default as model } from './tiny.onnx?target=wasm;webgpu&runtime=onnx'\n` })
    const { server } = await serve(bundler, made)
    const { model } = await server.ssrLoadModule('/src/server.ts')
    expect(model!.manifest.variants).toHaveLength(2)
    await expect(model!.load()).rejects.toMatchObject({ name: 'UnsupportedError' })
  })

  test('reloads the page when the model, the calibration module or the configuration changes', async () => {
    const samples = (value: number) => `
      import { Tensor } from '@whittle/ir'
      export default { key: 's${value}', async *samples() { yield { inputs: { x: Tensor.float32([1, 8], new Float32Array(8).fill(${value})) } } } }`
    const made = app(`import model from './tiny.onnx?int8&target=wasm&runtime=onnx&calibrate=./samples.ts'\nwindow.model = model\n`, {
      'src/samples.ts': samples(1),
      'whittle.config.ts': `export default {}\n`,
    })
    const { url, sent } = await serve(bundler, made)
    expect((await visit(url)).status).toBe(200)
    const changes: [string, string | Uint8Array][] = [
      ['src/tiny.onnx', tinyModel(5)],
      ['src/samples.ts', samples(2)],
      ['whittle.config.ts', `export default { defaults: 'fp16' }\n`],
    ]
    for (const [file, content] of changes) {
      sent.length = 0
      made.write(file, content)
      await vi.waitFor(() => expect(sent, file).toContainEqual(expect.objectContaining({ type: 'full-reload' })), { timeout: 10_000 })
      const { status, text } = await visit(url)
      expect(status).toBe(200)
      if (file === 'src/tiny.onnx') expect(text).toContain('"dims":["N",5]')
    }
  })

  test('shows the error of a deleted model in the overlay, and recovers when it is back', async () => {
    const made = app(`import model from './tiny.onnx?int8&target=wasm&runtime=onnx'\nwindow.model = model\n`)
    const { url, sent } = await serve(bundler, made)
    expect((await visit(url)).status).toBe(200)

    made.remove('src/tiny.onnx')
    await vi.waitFor(() => expect(sent).toContainEqual(expect.objectContaining({ type: 'full-reload' })), { timeout: 10_000 })
    expect((await visit(url)).status).toBe(500)
    const overlays = sent.filter(({ type }) => type === 'error')
    expect(overlays[0]!.err).toMatchObject({ plugin: 'whittle', id: expect.stringContaining('src/tiny.onnx') })
    const errors = overlays.map(({ err }) => err!.message)
    expect(errors).toEqual([expect.stringContaining(`imported as './tiny.onnx?int8&target=wasm&runtime=onnx' by src/main.ts`)])
    expect(errors[0]).toMatch(/tiny\.onnx/)

    sent.length = 0
    made.write('src/tiny.onnx', tinyModel())
    await vi.waitFor(() => expect(sent).toContainEqual(expect.objectContaining({ type: 'full-reload' })), { timeout: 10_000 })
    expect((await visit(url)).status).toBe(200)
  })

  test('shows the error of a calibration module that throws, and recovers when it is mended', async () => {
    const made = app(`import model from './tiny.onnx?int8&target=wasm&runtime=onnx&calibrate=./samples.ts'\nwindow.model = model\n`, {
      'src/samples.ts': `throw new Error('no pictures here')`,
    })
    const { url, sent } = await serve(bundler, made)
    expect((await visit(url)).status).toBe(500)
    expect(sent.filter(({ type }) => type === 'error').map(({ err }) => err!.message)).toEqual([
      expect.stringContaining('no pictures here'),
    ])
    made.write(
      'src/samples.ts',
      `import { Tensor } from '@whittle/ir'
       export default { key: 's', async *samples() { yield { inputs: { x: Tensor.float32([1, 8], new Float32Array(8)) } } } }`,
    )
    await vi.waitFor(() => expect(sent).toContainEqual(expect.objectContaining({ type: 'full-reload' })), { timeout: 10_000 })
    expect((await visit(url)).status).toBe(200)
  })
})
