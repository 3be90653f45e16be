import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { lower, weightFile } from '@whittle/compiler'
import { brotliSize, gzipSize, nativeEngine } from '@whittle/engine'
import { type Context, type Model, type Transform, compress, createRandom, silentLogger } from '@whittle/ir'
import { readOnnxFile, writeOnnx } from '@whittle/ir/onnx'
import { float16, quantize } from '@whittle/quantize'
import { simplify } from '@whittle/simplify'
import { RUNTIME_BROTLI, wasm } from '@whittle/targets'
import { whyNoProgram } from '@whittle/tfjs/write'
import { parse } from 'csv-parse/sync'
import type { Bench, Row } from '../bench.ts'
import { tasks } from '../tasks/index.ts'
import type { Task } from '../tasks/task.ts'
import { plotWire } from '../wire/plot.ts'

/** Weights alone, without data: what is compared is what they take, not how well they are rounded. */
const FORMS: Readonly<Record<string, readonly Transform[]>> = {
  fp32: [],
  fp16: [float16()],
  int8: [quantize({ bits: 8, activations: null })],
  'bits=6': [quantize({ bits: 6, activations: null })],
  'bits=5': [quantize({ bits: 5, activations: null })],
  int4: [quantize({ bits: 4, activations: null })],
}

/** MiniLM takes minutes a form. */
const LEFT_OUT = ['sentences']

/**
 * What a model takes on the wire: the original, number formats as ONNX files for onnxruntime-web and as weight files for the small runtime, and other
 * tools' files by the bench `quantize`; as they are, after gzip, after brotli, and with the runtime on top.
 */
const wire: Bench = async ({ only, log }) => {
  const rows: Row[] = []
  for (const task of tasks)
    if (only.length > 0 ? only.includes(task.name) : !LEFT_OUT.includes(task.name))
      try {
        await task.prepare?.(log)
        rows.push(...(await rowsOf(task, log)), ...peersOf(task))
      } catch (error) {
        log(`${task.name}: ${String((error as Error).message).split('\n')[0]}`)
      }
  await plotWire([...keptRows(only), ...rows], fileURLToPath(new URL('../results/wire.svg', import.meta.url)))
  return rows
}

export default wire

async function rowsOf(task: Task, log: (line: string) => void): Promise<Row[]> {
  const context: Context = { engine: nativeEngine(), logger: silentLogger, random: createRandom('bench') }
  const original = readFileSync(task.file)
  const rows = [await rowOf(task, 'original', 'fp32', original, RUNTIME_BROTLI.wasm)]
  const { model } = readOnnxFile(task.file)
  for (const [form, transforms] of Object.entries(FORMS)) {
    log(`${task.name}: ${form}`)
    const { model: small } = await compress(model, [simplify(), ...transforms], context)
    rows.push(await rowOf(task, 'whittle, onnx', form, onnxOf(small), RUNTIME_BROTLI.wasm))
    if (whyNoProgram(small) !== undefined) continue
    const { bytes } = weightFile(small)
    // A host that encodes nothing gets another file.
    const bare = { bytes: weightFile(small, 'none').bytes.byteLength, gzip: await gzipSize(weightFile(small, 'gzip').bytes) }
    rows.push({ ...(await rowOf(task, 'whittle, weight file', form, bytes, RUNTIME_BROTLI.tfjs)), ...bare })
  }
  return rows
}

function onnxOf(model: Model): Uint8Array {
  const lowered = model.clone()
  lower(lowered, wasm, {})
  return writeOnnx(lowered)
}

async function rowOf({ name }: Task, file: string, form: string, bytes: Uint8Array, runtime: number): Promise<Row> {
  const brotli = await brotliSize(bytes)
  return { task: name, file, form, bytes: bytes.byteLength, gzip: await gzipSize(bytes), brotli, withRuntime: brotli + runtime }
}

/** Rows of this version in `results/wire.csv` that stay there when only some tasks are measured. */
function keptRows(only: readonly string[]): Row[] {
  const file = new URL('../results/wire.csv', import.meta.url)
  if (only.length === 0 || !existsSync(file)) return []
  const { version: current } = JSON.parse(readFileSync(new URL('../../../packages/compiler/package.json', import.meta.url), 'utf8'))
  return (parse(readFileSync(file, 'utf8'), { columns: true }) as Record<string, string>[]).filter(
    ({ version, task }) => version === current && !only.includes(task!),
  )
}

/** Other tools' files, as the last run of the bench `quantize` with `--peers` measured them. */
function peersOf({ name }: Task): Row[] {
  const text = readFileSync(new URL('../results/quantize.csv', import.meta.url), 'utf8')
  return (parse(text, { columns: true }) as Record<string, string>[])
    .filter(({ task, tool, brotli }) => task === name && tool !== 'whittle' && tool !== 'none' && brotli)
    .map(({ tool, form, brotli }) => ({
      task: name,
      file: tool!,
      form: form!,
      bytes: null,
      gzip: null,
      brotli: Number(brotli),
      withRuntime: Number(brotli) + RUNTIME_BROTLI.wasm,
    }))
}
