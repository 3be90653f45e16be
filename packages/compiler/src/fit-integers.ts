import type { Target } from '@whittle/ir'
import type { Choose, Lowering } from './lower/lower.ts'
import { planIntegers } from './lower/plan.ts'

/** One way to lower a model, and what came of it. */
export interface Attempt {
  readonly lowering: Pick<Lowering, 'integerNodes' | 'integerOutputs' | 'dynamicNodes'>
  /** Of the worst output, in dB. */
  readonly sqnr: number
}

export interface Fitted<T> {
  readonly result: T
  readonly warnings: string[]
}

/** The least SQNR (dB) of a worst output where nothing else is asked for. */
const DEFAULT_GOAL = 25

/**
 * What computing in integers may cost (dB) beside storing the weights in them: where nothing is asked for, it may bring as much noise again; where
 * something is asked for and storing alone misses it, hardly any.
 */
const COST = { default: 3, asked: 1 }

/** Noise of several nodes adds up only roughly: shares of the room that are tried. */
const SHARES = [1, 0.5, 0.25]

/**
 * Lowers with all nodes in integers that are faster so; where an output then falls below what is asked for, with those that bring the least noise
 * for the time they save; and with none where that is not enough.
 * @param asked the SQNR in dB that the import asks for. Where it does not, 25 dB, or what storing alone leaves less 3 dB.
 * @param measure noise that each node brings alone, by the name of what it gives.
 */
export async function fitIntegers<T extends Attempt>(
  target: Target,
  asked: number | undefined,
  attempt: (choose?: Choose) => Promise<T>,
  measure: (outputs: readonly string[]) => Promise<ReadonlyMap<string, number>>,
): Promise<Fitted<T>> {
  const all = await attempt()
  const goal = asked ?? DEFAULT_GOAL
  const count = all.lowering.integerNodes.length + all.lowering.dynamicNodes.length
  if (count === 0 || all.sqnr >= goal) return { result: all, warnings: [] }
  const none = await attempt(() => new Set())
  const wanted =
    asked !== undefined && none.sqnr >= asked ? asked : Math.min(goal, none.sqnr - COST[asked === undefined ? 'default' : 'asked'])
  if (all.sqnr >= wanted) return { result: all, warnings: [] }
  const noise = await measure(all.lowering.integerOutputs)
  const room = 10 ** (-wanted / 10) - 10 ** (-none.sqnr / 10)
  const before = `computing ${count} nodes in int8 would leave an SQNR of ${all.sqnr.toFixed(1)} dB`
  for (const share of SHARES) {
    const most = room * share
    const some = await attempt((candidates, sizes) => planIntegers(candidates, sizes, target.cost!, { noise, most }))
    const left = some.lowering.integerNodes.length
    if (left === 0) break
    if (some.sqnr < wanted) continue
    return { result: some, warnings: [`${before}: the ${left} that spoil least for the time do, which leaves ${some.sqnr.toFixed(1)} dB`] }
  }
  const why = `${before}, and storing their weights in int8 leaves ${none.sqnr.toFixed(1)} dB: all compute in float32`
  return { result: none, warnings: [why] }
}
