import { factorize } from '@whittle/factorize'
import type { Transform } from '@whittle/ir'
import type { Alternative } from './directives/directive.ts'

/** Options of `factorize` that say how much goes, in the place of `rank=`. */
const AMOUNTS = ['energy', 'parameters', 'macs'] as const

/** What says how much of the rank goes: `rank`, or the option that takes its place, and its number. */
export function rankAmount({
  rank,
  options,
}: Alternative): { name: 'rank' | `factorize.${(typeof AMOUNTS)[number]}`; share: number } | undefined {
  if (rank !== undefined) return { name: 'rank', share: rank }
  for (const amount of AMOUNTS) {
    const text = options[`factorize.${amount}`]
    if (text !== undefined) return { name: `factorize.${amount}`, share: Number(text) }
  }
  return undefined
}

/** The same alternative with another number for it. */
export function withRankAmount(alternative: Alternative, share: number): Partial<Alternative> {
  const { name } = rankAmount(alternative)!
  return name === 'rank' ? { rank: share } : { options: { ...alternative.options, [name]: String(share) } }
}

/** Lower ranks, on data where there is some. */
export function factorizeSteps(
  alternative: Alternative,
  calibrated: boolean,
  optionsOf: (transform: string) => Record<string, never>,
): Transform[] {
  if (!rankAmount(alternative)) return []
  const { rank } = alternative
  return [factorize({ ...(rank === undefined ? {} : { rank }), method: calibrated ? 'data' : 'weights', ...optionsOf('factorize') })]
}

/** `-rank0.5`, for a variant's name. */
export function rankLabel(alternative: Alternative): string {
  const amount = rankAmount(alternative)
  return amount ? `-${amount.name.replace('factorize.', '')}${amount.share}` : ''
}
