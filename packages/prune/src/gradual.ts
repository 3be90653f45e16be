import { invalidOption } from '@whittle/ir'

/**
 * Shares of zeros for pruning in rounds with training between them: many go at first, while there is much to spare, and fewer in each later
 * round (Zhu & Gupta 2017, the cubic schedule).
 * @param ratio what the last round reaches, in (0, 1).
 * @throws {OptionError} OPTION_INVALID
 */
export function gradualRatios(ratio: number, rounds: number): number[] {
  if (!(typeof ratio === 'number' && ratio > 0 && ratio < 1)) throw invalidOption('prune', 'ratio', 'a number in (0, 1)', ratio)
  if (!(Number.isInteger(rounds) && rounds > 0)) throw invalidOption('prune', 'rounds', 'a whole number above 0', rounds)
  return Array.from({ length: rounds }, (_, round) => ratio * (1 - (1 - (round + 1) / rounds) ** 3))
}
