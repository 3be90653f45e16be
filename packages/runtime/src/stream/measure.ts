import { RunError } from '../errors.ts'
import type { TensorMap } from '../session.ts'
import { type GateOptions, type Runs, gate } from './gate.ts'

/** What a gate would have done on a clip. */
export interface GateMeasured {
  readonly change: number
  readonly frames: number
  /** Share of the frames that got the outputs of an earlier one. */
  readonly hitRate: number
  /** By output: the root mean square of the error over all frames, as a share of that of the output. */
  readonly error: Readonly<Record<string, number>>
  /** By output: the same of the frame where it is the greatest. */
  readonly worst: Readonly<Record<string, number>>
}

/**
 * Runs a model on every frame of a clip, and tells for each of some changes what a {@link gate} would have given.
 * @param frames in the order of the stream; arrays may be filled anew from frame to frame.
 * @throws {RunError} STREAM_OPTION for a clip without frames.
 */
export async function measureGate<Inputs, Outputs>(
  session: Runs<Inputs, Outputs>,
  frames: AsyncIterable<Inputs> | Iterable<Inputs>,
  changes: readonly number[],
  options: Omit<GateOptions, 'change'> = {},
): Promise<GateMeasured[]> {
  let truth: Outputs
  const gates = changes.map((change) => ({
    change,
    gated: gate<Inputs, Outputs>({ run: async () => truth }, { ...options, change }),
    errors: new Errors(),
  }))
  let count = 0
  for await (const inputs of frames) {
    count++
    truth = await session.run(inputs)
    for (const { gated, errors } of gates) errors.add(truth as TensorMap, (await gated.run(inputs)) as TensorMap)
  }
  if (count === 0) throw new RunError('STREAM_OPTION', 'measureGate: the clip has no frames')
  return gates.map(({ change, gated, errors }) => ({
    change,
    frames: gated.frames,
    hitRate: 1 - gated.runs / gated.frames,
    error: errors.all(),
    worst: errors.worst,
  }))
}

class Errors {
  readonly worst: Record<string, number> = {}
  readonly #sums: Record<string, { noise: number; signal: number }> = {}

  add(truth: TensorMap, given: TensorMap): void {
    for (const [name, { data }] of Object.entries(truth)) {
      const [wanted, own] = [data, given[name]!.data] as unknown as [ArrayLike<number>, ArrayLike<number>]
      let [noise, signal] = [0, 0]
      for (let at = 0; at < wanted.length; at++) {
        signal += Number(wanted[at]) ** 2
        noise += (Number(wanted[at]) - Number(own[at])) ** 2
      }
      // An output that has another size now is wrong altogether.
      if (own.length !== wanted.length) noise = signal
      const sum = (this.#sums[name] ??= { noise: 0, signal: 0 })
      sum.noise += noise
      sum.signal += signal
      this.worst[name] = Math.max(this.worst[name] ?? 0, share(noise, signal))
    }
  }

  all(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.#sums).map(([name, { noise, signal }]) => [name, share(noise, signal)]))
  }
}

const share = (noise: number, signal: number): number => (noise === 0 ? 0 : Math.sqrt(noise / signal))
