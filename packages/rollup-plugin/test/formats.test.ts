import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Model, Tensor } from '@whittle/ir'
import { nativeEngine } from '@whittle/engine'
import { readTfjsFile } from '@whittle/tfjs'
import { readTfliteFile } from '@whittle/tflite'
import { whittle } from '../src/index.ts'
import { build, createApp, ENTRY, html, vite, viteConfig, type App, type Bundler } from './app.ts'

const apps: App[] = []
afterEach(() => apps.splice(0).forEach((app) => app.remove()))

/** A layers model of one Dense layer, 4 numbers to 2. */
const TOPOLOGY = {
  format: 'layers-model',
  modelTopology: {
    class_name: 'Sequential',
    config: {
      name: 'net',
      layers: [
        {
          class_name: 'Dense',
          config: { name: 'dense', units: 2, activation: 'relu', use_bias: false, batch_input_shape: [null, 4], dtype: 'float32' },
        },
      ],
    },
  },
  weightsManifest: [{ paths: ['shard1.bin'], weights: [{ name: 'dense/kernel', shape: [4, 2], dtype: 'float32' }] }],
}

/** A network of the reader's own tests, in which layouts meet. */
function smallTflite(): Uint8Array {
  const lines = readFileSync(new URL('../../tflite/test/fixtures/cases.jsonl', import.meta.url), 'utf8').split('\n')
  const { model } = JSON.parse(lines.find((line) => line.startsWith('{"case": "layouts"'))!) as { model: string }
  return new Uint8Array(Buffer.from(model, 'base64'))
}

const weights = (first: number): Uint8Array => new Uint8Array(Float32Array.of(first, 2, 3, -4, 5, 6, -7, 8).buffer)

function app(main: string): App {
  const made = createApp({
    'index.html': html(`/${ENTRY}`),
    [ENTRY]: `${main}\nglobalThis.shown = model\n`,
    'src/net.json': JSON.stringify(TOPOLOGY),
    'src/shard1.bin': weights(1),
    'src/net.tflite': smallTflite(),
    'src/plain.json': '{"int8": "plain JSON"}',
  })
  apps.push(made)
  return made
}

const emitted = (made: App): string[] => made.files('dist').filter((file) => /\.onnx$/.test(file))

async function run(bytes: Uint8Array | Model, inputs: Record<string, Tensor>): Promise<Record<string, number[]>> {
  const session = await nativeEngine().open(bytes)
  const outputs = await session.run(inputs)
  await session.dispose()
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.toNumbers()]))
}

describe.each<Bundler>(['rollup', 'vite7', 'vite8'])('a build with %s', (bundler) => {
  test('takes a TensorFlow Lite model like an ONNX one', async () => {
    const made = app(`import model from './net.tflite?fp32&target=wasm&runtime=onnx'`)
    await build(bundler, made)
    const [file, ...others] = emitted(made)
    expect(others).toEqual([])
    const { model } = readTfliteFile(made.at('src/net.tflite'))
    const [input] = model.graph.inputs
    const dims = input!.shape as number[]
    const size = dims.reduce((product, dim) => product * dim, 1)
    const inputs = {
      [input!.name]: Tensor.float32(
        dims,
        Float32Array.from({ length: size }, (_, index) => (index % 17) / 17),
      ),
    }
    const [expected, given] = [await run(model, inputs), await run(readFileSync(made.at(`dist/${file}`)), inputs)]
    expect(Object.keys(given)).toEqual(Object.keys(expected))
    for (const [name, numbers] of Object.entries(expected))
      numbers.forEach((number, index) => expect(given[name]![index]).toBeCloseTo(number, 4))
    const types = made.read('whittle-models.d.ts')
    expect(types).toContain(`declare module '*/net.tflite?fp32&target=wasm&runtime=onnx'`)
    expect(types).toContain(JSON.stringify(input!.name))
  }, 60_000)

  test('takes a TensorFlow.js model, watches its weights, and compiles anew when they change', async () => {
    const made = app(`import model from './net.json?fp32&target=wasm&runtime=onnx'`)
    const { watched } = await build(bundler, made)
    expect(watched).toEqual(expect.arrayContaining([made.at('src/net.json'), made.at('src/shard1.bin')]))
    expect(made.read('whittle-models.d.ts')).toContain(`declare module '*/net.json?fp32&target=wasm&runtime=onnx'`)
    const outputs = async (): Promise<number[][]> => {
      const { model } = readTfjsFile(made.at('src/net.json'))
      const inputs = { [model.graph.inputs[0]!.name]: Tensor.float32([1, 4], [1, 2, 3, 4]) }
      return Object.values(await run(readFileSync(made.at(`dist/${emitted(made)[0]}`)), inputs))
    }
    // relu(x W)
    expect(await outputs()).toEqual([[0, 44]])
    made.write('src/shard1.bin', weights(101))
    made.remove('dist')
    await build(bundler, made)
    expect(await outputs()).toEqual([[100 - 6, 44]])
  }, 60_000)

  test('leaves plain JSON to the bundler', async () => {
    const made = app(`import model from './plain.json'`)
    await build(bundler, made, {}).catch((error: unknown) => {
      // Rollup by itself knows no JSON, and says so.
      if (bundler !== 'rollup') throw error
    })
    expect(bundler === 'rollup' ? [] : emitted(made)).toEqual([])
    if (bundler !== 'rollup')
      expect(
        made
          .files('dist')
          .filter((file) => file.endsWith('.js'))
          .map((file) => made.read(`dist/${file}`))
          .join(),
      ).toContain('plain JSON')
  }, 60_000)
})

describe.each(['vite7', 'vite8'] as const)('the dev server of %s', (bundler) => {
  test('serves a TensorFlow.js model, and compiles it anew when its weights change', async () => {
    const made = app(`import model from './net.json?fp32&target=wasm&runtime=onnx'`)
    const server = await vite(bundler).createServer({
      ...viteConfig(made),
      logLevel: 'silent',
      plugins: [whittle({ cache: made.at('.cache'), progress: false })],
      server: { port: 0, host: '127.0.0.1' },
    })
    try {
      await server.listen()
      const { port } = server.httpServer!.address() as { port: number }
      const get = async (path: string): Promise<string> => (await fetch(new URL(path, `http://127.0.0.1:${port}`))).text()
      const hash = async (): Promise<string | undefined> => {
        const [, address] = /from ?["']([^"']*net\.json[^"']*)["']/.exec(await get(`/${ENTRY}`))!
        return /@whittle\/([0-9a-f]{16})\/net\.fp32\.onnx/.exec(await get(address!))?.[1]
      }
      const before = await hash()
      expect(before).toBeDefined()
      made.write('src/shard1.bin', weights(101))
      await vi.waitFor(async () => expect(await hash()).not.toBe(before), { timeout: 20_000, interval: 200 })
    } finally {
      await server.close()
    }
  }, 60_000)
})
