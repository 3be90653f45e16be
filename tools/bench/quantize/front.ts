import { pairedMeanInterval, pairedProportionInterval } from '@whittle/engine'
import type { Score } from '../tasks/task.ts'

/** Something that was measured: who made it, its bytes, and its score on each sample. */
export interface Point {
  readonly tool: string
  readonly form: string
  readonly brotli: number
  readonly scores: readonly Score[]
}

/** Accuracy of `other` less that of `one` on the samples that both have, with its 95 % interval. */
export function difference(one: readonly Score[], other: readonly Score[]): { mean: number; low: number; high: number } {
  const [first, second] = [one.slice(0, other.length), other.slice(0, one.length)]
  const differences = second.map(({ correct }, at) => correct - first[at]!.correct)
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length
  const all = [...first, ...second]
  // Right or wrong, rather than a degree of likeness that happens to be complete everywhere.
  const whole = all.every(({ correct, decisions = 1 }) => decisions === 1 && correct % 1 === 0) && all.some(({ correct }) => correct === 0)
  const count = (sign: number): number => differences.filter((value) => value === sign).length
  const [low, high] = whole ? pairedProportionInterval(count(1), count(-1), differences.length) : pairedMeanInterval(differences)
  return { mean, low, high }
}

/**
 * `yes` where no peer has fewer bytes and better accuracy, beyond the paired interval; else the peers that have. `yes, TOOL as accurate in
 * BYTES` where a peer's smaller file is not told apart.
 */
export function front(point: Point, peers: readonly Point[]): string {
  const smaller = peers.filter((peer) => peer.brotli < point.brotli)
  const compared = smaller.map((peer) => ({ peer, ...difference(point.scores, peer.scores) }))
  const better = compared.filter(({ low }) => low > 0)
  if (better.length > 0) return better.map(({ peer }) => nameOf(peer)).join('; ')
  const equal = compared.filter(({ high }) => high >= 0).sort((a, b) => a.peer.brotli - b.peer.brotli)[0]
  return equal ? `yes, ${nameOf(equal.peer)} as accurate in ${equal.peer.brotli}` : 'yes'
}

function nameOf({ tool, form }: Point): string {
  return form.toLowerCase().startsWith(tool) ? form : `${tool} ${form}`
}
