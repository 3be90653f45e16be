import type { Choice } from './choose.ts'

/** A layer that may cost less. */
export interface Bidder {
  readonly choices: readonly Choice[]
  /** What it costs as it is. */
  readonly cost: number
  costOf(choice: Choice): number
  /** How much what it loses matters to the model's outputs. */
  readonly importance: number
}

/**
 * What each layer becomes so that at least `saving` is saved and as little as can be is lost: the steps along each layer's lower convex hull of loss over
 * cost are taken in the order of what is lost for what they save (Shoham & Gersho 1988).
 * @returns for each its choice, undefined where it stays as it is; and what is saved, less than asked for where all of it does not suffice.
 */
export function spend(bidders: readonly Bidder[], saving: number): { choices: (Choice | undefined)[]; saved: number } {
  const steps = bidders.flatMap((bidder, index) => hull(bidder).map((step) => ({ ...step, index })))
  steps.sort((a, b) => a.price - b.price || a.index - b.index)
  const choices = bidders.map(() => undefined as Choice | undefined)
  let saved = 0
  for (const { index, choice, saves } of steps) {
    if (saved >= saving) break
    choices[index] = choice
    saved += saves
  }
  return { choices, saved }
}

interface Step {
  readonly choice: Choice
  /** Beside the step before. */
  readonly saves: number
  readonly price: number
}

/** The corners of the lower convex hull from the layer as it is, prices rising. */
function hull({ choices, cost, costOf, importance }: Bidder): Step[] {
  const points = choices
    .map((choice) => ({ choice, cost: costOf(choice), loss: choice.lost * importance }))
    .filter((point) => point.cost < cost)
  const steps: Step[] = []
  let [at, lost] = [cost, 0]
  for (;;) {
    let best: (Step & { cost: number; loss: number }) | undefined
    for (const point of points) {
      if (point.cost >= at) continue
      const saves = at - point.cost
      const price = Math.max(0, point.loss - lost) / saves
      if (!best || price < best.price || (price === best.price && saves > best.saves)) best = { ...point, saves, price }
    }
    if (!best) return steps
    steps.push(best)
    ;[at, lost] = [best.cost, best.loss]
  }
}
