import { invalidOption } from '@whittle/ir'

export interface FactorizeOptions {
  /**
   * Share of each layer's rank that is kept, in (0, 1). A square matrix gains nothing above half its rank. Of `rank`, `energy`, `parameters` and
   * `macs` at most one is given. @default 0.5, where none of the others is given
   */
  rank?: number
  /** Each layer keeps the least rank that holds this share of what it gives, in (0, 1): of its outputs' energy, or of its weights' without data. */
  energy?: number
  /** Share of the model's parameters that is left, in (0, 1): layers lose rank where that costs the outputs least. */
  parameters?: number
  /** The same of its multiply-accumulates; needs inputs of fixed sizes. */
  macs?: number
  /**
   * `'data'` keeps what changes each layer's outputs least on the calibration data, and fits one layer after another to what the original's gave; it
   * needs that data and an engine. `'weights'` keeps what changes the weights least. @default 'weights'
   */
  method?: 'weights' | 'data'
  /**
   * What a convolution becomes: `'output'` k x k to fewer channels, then 1 x 1; `'channel'` 1 x 1, k x k between fewer channels, 1 x 1 (Tucker-2);
   * `'spatial'` k x 1, then 1 x k; `'auto'` whichever loses least. @default 'auto'
   */
  form?: 'auto' | 'output' | 'channel' | 'spatial'
  /** Whether embedding tables are cut to fewer columns with a matrix behind. @default true, but for `macs` */
  embeddings?: boolean
  /** Share of a layer's multiply-accumulates and parameters that has to go, in [0, 1); with less it stays as it is. @default 0.2 */
  gain?: number
  /** Ranks are multiples of it: kernels work on several channels at once. @default 8 */
  multiple?: number
  /** Weights of fewer elements are left alone. @default 4096 */
  minSize?: number
}

/** What says how much goes. */
export const AMOUNTS = ['rank', 'energy', 'parameters', 'macs'] as const
export type Amount = (typeof AMOUNTS)[number]

/** Every option with a value: what a recipe records. One of the amounts is a number, the others are null. */
export type ResolvedOptions = { readonly [K in Amount]: number | null } & Readonly<Required<Omit<FactorizeOptions, Amount>>>

export const FACTORIZE_DEFAULTS = {
  method: 'weights',
  form: 'auto',
  gain: 0.2,
  multiple: 8,
  minSize: 4096,
} as const satisfies FactorizeOptions

const METHODS = ['weights', 'data']
const FORMS = ['auto', 'output', 'channel', 'spatial']

/** Fills in defaults. @throws {OptionError} for a value out of range, or two that contradict each other. */
export function resolveOptions(options: FactorizeOptions): ResolvedOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as FactorizeOptions
  const amounts = AMOUNTS.filter((name) => given[name] !== undefined)
  const [, second] = amounts
  if (second) throw invalidOption('factorize', second, `nothing beside ${amounts[0]}`, given[second])
  const amount = amounts[0] ?? 'rank'
  const resolved = {
    rank: null,
    energy: null,
    parameters: null,
    macs: null,
    ...FACTORIZE_DEFAULTS,
    embeddings: amount !== 'macs',
    ...given,
    ...(amounts.length === 0 ? { rank: 0.5 } : {}),
  }
  const { method, form, embeddings, gain, multiple, minSize } = resolved
  const share = resolved[amount]
  if (!(typeof share === 'number' && share > 0 && share < 1)) throw invalidOption('factorize', amount, 'a number in (0, 1)', share)
  if (!METHODS.includes(method)) throw invalidOption('factorize', 'method', "'weights' or 'data'", method)
  if (!FORMS.includes(form)) throw invalidOption('factorize', 'form', "'auto', 'output', 'channel' or 'spatial'", form)
  if (typeof embeddings !== 'boolean') throw invalidOption('factorize', 'embeddings', 'true or false', embeddings)
  if (!(typeof gain === 'number' && gain >= 0 && gain < 1)) throw invalidOption('factorize', 'gain', 'a number in [0, 1)', gain)
  if (!(Number.isInteger(multiple) && multiple >= 1)) throw invalidOption('factorize', 'multiple', 'a whole number from 1', multiple)
  if (!(Number.isInteger(minSize) && minSize >= 0)) throw invalidOption('factorize', 'minSize', 'a whole number of elements', minSize)
  return resolved
}

/** What says how much goes, and its number. */
export function amountOf(options: ResolvedOptions): { amount: Amount; share: number } {
  const amount = AMOUNTS.find((name) => options[name] !== null)!
  return { amount, share: options[amount]! }
}
