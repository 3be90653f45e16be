import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Milliseconds of one training step. */
export interface StepTime {
  /** Forward and backward. */
  readonly run: number
  /** With the optimizer, and whatever else a step takes. */
  readonly step: number
}

/** Another tool that trains, in a process of its own: a line to it asks for a step, and a line from it says what that took. */
export class Stepper {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  }

  /** Starts a program, and waits for its line `ready`. */
  static async start(program: string, args: readonly string[]): Promise<Stepper> {
    const stepper = new Stepper(spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] }))
    await stepper.#line(program)
    return stepper
  }

  async next(): Promise<StepTime> {
    this.#child.stdin!.write('\n')
    return JSON.parse(await this.#line('a step')) as StepTime
  }

  close(): void {
    this.#child.stdin!.end()
  }

  async #line(what: string): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`${what} ended without an answer: see above`)
    return value
  }
}
