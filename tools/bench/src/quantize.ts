import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, BenchOptions, Row } from '../bench.ts'
import { brotliOf } from '../brotli.ts'
import { cache, peersPython } from '../peers.ts'
import { type Built, type Form, TIMED_AGAINST, peerForms, whittleForms } from '../quantize/forms.ts'
import { type Point, difference, front } from '../quantize/front.ts'
import { type Judged, judge } from '../quantize/judge.ts'
import { writeNpzFolder } from '../quantize/npz.ts'
import { tasks } from '../tasks/index.ts'
import type { Score, Task } from '../tasks/task.ts'

/**
 * Number formats on real tasks, beside those of other tools: brotli bytes, accuracy on samples that share nothing with the calibration and the
 * 95 % interval of its paired difference to the original's, time in wasm as a ratio to the original's. Everything is judged in
 * onnxruntime-web's wasm, one thread; each file is built in a process of its own.
 */
const quantize: Bench = async (options) => {
  const unknown = options.only.filter((name) => !tasks.some((task) => task.name === name))
  if (unknown.length > 0) throw new Error(`no task ${unknown.join(', ')}: there are ${tasks.map(({ name }) => name).join(', ')}`)
  const python = options.peers ? await peersPython(options.log) : undefined
  const rows: Row[] = []
  for (const task of tasks)
    if (options.only.length === 0 || options.only.includes(task.name))
      try {
        await task.prepare?.(options.log)
        rows.push(...(await rowsOf(task, python, options)))
      } catch (error) {
        // One task that cannot run must not cost the others' figures.
        options.log(`${task.name}: ${reasonOf(error)}`)
        rows.push({ task: task.name, note: `failed: ${reasonOf(error)}` })
      }
  return rows
}

export default quantize

/** Samples for other tools' files at most: enough to tell them from Whittle's, in a third of the time. */
const PEER_SAMPLES = 2000

interface Candidate {
  readonly tool: string
  readonly form: string
  readonly file: string
  readonly built: Built
}

async function rowsOf(task: Task, python: string | undefined, { samples = task.samples, log }: BenchOptions): Promise<Row[]> {
  const folder = join(cache, 'quantize', task.name)
  const calibration = join(folder, 'calibration')
  await writeNpzFolder(task.calibration, calibration)
  const candidates = await build(task, [...whittleForms(task, calibration), ...(python ? peerForms(python, calibration) : [])], folder, log)
  const made = candidates.filter(({ built }) => !built.failed)
  const files = made.map(({ file }) => file)
  const ours = made.filter(({ tool }) => tool === 'none' || tool === 'whittle').length
  const judged = await judge(task, files.slice(0, ours), samples, log)
  if (python) {
    const peers = await judge(task, [files[0]!, ...files.slice(ours)], Math.min(samples, PEER_SAMPLES), log)
    judged.push(...peers.slice(1))
  }
  const brotli = await Promise.all(files.map(brotliOf))
  const points = made.flatMap(({ tool, form }, at) =>
    judged[at]!.failed ? [] : [{ tool, form, brotli: brotli[at]!, scores: judged[at]!.scores }],
  )
  const reference = candidates.find(({ form }) => form === TIMED_AGAINST)?.built.seconds
  return candidates.map((candidate) => {
    const at = made.indexOf(candidate)
    return rowOf(task, candidate, judged[at], brotli[at], points, reference)
  })
}

/** Makes each form's file, the original first. */
async function build(task: Task, forms: readonly Form[], folder: string, log: (line: string) => void): Promise<Candidate[]> {
  mkdirSync(folder, { recursive: true })
  const original = join(folder, '0.onnx')
  copyFileSync(task.file, original)
  const candidates: Candidate[] = [{ tool: 'none', form: 'fp32', file: original, built: {} }]
  const brotli = await brotliOf(original)
  for (const form of forms) {
    log(`${task.name}: ${form.tool}: ${form.form}`)
    const file = join(folder, `${candidates.length}.onnx`)
    const built = await form.build(task, file, brotli).catch((error: unknown) => ({ failed: reasonOf(error) }))
    if (built.failed) log(`  failed: ${built.failed}`)
    candidates.push({ tool: form.tool, form: form.form, file, built })
  }
  return candidates
}

function rowOf(
  task: Task,
  { tool, form, built }: Candidate,
  judged: Judged | undefined,
  brotli: number | undefined,
  points: readonly Point[],
  reference: number | undefined,
): Row {
  const failed = built.failed ?? judged?.failed
  const row = { task: task.name, tool, form }
  if (failed || !judged) return { ...row, note: `failed: ${failed}` }
  const { scores, sqnr, time } = judged
  const { mean, low, high } = difference(points[0]!.scores, scores)
  const point = points.find((other) => other.tool === tool && other.form === form)!
  return {
    ...row,
    samples: sum(scores.map(({ decisions }) => decisions ?? 1)),
    measure: task.accuracy,
    accuracy: rounded(sum(scores.map(({ correct }) => correct)) / scores.length, 5),
    differencePoints: rounded(100 * mean, 2),
    low95: rounded(100 * low, 2),
    high95: rounded(100 * high, 2),
    errorsPerCharacter: errorsOf(scores),
    sqnr: sqnr === null ? null : rounded(sqnr, 1),
    brotli: brotli!,
    wasmTime: time === undefined ? null : rounded(time, 3),
    buildSeconds: built.seconds === undefined ? null : rounded(built.seconds, 1),
    buildRatio: built.seconds === undefined || !reference ? null : rounded(built.seconds / reference, 2),
    peakMiB: built.mib === undefined ? null : Math.round(built.mib),
    front: tool === 'whittle' && points.some(isPeer) ? front(point, points.filter(isPeer)) : null,
    note: built.note ?? null,
  }
}

function isPeer({ tool }: Point): boolean {
  return tool !== 'whittle' && tool !== 'none'
}

function errorsOf(scores: readonly Score[]): number | null {
  const length = sum(scores.map((score) => score.length ?? 0))
  return length === 0 ? null : rounded(sum(scores.map(({ errors }) => errors ?? 0)) / length, 5)
}

function reasonOf(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string }
  return (stderr?.trim().split('\n').at(-1) || message?.split('\n')[0] || String(error)).slice(0, 160)
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0)
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
