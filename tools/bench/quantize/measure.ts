import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Row } from '../bench.ts'
import { brotliOf } from '../brotli.ts'
import type { Score, Task } from '../tasks/task.ts'
import { type Built, type Form, TIMED_AGAINST } from './forms.ts'
import { type Point, difference, front } from './front.ts'
import { type Judged, judge } from './judge.ts'

/** Samples for other tools' files at most: enough to tell them from Whittle's, in a third of the time. */
const PEER_SAMPLES = 2000

interface Candidate {
  readonly tool: string
  readonly form: string
  readonly file: string
  readonly built: Built
}

/** What is measured of one task. */
export interface Measuring {
  readonly task: Task
  /** Where files are made. */
  readonly folder: string
  readonly ours: readonly Form[]
  readonly peers: readonly Form[]
  readonly samples: number
  readonly log: (line: string) => void
}

/** Makes each form's file in a process of its own and judges it beside the original: a row a form, the original's first. */
export async function measureForms({ task, folder, ours: forms, peers, samples, log }: Measuring): Promise<Row[]> {
  const candidates = await build(task, [...forms, ...peers], folder, log)
  const made = candidates.filter(({ built }) => !built.failed)
  const files = made.map(({ file }) => file)
  const ours = made.filter(({ tool }) => tool === 'none' || tool === 'whittle').length
  const judged = await judge(task, files.slice(0, ours), samples, log)
  if (peers.length > 0) {
    const others = await judge(task, [files[0]!, ...files.slice(ours)], Math.min(samples, PEER_SAMPLES), log)
    judged.push(...others.slice(1))
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

/** The last line of what a process said, or of what was thrown. */
export function reasonOf(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string }
  return (stderr?.trim().split('\n').at(-1) || message?.split('\n')[0] || String(error)).slice(0, 160)
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0)
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
