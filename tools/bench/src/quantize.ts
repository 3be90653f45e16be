import { mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compile } from '@whittle/compiler'
import { brotliSize, pairedProportionInterval, timeRatio, wasmEngine } from '@whittle/engine'
import type { Bench, Row } from '../bench.ts'
import { cache } from '../peers.ts'
import { runOnce } from '../run-once.ts'
import { recogniser } from '../tasks/recogniser.ts'
import type { Score, Task } from '../tasks/task.ts'

const folder = fileURLToPath(new URL('../', import.meta.url))

/** Each beside the original file; `task` is the task's calibration data. */
const QUERIES = ['int8&calibrate=task', 'int8', 'bits=5&calibrate=task', 'bits=5', 'int4&calibrate=task', 'int4']

const SAMPLES = 1000
const ROUNDS = 60
/** Processes that evaluate side by side. */
const PARTS = 2

/**
 * Number formats on a real task: brotli bytes, accuracy on samples that share no word, face or seed with the calibration, the 95 % interval of
 * the paired difference to fp32 in points, and time in wasm as a ratio to fp32's. All in onnxruntime-web's wasm, one thread.
 */
const quantize: Bench = async ({ log }) => {
  mkdirSync(cache, { recursive: true })
  return await rowsOf(recogniser, log)
}

export default quantize

async function rowsOf(task: Task, log: (line: string) => void): Promise<Row[]> {
  const original = await readFile(task.file)
  const models = [{ name: 'fp32', file: task.file, model: original, seconds: 0 }]
  for (const query of QUERIES) {
    log(`compressing: ${task.name}?${query}`)
    const config = { datasets: { task: join(folder, `tasks/${task.name}-calibration.ts`) } }
    const { artefacts, seconds } = await compile({ file: task.file, query: `${query}&target=wasm`, root: folder, config, cache: false })
    const file = join(cache, `${task.name}.${models.length}.onnx`)
    writeFileSync(file, artefacts[0]!.bytes)
    models.push({ name: query, file, model: Buffer.from(artefacts[0]!.bytes), seconds })
  }
  log(`evaluating on ${SAMPLES} samples`)
  const scores = await scoresOf(
    task,
    models.map(({ file }) => file),
  )
  log('timing')
  const [sample] = await take(task, 1)
  const times = await timeRatio(wasmEngine(), models, sample!.inputs, { rounds: ROUNDS, threads: 1 })
  const rows: Row[] = []
  for (const [index, { name, model, seconds }] of models.entries()) {
    const [own, fp32] = [scores[index]!, scores[0]!]
    const gained = own.filter(({ correct }, at) => correct > fp32[at]!.correct).length
    const lost = own.filter(({ correct }, at) => correct < fp32[at]!.correct).length
    const [low, high] = pairedProportionInterval(gained, lost, own.length)
    rows.push({
      task: task.name,
      form: name,
      samples: own.length,
      brotli: await brotliSize(model),
      [task.accuracy]: rounded(mean(own.map(({ correct }) => correct)), 4),
      differencePoints: rounded((100 * (gained - lost)) / own.length, 2),
      low95: rounded(100 * low, 2),
      high95: rounded(100 * high, 2),
      errorsPerCharacter: rounded(sum(own.map(({ errors }) => errors ?? 0)) / sum(own.map(({ length }) => length ?? 1)), 5),
      wasmTime: rounded(times[index]!.ratio, 3),
      buildSeconds: rounded(seconds, 1),
    })
  }
  return rows
}

/** The scores of each file on each sample, in the samples' order. */
async function scoresOf(task: Task, files: readonly string[]): Promise<Score[][]> {
  const parts = await Promise.all(
    Array.from({ length: PARTS }, (_, part) =>
      runOnce<{ scores: Score[][] }>(process.execPath, 'evaluate-once.mjs', task.name, `${SAMPLES}`, `${part}`, `${PARTS}`, ...files),
    ),
  )
  return files.map((_, at) => Array.from({ length: SAMPLES }, (_, index) => parts[index % PARTS]!.scores[at]![Math.floor(index / PARTS)]!))
}

async function take(task: Task, count: number) {
  const samples = []
  for await (const sample of task.evaluation(count).samples()) samples.push(sample)
  return samples
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0)
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
