import { RunError } from '../errors.ts'
import type { TensorMap } from '../session.ts'
import { changeOf, copyOf } from './change.ts'

export interface GateOptions {
  /**
   * The change from which on the model runs: of the stretch of the inputs that changed most, the mean absolute difference as a share of the mean
   * absolute deviation of the whole. Measure it on frames of your own with `measureGate`.
   */
  readonly change: number
  /** At most so many frames in a row get the outputs of an earlier one. @default 10 */
  readonly maxAge?: number
}

/** What runs a model: a session. */
export interface Runs<Inputs, Outputs> {
  run(inputs: Inputs): Promise<Outputs>
}

/** A session for frames of a stream, which does not run the model where little changed. */
export interface Gate<Inputs, Outputs> extends Runs<Inputs, Outputs> {
  /**
   * The outputs of these inputs, or those of an earlier frame that hardly differed: the same arrays, so leave them as they are. Frames are
   * compared with the one that the model ran on last, so that what changes slowly is noticed as well.
   */
  run(inputs: Inputs): Promise<Outputs>
  /** Frames so far. */
  readonly frames: number
  /** Those of them that the model ran on. */
  readonly runs: number
  /** Makes the model run on the next frame, such as after a cut. */
  reset(): void
}

/** @throws {RunError} STREAM_OPTION */
export function gate<Inputs, Outputs>(session: Runs<Inputs, Outputs>, options: GateOptions): Gate<Inputs, Outputs> {
  const { change, maxAge = 10 } = options
  if (!(typeof change === 'number' && change >= 0)) throw wrong('change', 'a number from 0', change)
  if (!(Number.isInteger(maxAge) && maxAge >= 0)) throw wrong('maxAge', 'a whole number of frames', maxAge)
  let last: { readonly inputs: TensorMap; readonly outputs: Promise<Outputs>; age: number } | undefined
  let [frames, runs] = [0, 0]
  return {
    async run(inputs) {
      frames++
      const given = inputs as TensorMap
      if (last && last.age < maxAge && changeOf(last.inputs, given) < change) {
        last.age++
        return await last.outputs
      }
      const copy = copyOf(given)
      runs++
      const own = { inputs: copy, outputs: session.run(inputs), age: 0 }
      last = own
      try {
        return await own.outputs
      } catch (error) {
        if (last === own) last = undefined
        throw error
      }
    },
    get frames() {
      return frames
    },
    get runs() {
      return runs
    },
    reset() {
      last = undefined
    },
  }
}

function wrong(name: string, expected: string, given: unknown): RunError {
  return new RunError('STREAM_OPTION', `gate: expected ${expected} for ${name}, received ${String(given)}`)
}
