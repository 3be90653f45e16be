import { BudgetError } from '@whittle/ir'
import type { Cost } from './cost.ts'
import type { Siblings } from './dependencies.ts'

/** A set of siblings that may lose some. */
export interface Candidate {
  readonly set: Siblings
  /** Components in ascending order of what they matter, and what that is. */
  readonly order: readonly number[]
  readonly scores: Float64Array
  /** How much of a score arrives at the model's outputs. */
  readonly factor: number
  /** How many are left is a multiple of it. */
  readonly step: number
}

/** What shall go: a share of the components, or all but a share of the multiply-accumulates. */
export type Goal = { readonly ratio: number } | { readonly macs: number }

/** No set keeps less than this share of its components. */
export const LEAST = 0.1

/** How many of a set are left at least. */
export function leastOf({ set, step }: Candidate): number {
  const size = set.components.length
  return Math.min(size, Math.max(step, Math.ceil((size * LEAST) / step) * step))
}

/** How many each set loses, where all lose the same share. */
export function shareEvenly(candidates: readonly Candidate[], goal: Goal, cost: Cost): Map<Siblings, number> {
  if ('ratio' in goal) return evenly(candidates, goal.ratio)
  for (let percent = 0; percent < 100; percent++) {
    const counts = evenly(candidates, percent / 100)
    if (cost.macs(counts) <= goal.macs * cost.total) return counts
  }
  throw unreachable(candidates, goal.macs, cost)
}

function evenly(candidates: readonly Candidate[], ratio: number): Map<Siblings, number> {
  return new Map(
    candidates.map((candidate) => {
      const size = candidate.set.components.length
      const kept = Math.round((size * (1 - ratio)) / candidate.step) * candidate.step
      return [candidate.set, size - Math.min(size, Math.max(leastOf(candidate), kept))]
    }),
  )
}

/**
 * How many each set loses, so that little arrives at the outputs: step by step the one whose next components cost least, by what is saved with them.
 * A ratio counts components, a budget multiply-accumulates.
 */
export function shareBySensitivity(candidates: readonly Candidate[], goal: Goal, cost: Cost): Map<Siblings, number> {
  const removed = new Map(candidates.map(({ set }) => [set, 0]))
  const all = candidates.reduce((sum, { set }) => sum + set.components.length, 0)
  const isReached = (): boolean => {
    if ('macs' in goal) return cost.macs(removed) <= goal.macs * cost.total
    return [...removed.values()].reduce((a, b) => a + b, 0) >= Math.floor(goal.ratio * all)
  }
  while (!isReached()) {
    let best: { set: Siblings; count: number; price: number } | undefined
    for (const candidate of candidates) {
      const { set, scores, order, factor, step } = candidate
      const gone = removed.get(set)!
      const left = set.components.length - gone
      // The first step comes to a multiple.
      const count = left % step || step
      if (left - count < leastOf(candidate)) continue
      let damage = 0
      for (let at = gone; at < gone + count; at++) damage += scores[order[at]!]! * factor
      const gain = 'macs' in goal ? cost.saved(set, removed, count) : count
      const price = damage / Math.max(gain, Number.MIN_VALUE)
      if (gain > 0 && (!best || price < best.price)) best = { set, count, price }
    }
    if (!best) {
      if ('macs' in goal) throw unreachable(candidates, goal.macs, cost)
      break
    }
    removed.set(best.set, removed.get(best.set)! + best.count)
  }
  return removed
}

function unreachable(candidates: readonly Candidate[], macs: number, cost: Cost): BudgetError {
  const least = cost.macs(new Map(candidates.map((candidate) => [candidate.set, candidate.set.components.length - leastOf(candidate)])))
  return new BudgetError(
    'MACS_UNREACHABLE',
    `macs=${macs} cannot be reached: with the least channels that layers may keep, ${(least / (cost.total || 1)).toFixed(2)} of the ` +
      'multiply-accumulates are left; ask for more',
  )
}
