import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Row } from '../bench.ts'
import { brotliOf } from '../brotli.ts'
import { cache } from '../peers.ts'
import { runOnce } from '../run-once.ts'
import { tasks } from '../tasks/index.ts'
import { rowOf } from './measures.ts'

/** Milliseconds for which the files of one model are timed. */
const TIMING = 40_000

type Queries = Readonly<Record<string, readonly string[]>>

/** What an app would import, of the models of the fixtures. */
export const SMALL: Queries = { direction: ['int8&prune=0.3&calibrate=task', 'int8&calibrate=task'], voice: ['int8&calibrate=task'] }

/** Those that take minutes to compress. */
export const LARGE: Queries = { detector: ['int8&calibrate=task'], recogniser: ['int8&calibrate=task'] }

/** Time of a run in wasm, one thread, as a ratio to the original's in the same round: as the bench `quantize` takes it. */
export async function runs(title: string, models: Queries, log: (line: string) => void): Promise<Row[]> {
  const folder = join(cache, 'runs')
  await mkdir(folder, { recursive: true })
  const rows: Row[] = []
  for (const [name, queries] of Object.entries(models)) {
    const task = tasks.find((other) => other.name === name)!
    await task.prepare?.(log)
    const brotli = await brotliOf(task.file)
    const files: string[] = []
    for (const [at, query] of queries.entries()) {
      log(`runs: compressing ${name}: ${query}`)
      const file = join(folder, `${name}-${at}.onnx`)
      const { failed } = await runOnce<{ failed?: string }>(process.execPath, 'quantize/whittle-once.mjs', name, query, file, `${brotli}`)
      if (failed) throw new Error(`${name}?${query}: ${failed}`)
      files.push(file)
    }
    log(`runs: timing ${name}`)
    const times = Object.values(await runOnce<number[]>(process.execPath, 'quantize/time-once.mjs', name, `${TIMING}`, task.file, ...files))
    for (const [at, query] of queries.entries())
      rows.push(rowOf(title, { what: `${name}: ${query}`, against: 'fp32', value: times[at + 1]!, unit: 'of its time', wanted: 1 }))
  }
  return rows
}
