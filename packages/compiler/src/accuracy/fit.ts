import type { Accuracy } from '../types.ts'
import type { Dial, Setting } from './relax.ts'

/** One way to build a variant, and what came of it. */
export interface Judged {
  readonly accuracy?: Accuracy | undefined
  /** Of the worst output against the original's, in dB; infinite where they are equal. */
  readonly sqnr: number
}

export interface Fit<T> {
  /** The first that holds; where none does, the one that came nearest. */
  readonly result: T
  /** As the import asks for it. */
  readonly asWritten: T
  /** All that were tried. */
  readonly tried: number
}

/** Of the 6 dB or so that a step should bring, so many must show at the outputs, or something else spoils them. */
const GAIN = 2

/**
 * Builds a variant as written, and where its accuracy does not hold, takes back step by step what costs accuracy: the first dial as long as that
 * brings the outputs nearer, then the next. Where none does, all are turned. Files grow with each step, so that the first that holds is taken.
 */
export async function fitAccuracy<T extends Judged>(
  written: Setting,
  dials: readonly Dial[],
  attempt: (setting: Setting) => Promise<T>,
): Promise<Fit<T>> {
  const asWritten = await attempt(written)
  let tried = 1
  let nearest = asWritten
  const attemptAt = async (steps: readonly number[]): Promise<T> => {
    tried++
    const setting = dials.reduce((before, dial, at) => (steps[at] ? dial.turn(before, steps[at], asWritten.sqnr) : before), written)
    const result = await attempt(setting)
    if (nearness(result) > nearness(nearest)) nearest = result
    return result
  }
  let here = { steps: dials.map(() => 0), sqnr: asWritten.sqnr }
  let stalled = new Set<number>()
  while (!holds(nearest)) {
    const free = dials.flatMap((dial, at) => (here.steps[at]! < dial.steps ? [at] : []))
    if (free.length === 0) break
    const next = free.find((at) => !stalled.has(at))
    const steps = here.steps.map((step, at) => (next === undefined ? Math.min(step + 1, dials[at]!.steps) : at === next ? step + 1 : step))
    const result = await attemptAt(steps)
    const gains = result.sqnr >= here.sqnr + GAIN
    // With one thing left to turn there is no choice.
    if (next === undefined || gains || free.length === 1) {
      here = { steps, sqnr: result.sqnr }
      stalled = new Set()
    } else stalled.add(next)
  }
  return { result: nearest, asWritten, tried }
}

function holds({ accuracy }: Judged): boolean {
  return accuracy?.decision === 'holds'
}

/** How much of the budget is certainly left, in points; what holds is nearer than what does not. */
function nearness(judged: Judged): number {
  return holds(judged) ? Infinity : (judged.accuracy?.interval?.[0] ?? -Infinity)
}
