import type { CompileProgress } from './types.ts'

/** Before so many milliseconds of a step nothing is said of its rest. */
const SETTLED = 2000

/** Tells from the progress of long steps how long they still take, at the speed that they have had. */
export class TimeLeft {
  readonly #now: () => number
  #step = ''
  #began = 0
  #first = 0

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** Seconds; undefined where it is not known. */
  of({ step, variant, done, total }: CompileProgress): number | undefined {
    const key = `${step} ${variant} ${total}`
    if (key !== this.#step || done < this.#first) [this.#step, this.#began, this.#first] = [key, this.#now(), done]
    const [elapsed, gone] = [this.#now() - this.#began, done - this.#first]
    if (!total || gone <= 0 || done >= total || elapsed < SETTLED) return undefined
    return Math.ceil((elapsed * (total - done)) / gone / 1000)
  }
}
