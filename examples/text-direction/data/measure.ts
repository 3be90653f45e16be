import { tfjsEngine } from '@whittle/compiler'
import { type VerdictRequest, brotliSize, timeRatio, verdict, wasmEngine } from '@whittle/engine'
import { type Engine, type EngineSession, Tensor } from '@whittle/ir'
import { INPUT_DIMS, toInput } from '../src/picture.ts'
import { type Line, drawLines } from './draw.ts'
import { evaluationWords } from './words.ts'

/** A self-contained ONNX file, or one for the small runtime. */
export interface Candidate {
  readonly name: string
  readonly model: Uint8Array
  /** Whether its time in wasm says anything; not so for a variant that is made for a GPU. */
  readonly timed: boolean
}

/** What a user gets and pays, beside the original file in fp32. */
export interface Measured {
  readonly variant: string
  readonly bytes: number
  /** After brotli at its highest quality. */
  readonly brotli: number
  /** Of the original's brotli bytes. */
  readonly share: number
  /** Share of lines that are read rightly. */
  readonly accuracy: number
  readonly fp32Accuracy: number
  /** Accuracy less fp32's, in points, on the same lines. */
  readonly difference: number
  /** The 95 % interval of the difference. */
  readonly interval: readonly [low: number, high: number]
  /** Median time of a run as a ratio to fp32's in the same round; null where it was not taken. */
  readonly time: number | null
  readonly quartiles: readonly [low: number, high: number] | null
}

export interface MeasureOptions {
  /** Evaluation lines; 5,000 by default. */
  readonly lines?: number
  /** Rounds in which each model runs once on one line; 60 by default, 0 leaves the times out. */
  readonly rounds?: number
  readonly onProgress?: (done: number, total: number) => void
}

const BATCH = 32

/** What runs a file in the browser, in Node. */
const engine: Engine = {
  ...wasmEngine(),
  open: (model, options) => (isWeightFile(model) ? tfjsEngine() : wasmEngine()).open(model, options),
}

function isWeightFile(model: unknown): boolean {
  return model instanceof Uint8Array && new TextDecoder().decode(model.subarray(0, 4)) === 'WHTL'
}

/** Measures each file against the original in onnxruntime-web's wasm; the first row is the original's own. */
export async function measure(original: Uint8Array, candidates: readonly Candidate[], options: MeasureOptions = {}): Promise<Measured[]> {
  const { lines = 5000, rounds = 60, onProgress } = options
  const all = [{ name: 'fp32', model: original, timed: true }, ...candidates]
  const right = await answers(all, lines, onProgress)
  const times = rounds > 0 ? await ratios(all, rounds) : new Map<string, never>()
  const fp32Brotli = await brotliSize(original)
  const rows: Measured[] = []
  for (const [index, { name, model }] of all.entries()) {
    const { difference, interval } = verdict(pair(right[0]!, right[index]!))
    const brotli = index === 0 ? fp32Brotli : await brotliSize(model)
    const time = times.get(name)
    rows.push({
      variant: name,
      bytes: model.byteLength,
      brotli,
      share: brotli / fp32Brotli,
      accuracy: mean(right[index]!),
      fp32Accuracy: mean(right[0]!),
      difference,
      interval,
      time: time?.ratio ?? null,
      quartiles: time?.quartiles ?? null,
    })
  }
  return rows
}

/** For each model and each line 1 where the answer is right, else 0. Lines are drawn once, a batch at a time. */
async function answers(models: readonly Candidate[], lines: number, onProgress?: MeasureOptions['onProgress']): Promise<number[][]> {
  const sessions: EngineSession[] = []
  const right = models.map((): number[] => [])
  try {
    for (const { model } of models) sessions.push(await engine.open(model))
    let batch: Line[] = []
    const flush = async (): Promise<void> => {
      const x = stack(batch)
      for (const [index, session] of sessions.entries()) {
        const turned = turnedOf(Object.values(await session.run({ x }))[0]!)
        right[index]!.push(...batch.map((line, at) => (turned[at] === line.turned ? 1 : 0)))
      }
      batch = []
      onProgress?.(right[0]!.length, lines)
    }
    for (const line of drawLines({ seed: 'evaluation', words: evaluationWords, count: lines }))
      if (batch.push(line) === BATCH) await flush()
    if (batch.length > 0) await flush()
  } finally {
    for (const session of sessions) await session.dispose()
  }
  return right
}

/** One line a run, as in the page. */
async function ratios(models: readonly Candidate[], rounds: number) {
  const [line] = drawLines({ seed: 'timing', words: evaluationWords, count: 1 })
  const timed = models.filter((model) => model.timed)
  return new Map((await timeRatio(engine, timed, { x: stack([line!]) }, { rounds })).map((time) => [time.name, time]))
}

function stack(lines: readonly Line[]): Tensor {
  const [, ...dims] = INPUT_DIMS
  const size = dims.reduce((product, dim) => product * dim, 1)
  const x = new Float32Array(lines.length * size)
  for (const [index, { picture }] of lines.entries()) x.set(toInput(picture), index * size)
  return Tensor.float32([lines.length, ...dims], x)
}

/** Which rows say upside down. */
function turnedOf(probabilities: Tensor): boolean[] {
  const values = probabilities.toFloat32()
  return Array.from({ length: values.length / 2 }, (_, row) => values[2 * row + 1]! > values[2 * row]!)
}

function pair(perSampleOriginal: readonly number[], perSampleCompressed: readonly number[]): VerdictRequest {
  return { perSampleOriginal, perSampleCompressed, drop: 0.5 }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
