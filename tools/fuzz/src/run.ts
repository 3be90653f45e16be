import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { MEMORY } from './check.ts'
import type { Line, Target } from './worker.ts'

export interface FuzzOptions {
  count: number
  seed: string
  /** @default 'models' */
  target?: Target
  workers?: number
  /** Ends the run early, with what was done until then. */
  minutes?: number
  /** A folder of models that are mutated as well. */
  models?: string
  log?: (line: string) => void
}

export interface Finding {
  readonly index: number
  readonly why: string
  /** The input, where the process lived to tell it. */
  readonly file?: string
}

export interface FuzzResult {
  inputs: number
  /** Inputs that were read. */
  models: number
  refused: number
  /** Milliseconds of the slowest input. */
  slowest: number
  findings: Finding[]
}

const HANG_MS = 20_000
const HEAP_MIB = 256

const folder = fileURLToPath(new URL('../', import.meta.url))

/** Mutates models or weight files and reads them in processes of limited memory, each watched. The seed fixes every input. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { workers = 2, log = () => {} } = options
  const script = await bundle()
  // The workers' folders, those of killed ones too.
  const scratch = mkdtempSync(join(MEMORY, 'whittle-fuzz-'))
  const deadline = options.minutes === undefined ? Infinity : Date.now() + options.minutes * 60_000
  const result: FuzzResult = { inputs: 0, models: 0, refused: 0, slowest: 0, findings: [] }
  const note = (finding: Finding): void => {
    result.findings.push(finding)
    log(`input ${finding.index}: ${finding.why}${finding.file ? ` (${finding.file})` : ''}`)
  }
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      let next = worker
      while (next < options.count && Date.now() < deadline)
        next = await runWorker(script, next, workers, deadline, { ...options, scratch }, result, note)
    }),
  )
  rmSync(scratch, { recursive: true, force: true })
  rmSync(script, { force: true })
  result.findings.sort((a, b) => a.index - b.index)
  return result
}

/** Inputs that one process takes: the counts come at its end, so that a crash loses few. */
const BATCH = 10_000

/** @returns the input to go on with: after a crash or a hang, the one after it. */
function runWorker(
  script: string,
  first: number,
  step: number,
  deadline: number,
  options: FuzzOptions & { scratch: string },
  result: FuzzResult,
  note: (finding: Finding) => void,
): Promise<number> {
  const end = Math.min(options.count, first + BATCH * step)
  const limits = [`--max-old-space-size=${HEAP_MIB}`, '--max-semi-space-size=8']
  const child = spawn(
    process.execPath,
    [...limits, script, options.seed, String(first), String(step), String(end), options.models ?? '', options.target ?? 'models'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, WHITTLE_FUZZ_FOLDER: options.scratch },
    },
  )
  let current: number | undefined
  let isDone = false
  let hung = false
  let errors = ''
  let timer: NodeJS.Timeout | undefined
  const wait = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      hung = true
      child.kill('SIGKILL')
    }, ms)
  }
  // The seeds are made first.
  wait(60_000)
  child.stderr.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-4000)))
  createInterface(child.stdout).on('line', (text) => {
    const line = JSON.parse(text) as Line
    if ('begins' in line) {
      current = line.begins
      wait(HANG_MS)
    } else if ('why' in line) note({ index: line.failed, why: line.why, file: keep(options.seed, line.failed, line.bytes) })
    else {
      isDone = true
      result.inputs += line.models + line.refused + line.failed
      result.models += line.models
      result.refused += line.refused
      result.slowest = Math.max(result.slowest, line.slowest)
    }
    if (Date.now() > deadline) child.kill('SIGKILL')
  })
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (isDone) return resolve(end + ((first - end) % step === 0 ? 0 : step - ((end - first) % step)))
      if (Date.now() > deadline && !hung) return resolve(options.count)
      const at = current ?? first
      result.inputs += Math.floor((at - first) / step) + 1
      const reason = hung ? `no end within ${HANG_MS} ms` : `the process ended (${signal ?? code}): ${lastLines(errors)}`
      note({ index: at, why: reason, file: dump(script, at, options) })
      resolve(current === undefined ? options.count : at + step)
    })
  })
}

const lastLines = (text: string): string => text.split('\n').filter((line) => /error|fatal/i.test(line)).slice(0, 2).join(' ') || text.slice(-200) // prettier-ignore

/** The input that killed its process, made once more. */
function dump(script: string, index: number, { seed, models = '', target = 'models' }: FuzzOptions): string | undefined {
  const { stdout } = spawnSync(process.execPath, [script, seed, String(index), '1', String(index + 1), models, target, 'dump'], {
    maxBuffer: 2 ** 28,
  })
  const line = stdout.toString().split('\n').find((text) => text.startsWith('{"failed"')) // prettier-ignore
  return line && keep(seed, index, (JSON.parse(line) as { bytes: string }).bytes)
}

function keep(seed: string, index: number, bytes: string): string {
  const found = join(folder, '.cache', 'found')
  mkdirSync(found, { recursive: true })
  const file = join(found, `${seed}-${index}.onnx`)
  writeFileSync(file, Buffer.from(bytes, 'base64'))
  return file
}

/** The worker with the sources of the packages in one file: Node 20 runs no TypeScript. */
async function bundle(): Promise<string> {
  const file = join(folder, '.cache', `worker-${process.pid}.mjs`)
  const built = await rolldown({
    input: join(folder, 'src', 'worker.ts'),
    platform: 'node',
    resolve: { conditionNames: ['@whittle/source', 'import', 'node'] },
    external: ['onnxruntime-node', /^vitest/],
    treeshake: { moduleSideEffects: false },
  })
  await built.write({ file, format: 'esm' })
  await built.close()
  return file
}
