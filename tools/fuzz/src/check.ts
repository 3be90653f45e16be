import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WhittleError, inferShapes, printModel, problemsOf } from '@whittle/ir'
import { readOnnx, readOnnxFile, writeOnnx } from '@whittle/ir/onnx'

/** How an input went: it gave a model, was refused as it should be, or something is wrong. */
export type Outcome = { readonly kind: 'model' | 'refused' } | { readonly kind: 'failed'; readonly why: string }

/** Memory that reading a small file may take, and how often over a large one may be held. */
const FREE_BYTES = 48 * 2 ** 20
const MULTIPLE = 40

/** A disk takes longer than all that is checked. */
export const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A folder with a model's file, and with all that hostile external data may point to. */
export class Checker {
  readonly #root: string
  readonly #folder: string
  readonly #file: string

  /** @param weights the external data of the seeds. @param parent where the folder is made. */
  constructor(weights: Uint8Array, parent = MEMORY) {
    this.#root = mkdtempSync(join(parent, 'whittle-fuzz-'))
    this.#folder = join(this.#root, 'models')
    this.#file = join(this.#folder, 'net.onnx')
    mkdirSync(join(this.#folder, 'folder'), { recursive: true })
    writeFileSync(join(this.#folder, 'weights.bin'), weights)
    writeFileSync(join(this.#root, 'secret.bin'), weights)
    symlinkSync(join(this.#root, 'secret.bin'), join(this.#folder, 'link.bin'))
    symlinkSync(join(this.#folder, 'loop.bin'), join(this.#folder, 'loop.bin'))
    execFileSync('mkfifo', [join(this.#folder, 'pipe')])
  }

  /** Does with the bytes all that is done with a model that somebody brings. */
  check(bytes: Uint8Array): Outcome {
    writeFileSync(this.#file, bytes)
    const before = held()
    const outcome = this.#through()
    const grown = held() - before
    if (outcome.kind !== 'failed' && grown > FREE_BYTES + MULTIPLE * bytes.length)
      return { kind: 'failed', why: `memory grew by ${Math.round(grown / 2 ** 20)} MiB over a file of ${bytes.length} bytes` }
    return outcome
  }

  #through(): Outcome {
    let step = 'read'
    try {
      const { model } = readOnnxFile(this.#file)
      step = 'validate'
      const problems = problemsOf(model)
      if (problems.length > 0) return { kind: 'failed', why: `validate: ${problems[0]}` }
      step = 'print'
      printModel(model)
      step = 'write'
      const written = writeOnnx(model)
      step = 'read again'
      const again = writeOnnx(readOnnx(written))
      if (Buffer.compare(again, written) !== 0) return { kind: 'failed', why: 'written, read and written again, the model differs' }
      step = 'infer'
      inferShapes(model)
      step = 'validate after infer'
      if (problemsOf(model).length > 0) return { kind: 'failed', why: `validate after infer: ${problemsOf(model)[0]}` }
      return { kind: 'model' }
    } catch (error) {
      if (!(error instanceof WhittleError)) return { kind: 'failed', why: `${step}: ${describe(error)}` }
      const why = `${step}: ${error.code} ${JSON.stringify(error.message)}`
      if (step !== 'read' && step !== 'infer') return { kind: 'failed', why: `a model that was read is refused later: ${why}` }
      if (step === 'read' && !error.message.startsWith(this.#file)) return { kind: 'failed', why: `does not name the file: ${why}` }
      if (/[\0-\x1f\x7f]/.test(error.message)) return { kind: 'failed', why: `is not one line: ${why}` }
      if (error.message.length > 3000) return { kind: 'failed', why: `is ${error.message.length} characters long: ${step}: ${error.code}` }
      return { kind: 'refused' }
    }
  }

  close(): void {
    rmSync(this.#root, { recursive: true, force: true })
  }
}

function held(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const where = error.stack?.split('\n').find((line) => line.trim().startsWith('at ')) ?? ''
  return `${error.name}: ${error.message.slice(0, 200)}${where.replace(/\(.*\//, '(')}`
}
