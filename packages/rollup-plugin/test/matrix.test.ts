import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { launchBrowser, serveFolder, type Browser, type FolderServer } from '@whittle/browser'
import { createRandom } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { cut, fixture } from '@whittle/testing'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build, createApp, ENTRY, html, type App } from './app.ts'

/** Real models: one whole, of the others what a GPU made of software runs in a second. By name: bytes, and the dims of the input `x`. */
const MODELS: Record<string, { bytes: Uint8Array; dims: number[] }> = {
  direction: { bytes: readFileSync(fixture('direction')), dims: [1, 3, 48, 192] },
  detector: { bytes: writeOnnx(cut(fixture('detector'), 'Conv', 8)), dims: [1, 3, 64, 64] },
  recogniser: { bytes: writeOnnx(cut(fixture('recogniser'), 'Conv', 8)), dims: [1, 3, 48, 64] },
}

const FORMATS = ['int8', 'fp16']
const IMPORTS = Object.entries(MODELS).flatMap(([name, { dims }]) => FORMATS.map((format) => ({ name, format, dims })))

const MAIN = `
  import { tensor } from '@whittle/runtime'
  ${IMPORTS.map(({ name, format, dims }) => `import ${name}_${format} from './${name}.onnx?${format}&input=${dims.join('x')}&target=wasm;webgpu;webnn-cpu&runtime=onnx'`).join('\n')}
  ${IMPORTS.map(({ name, format, dims }) => `import ${name}_${format}_tfjs from './${name}.onnx?${format}&input=${dims.join('x')}&target=wasm&runtime=tfjs'`).join('\n')}
  const models = { ${IMPORTS.flatMap(({ name, format }) => [`${name}_${format}`, `${name}_${format}_tfjs`]).join(', ')} }
  globalThis.run = async (name, device, values, dims) => {
    const session = await models[device === 'tfjs' ? name + '_tfjs' : name].load({ devices: [device] })
    const [y] = Object.values(await session.run({ x: tensor(new Float32Array(values), dims) }))
    await session.dispose()
    const { golden } = session.variant
    // What runs on the small runtime has the weights of the file for wasm.
    const { files } = device === 'tfjs' ? models[name].manifest.variants.find(({ provider }) => provider === 'wasm') : session.variant
    return { device: session.device, sha256: files[0].sha256, checked: golden !== undefined, y: [...y.data] }
  }
`

let browser: Browser
let app: App
const servers: Record<'isolated' | 'plain', FolderServer> = {} as never
beforeAll(async () => {
  const files = Object.fromEntries(Object.entries(MODELS).map(([name, { bytes }]) => [`src/${name}.onnx`, bytes]))
  app = createApp({ 'index.html': html(`/${ENTRY}`), [ENTRY]: MAIN, ...files })
  await build('vite8', app)
  servers.plain = await serveFolder(app.at('dist'))
  servers.isolated = await serveFolder(app.at('dist'), { isolated: true })
  browser = await launchBrowser({ webgpu: true, webnn: true })
})
afterAll(async () => {
  await browser?.close()
  for (const server of Object.values(servers)) await server.close()
  app?.remove()
})

/** What onnxruntime gives natively for an emitted file, by its hash. */
async function wanted(sha256: string, x: Float32Array, dims: number[]): Promise<Float32Array> {
  const emitted = app
    .files('dist')
    .filter((file) => file.endsWith('.onnx'))
    .map((file) => readFileSync(app.at(`dist/${file}`)))
  const bytes = emitted.find((content) => createHash('sha256').update(content).digest('hex') === sha256)
  const session = await InferenceSession.create(bytes!)
  const [y] = Object.values(await session.run({ x: new Tensor('float32', x, dims) }))
  return y!.data as Float32Array
}

describe.each([
  ['wasm', 'plain', 'wasm', 0],
  ['wasm with threads', 'isolated', 'wasm', 2],
  ['the small runtime', 'plain', 'tfjs', 0],
  ['WebGPU', 'plain', 'webgpu', 0],
  ['WebNN on the CPU', 'plain', 'webnn-cpu', 0],
] as const)('on %s', (_, server, device, workers) => {
  test.each(IMPORTS)('$name in $format passes its golden check and gives what onnxruntime gives', async ({ name, format, dims }) => {
    const page = await browser.newPage()
    await page.addInitScript(
      () => void Object.defineProperty((globalThis as any).Navigator.prototype, 'hardwareConcurrency', { get: () => 6 }),
    )
    await page.goto(servers[server].url)
    await page.waitForFunction(() => 'run' in globalThis)
    const random = createRandom(name)
    const x = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => random.normal())
    const given: any = await page.evaluate((args) => (globalThis as any).run(...args), [`${name}_${format}`, device, [...x], dims])
    expect(page.workers()).toHaveLength(workers)
    await page.close()
    expect(given).toMatchObject({ device: device.split('-')[0], checked: true })
    const expected = await wanted(given.sha256, x, dims)
    let [signal, noise] = [0, 0]
    expect(given.y).toHaveLength(expected.length)
    expected.forEach((value, at) => {
      signal += value ** 2
      noise += (value - given.y[at]) ** 2
    })
    expect(10 * Math.log10(signal / noise)).toBeGreaterThan(60)
  })
})
