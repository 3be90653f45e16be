import { runOnce } from '../run-once.ts'
import type { Score, Task } from '../tasks/task.ts'

/** What one model did on the samples. */
export interface Judged {
  /** In the samples' order, empty where it failed; fewer than were asked for where it was given up. */
  readonly scores: readonly Score[]
  /** Signal to noise ratio of its worst output against the original's, dB; null where it is equal, or not finite. */
  readonly sqnr: number | null
  /** Median time of a run in wasm as a ratio to the original's in the same round. */
  readonly time?: number
  readonly failed?: string
}

/** Processes that evaluate side by side. */
const PARTS = 2

/** Models of one process: WebAssembly's memory ends at 4 GiB. */
const MOST_MODELS = 6

/** Milliseconds for which models of one process are timed. */
const TIMING = 60_000

/** Judges files by a task, the first of which is the original, in processes of their own. */
export async function judge(task: Task, files: readonly string[], count: number, log: (line: string) => void): Promise<Judged[]> {
  const [original, ...others] = files
  const judged: Judged[] = []
  for (let from = 0; from === 0 || from < others.length; from += MOST_MODELS) {
    const group = [original!, ...others.slice(from, from + MOST_MODELS)]
    log(`${task.name}: evaluating files ${from + 1} to ${from + group.length - 1} of ${others.length} on ${count} samples`)
    const evaluated = await evaluate(task, group, count)
    log(`${task.name}: timing them`)
    const runnable = group.filter((_, at) => !evaluated[at]!.failed)
    const times = await runOnce<number[]>(process.execPath, 'quantize/time-once.mjs', task.name, `${TIMING}`, ...runnable)
    const timed = evaluated.map((entry, at) => (entry.failed ? entry : { ...entry, time: times[runnable.indexOf(group[at]!)]! }))
    judged.push(...(from === 0 ? timed : timed.slice(1)))
  }
  return judged
}

interface Part {
  readonly scores: Score[]
  readonly signal: Record<string, number>
  /** Null: not finite. */
  readonly noise: Record<string, number | null>
  readonly failed?: string
}

async function evaluate(task: Task, files: readonly string[], count: number): Promise<Judged[]> {
  const parts = await Promise.all(
    Array.from({ length: PARTS }, (_, part) =>
      runOnce<Part[]>(process.execPath, 'quantize/evaluate-once.mjs', task.name, `${count}`, `${part}`, `${PARTS}`, ...files),
    ),
  )
  return files.map((_, at) => {
    const own = parts.map((part) => part[at]!)
    const failed = own.find((part) => part.failed)?.failed
    if (failed) return { scores: [], sqnr: null, failed }
    // One that was given up has fewer, and perhaps in one part only.
    const length = Math.min(count, ...own.map(({ scores }, part) => scores.length * PARTS + part))
    return { scores: Array.from({ length }, (_, index) => own[index % PARTS]!.scores[Math.floor(index / PARTS)]!), sqnr: worst(own) }
  })
}

function worst(parts: readonly Part[]): number | null {
  const ratios = Object.keys(parts[0]!.signal).map((output) => {
    const [signal, noise] = [sum(parts.map((part) => part.signal[output] ?? 0)), sum(parts.map((part) => part.noise[output] ?? NaN))]
    return 10 * Math.log10(signal / noise)
  })
  const least = Math.min(...ratios)
  return Number.isFinite(least) ? least : null
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0)
}
