import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { launchBrowser, serveFolder, type Browser, type FolderServer, type Page } from '@whittle/browser'
import { nativeEngine } from '@whittle/engine'
import { createRandom, Tensor, type Random, type Tensors } from '@whittle/ir'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build, createApp, ENTRY, html, type App } from './app.ts'

/** Where models run: the name of the tests, the server's headers, `devices` of the load, and the threads beside the page's own. */
const PLACES = [
  ['wasm', 'plain', 'wasm', 0],
  ['wasm with threads', 'isolated', 'wasm', 2],
  ['the small runtime', 'plain', 'tfjs', 0],
  ['WebGPU', 'plain', 'webgpu', 0],
  ['WebNN on the CPU', 'plain', 'webnn-cpu', 0],
] as const

type Device = (typeof PLACES)[number][2]

/** A model that an app imports in some formats and runs in all places. */
export interface MatrixModel {
  /** What the import names, relative to the app's `src`. */
  readonly file: string
  /** The files in `src`, by their paths there. */
  readonly files: Readonly<Record<string, string | Uint8Array>>
  /** Directives beside the format, target and runtime: sizes, samples. */
  readonly query: string
  readonly formats: readonly string[]
  /** Where it has no variant, and why. */
  readonly without?: Partial<Record<Device, string>>
  /** Where the provider's answers are wrong, which the golden check finds, and why: wasm is taken in its place. */
  readonly wrong?: Partial<Record<Device, string>>
  /** The inputs of each run, one after another in a session. */
  readonly runs: (random: Random) => Tensors[]
  /** Outputs that the next run is given, and as what. */
  readonly carry?: Readonly<Record<string, string>>
}

/** Seeded normal numbers. */
export function normal(random: Random, dims: readonly number[]): Tensor {
  return Tensor.float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
  )
}

interface Import {
  /** The model's name and its format. */
  readonly name: string
  readonly model: MatrixModel
  readonly format: string
}

const lacks = ({ without = {} }: MatrixModel, device: Device): boolean => without[device] !== undefined

function main(imports: readonly Import[]): string {
  const lines = imports.flatMap(({ name, format, model }) => {
    const targets = (['wasm', 'webgpu', 'webnn-cpu'] as const).filter((device) => !lacks(model, device)).join(';')
    const query = `./${model.file}?${format}&${model.query}`
    return [
      `import ${name} from '${query}&target=${targets}&runtime=onnx'`,
      lacks(model, 'tfjs') ? `const ${name}_tfjs = undefined` : `import ${name}_tfjs from '${query}&target=wasm&runtime=tfjs'`,
    ]
  })
  return `
  ${lines.join('\n')}
  import { tensor } from '@whittle/runtime'
  const models = { ${imports.flatMap(({ name }) => [name, `${name}_tfjs`]).join(', ')} }
  const made = ({ type, dims, data }) => tensor(type === 'int64' ? BigInt64Array.from(data, BigInt) : Float32Array.from(data), dims)
  globalThis.run = async (name, devices, runs, carry) => {
    const [device] = devices
    const session = await models[device === 'tfjs' ? name + '_tfjs' : name].load({ devices })
    const results = []
    let carried = {}
    for (const inputs of runs) {
      const outputs = await session.run({ ...Object.fromEntries(Object.entries(inputs).map(([key, of]) => [key, made(of)])), ...carried })
      carried = Object.fromEntries(Object.entries(carry).map(([output, input]) => [input, outputs[output]]))
      results.push(Object.fromEntries(Object.entries(outputs).map(([key, { dims, data }]) => [key, { dims: [...dims], data: [...data] }])))
    }
    await session.dispose()
    const { golden } = session.variant
    // What runs on the small runtime has the weights of the file for wasm.
    const { files } = device === 'tfjs' ? models[name].manifest.variants.find(({ provider }) => provider === 'wasm') : session.variant
    return { device: session.device, decisions: session.decisions, sha256: files[0].sha256, checked: golden !== undefined, results }
  }
`
}

/** In a page before its scripts: cores for threads, and a count of the work that the GPU and WebNN were given. */
function watch(): void {
  const page = globalThis as any
  Object.defineProperty(page.Navigator.prototype, 'hardwareConcurrency', { get: () => 6 })
  page.worked = { webgpu: 0, webnn: 0 }
  const count = (device: string, prototype: any, method: string): void => {
    const original = prototype[method]
    prototype[method] = function (...given: unknown[]) {
      page.worked[device]++
      return original.apply(this, given)
    }
  }
  count('webgpu', page.GPUComputePassEncoder.prototype, 'dispatchWorkgroups')
  count('webnn', page.MLContext.prototype, 'dispatch')
}

/** Declares the tests of models: built into an app, run in a browser in all places, beside onnxruntime on the emitted file. */
export function matrix(models: Readonly<Record<string, MatrixModel>>): void {
  const imports = Object.entries(models).flatMap(([name, model]) =>
    model.formats.map((format): Import => ({ name: `${name}_${format}`, format, model })),
  )
  let browser: Browser
  let app: App
  const servers: Record<'isolated' | 'plain', FolderServer> = {} as never

  beforeAll(async () => {
    const files = Object.values(models).flatMap((model) => Object.entries(model.files))
    app = createApp({
      'index.html': html(`/${ENTRY}`),
      [ENTRY]: main(imports),
      ...Object.fromEntries(files.map(([file, content]) => [`src/${file}`, content])),
    })
    await build('vite8', app)
    servers.plain = await serveFolder(app.at('dist'))
    servers.isolated = await serveFolder(app.at('dist'), { isolated: true })
    browser = await launchBrowser({ webgpu: true, webnn: true })
  }, 600_000)
  afterAll(async () => {
    await browser?.close()
    for (const server of Object.values(servers)) await server.close()
    app?.remove()
  })

  /** What onnxruntime gives natively for an emitted file, by its hash. */
  async function wanted(sha256: string, runs: readonly Tensors[], carry: Readonly<Record<string, string>>): Promise<Tensors[]> {
    const emitted = app.files('dist').filter((file) => file.endsWith('.onnx'))
    const contents = emitted.map((file) => readFileSync(app.at(`dist/${file}`)))
    const session = await nativeEngine().open(contents.find((content) => createHash('sha256').update(content).digest('hex') === sha256)!)
    const results: Tensors[] = []
    let carried: Tensors = {}
    for (const inputs of runs) {
      const outputs = await session.run({ ...inputs, ...carried })
      carried = Object.fromEntries(Object.entries(carry).map(([output, input]) => [input, outputs[output]!]))
      results.push(outputs)
    }
    await session.dispose()
    return results
  }

  describe.each(PLACES)('on %s', (_, server, device, workers) => {
    let page: Page
    beforeAll(async () => {
      page = await browser.newPage()
      await page.addInitScript(watch)
      await page.goto(servers[server].url)
      await page.waitForFunction(() => 'run' in globalThis)
    })
    afterAll(() => page?.close())

    test.each(imports.filter(({ model }) => !lacks(model, device)))(
      '$name gives what onnxruntime gives, checked against the build',
      async ({ name, model: { runs: runsOf, carry = {}, wrong = {} } }) => {
        const runs = runsOf(createRandom(name))
        const sent = runs.map((inputs) =>
          Object.fromEntries(
            Object.entries(inputs).map(([key, tensor]) => [key, { type: tensor.type, dims: [...tensor.dims], data: tensor.toNumbers() }]),
          ),
        )
        const [given, worked]: any[] = await page.evaluate(
          async (args) => {
            const { worked, run } = globalThis as any
            Object.assign(worked, { webgpu: 0, webnn: 0 })
            return [await run(...args), worked]
          },
          [name, wrong[device] ? [device, 'wasm'] : [device], sent, carry],
        )
        const [provider] = device.split('-')
        expect(given).toMatchObject({ device: wrong[device] ? 'wasm' : provider, checked: true })
        if (wrong[device])
          expect(given.decisions[0]).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('its answer is wrong') })
        // Not left to the CPU in silence; and no other device is used.
        for (const [key, count] of Object.entries(worked)) expect((count as number) > 0, `${key} computed`).toBe(key === provider)
        expect(page.workers()).toHaveLength(workers)
        const results = await wanted(given.sha256, runs, carry)
        results.forEach((outputs, at) => {
          expect(Object.keys(given.results[at]).sort()).toEqual(Object.keys(outputs).sort())
          for (const [key, tensor] of Object.entries(outputs)) {
            expect(given.results[at][key].dims).toEqual([...tensor.dims])
            expect(sqnr(tensor.toNumbers(), given.results[at][key].data), `${key} of run ${at}`).toBeGreaterThan(60)
          }
        })
      },
      120_000,
    )
  })
}

/** Signal to noise ratio, in dB. */
function sqnr(expected: readonly number[], given: readonly number[]): number {
  let [signal, noise] = [0, 0]
  expected.forEach((value, at) => {
    signal += value ** 2
    noise += (value - given[at]!) ** 2
  })
  return 10 * Math.log10(signal / noise)
}
