import type { Request } from './directives/directive.ts'
import type { Forecast } from './forecast.ts'
import type { Pair } from './variants.ts'

/**
 * Why a variant is not shipped, where it is not: its target is forecast to run it slower than wasm, and was not asked for by name; or not at all.
 * Only beside a variant for wasm, which every browser has and which is never dropped.
 */
export function whyDropped({ target, verdict, warnings }: Forecast, { targets }: Request, pairs: readonly Pair[]): string | undefined {
  if (verdict === 'well' || !pairs.some((pair) => pair.target.provider === 'wasm')) return undefined
  if (verdict === 'poor' && targets) return undefined
  return verdict === 'poor' ? `${warnings.at(-1)}; target=${target} ships it all the same` : warnings[0]
}
