import { BudgetError } from '@whittle/ir'
import type { Accuracy } from '../types.ts'

/** One line of a variant's accuracy: `top-1 accuracy 0.946, original 0.95: -0.40 points (95 %: -0.92 to +0.12) on 1000 samples; drop=1 holds`. */
export function accuracyText(accuracy: Accuracy): string {
  const { metric, variant, original, samples, drop, decision } = accuracy
  const budget = drop === undefined ? '' : `; drop=${drop} ${decision === 'holds' ? 'holds' : 'does not hold'}`
  return `${metric} ${short(variant)}, original ${short(original)}: ${change(accuracy)} on ${samples} samples${budget}`
}

/** Why a build is over before anything is compressed: not even a variant that gives what the original gives would be known to hold. */
export function tooFewSamples(atBest: Accuracy): BudgetError {
  const { drop, samples, needs, interval } = atBest
  const count = needs === undefined ? 'needs more samples' : `needs at least about ${needs} samples`
  const why =
    interval === null
      ? 'nothing can be said of how far others differ'
      : `even a variant that loses none of them could lose up to ${points(-interval[0])} points of others (95 %)`
  return new BudgetError(
    'BUDGET_UNDECIDED',
    `drop=${drop} is undecided, ${count}: on the ${samples} of evaluate=, ${why}; give it more${orAllow(atBest)}`,
  )
}

/** What a build says that fell back. @param asWritten what the import's own directives gave. */
export function fallbackWarning(asWritten: Accuracy, { fallback = [] }: Accuracy): string {
  const { metric, drop, decision, needs } = asWritten
  const told = needs === undefined ? '' : ` (about ${needs} samples would tell)`
  const verdict = decision === 'fails' ? `more than drop=${drop} allows` : `and drop=${drop} is undecided${told}`
  return `as written it changes ${metric} by ${change(asWritten)}, ${verdict}: built as with ${fallback.join('&')}, which holds`
}

/** Why no way to build a variant holds, and how near the nearest came. */
export function budgetError(id: string, nearest: Accuracy, tried: number): BudgetError {
  const { metric, variant, original, samples, difference, drop, decision, needs, fallback = [] } = nearest
  const way = tried === 1 ? '' : `, the nearest of ${tried} ways to build it (${fallback.join('&') || 'as written'})`
  const told = `${metric} is ${short(variant)}, of the original ${short(original)}: ${change(nearest)} on ${samples} samples`
  if (decision === 'undecided' && difference >= -drop!)
    return new BudgetError(
      'BUDGET_UNDECIDED',
      `variant ${id}${way}: drop=${drop} is undecided, needs ${needs === undefined ? 'more' : `about ${needs}`} samples: ${told}; give evaluate= more samples, ask for more bits or less pruning${orAllow(nearest)}`,
    )
  return new BudgetError(
    'BUDGET_DROP',
    `variant ${id}${way} loses more than drop=${drop}: ${told}; ask for more bits or less pruning${orAllow(nearest)}`,
  )
}

/** The least budget that these samples say holds. */
function orAllow({ interval }: Accuracy): string {
  return interval === null || interval[0] >= 0 ? '' : `, or allow drop=${roundedUp(-interval[0])}`
}

function change({ difference, interval }: Accuracy): string {
  const range = interval === null ? 'one sample has no interval' : `95 %: ${signed(interval[0])} to ${signed(interval[1])}`
  return `${signed(difference)} points (${range})`
}

function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${points(value)}`
}

/** Hundredths of a point; of what is less than a tenth, two digits. */
function points(value: number): string {
  const size = Math.abs(value)
  return size >= 0.1 || size < 1e-9 ? (size < 1e-9 ? 0 : value).toFixed(2) : String(Number(value.toPrecision(2)))
}

/** To two digits. */
function roundedUp(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1)
  return Number((Math.ceil(value / unit) * unit).toPrecision(2))
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)))
}
