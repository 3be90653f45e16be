import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launchBrowser, serveFolder } from '@whittle/browser'
import { FAMILIES } from '@whittle/tfjs/write'
import { rolldown } from 'rolldown'

/** A model with one float32 input. */
export interface BrowserModel {
  readonly name: string
  readonly model: Uint8Array
}

const PAGE = `<!doctype html><script type="module">
import * as ort from '/ort/ort.wasm.min.mjs'
ort.env.wasm.numThreads = 1
ort.env.wasm.wasmPaths = '/ort/'
window.times = async (names, dims, rounds, warmup) => {
  const sessions = []
  const small = names.some((name) => name.endsWith('.whittle')) ? await import('/tfjs.mjs') : undefined
  if (small) small.env.wasm.wasmPaths = { wasm: '/tfjs.wasm' }
  for (const name of names) {
    const bytes = new Uint8Array(await (await fetch('/' + name)).arrayBuffer())
    const runtime = name.endsWith('.whittle') ? small : ort
    sessions.push({ session: await runtime.InferenceSession.create(bytes), runtime })
  }
  const size = dims.reduce((product, dim) => product * dim, 1)
  const data = Float32Array.from({ length: size }, (_, at) => Math.sin(at))
  const times = sessions.map(() => [])
  for (let round = -warmup; round < rounds; round++)
    for (const [index, { session, runtime }] of sessions.entries()) {
      const start = performance.now()
      await session.run({ [session.inputNames[0]]: new runtime.Tensor('float32', data, dims) })
      if (round >= 0) times[index].push(performance.now() - start)
    }
  return times
}
</script>`

/**
 * Median time of a run as a ratio to the first model's in the same round, by name, in onnxruntime-web's wasm in a headless browser with one
 * thread. A page is cross-origin isolated here, for clocks of 5 microseconds.
 */
export async function browserRatios(
  models: readonly BrowserModel[],
  dims: readonly number[],
  rounds: number,
): Promise<Map<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), 'whittle-bench-'))
  try {
    const runtime = dirname(fileURLToPath(import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm')))
    for (const file of ['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'])
      await cp(join(runtime, file), join(folder, 'ort', file))
    await writeFile(join(folder, 'index.html'), PAGE)
    const names = models.map(({ model }, index) => `${index}.${isWeightFile(model) ? 'whittle' : 'onnx'}`)
    if (names.some((name) => name.endsWith('.whittle'))) await smallRuntime(folder)
    for (const [index, { model }] of models.entries()) await writeFile(join(folder, names[index]!), model)
    const times = await timesOf(folder, names, dims, rounds)
    return new Map(models.map(({ name }, index) => [name, median(times[index]!.map((time, round) => time / times[0]![round]!))]))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function isWeightFile(model: Uint8Array): boolean {
  return new TextDecoder().decode(model.subarray(0, 4)) === 'WHTL'
}

/** The small runtime with every kernel, as a file of its own. */
async function smallRuntime(folder: string): Promise<void> {
  const entry = join(folder, 'entry.mjs')
  const functions = Object.entries(FAMILIES).flatMap(([name, kernels]) => kernels.map((kernel) => `${kernel}: run.${name}`))
  await writeFile(
    entry,
    `import * as run from ${JSON.stringify(fileURLToPath(import.meta.resolve('@whittle/tfjs/run')))}
export const { env, Tensor, InferenceSession } = run.createRuntime({ ${functions.join(', ')} })`,
  )
  const bundle = await rolldown({ input: entry, platform: 'browser' })
  await bundle.write({ file: join(folder, 'tfjs.mjs'), format: 'esm' })
  await bundle.close()
  await cp(fileURLToPath(import.meta.resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm')), join(folder, 'tfjs.wasm'))
}

async function timesOf(folder: string, names: readonly string[], dims: readonly number[], rounds: number): Promise<number[][]> {
  const server = await serveFolder(folder, { isolated: true })
  const browser = await launchBrowser()
  try {
    const page = await browser.newPage()
    await page.goto(server.url)
    await page.waitForFunction(() => 'times' in window)
    return await page.evaluate(([names, dims, rounds]) => (window as any).times(names, dims, rounds, 10) as Promise<number[][]>, [
      names,
      dims,
      rounds,
    ] as const)
  } finally {
    await browser.close()
    await server.close()
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
