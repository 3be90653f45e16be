import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launchBrowser, serveFolder } from '@whittle/browser'

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
  for (const name of names) sessions.push(await ort.InferenceSession.create('/' + name))
  const size = dims.reduce((product, dim) => product * dim, 1)
  const data = Float32Array.from({ length: size }, (_, at) => Math.sin(at))
  const times = sessions.map(() => [])
  for (let round = -warmup; round < rounds; round++)
    for (const [index, session] of sessions.entries()) {
      const start = performance.now()
      await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', data, dims) })
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
    const names = models.map((_, index) => `${index}.onnx`)
    for (const [index, { model }] of models.entries()) await writeFile(join(folder, names[index]!), model)
    const times = await timesOf(folder, names, dims, rounds)
    return new Map(models.map(({ name }, index) => [name, median(times[index]!.map((time, round) => time / times[0]![round]!))]))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
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
