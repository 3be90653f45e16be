import { cluster } from '@whittle/cluster'
import type { JsonObject, Transform } from '@whittle/ir'
import { float16, quantize } from '@whittle/quantize'
import { simplify } from '@whittle/simplify'
import type { Alternative } from './directives/directive.ts'
import { factorizeSteps, rankLabel } from './factorizing.ts'
import { gridSteps, pruningSteps, trainingLabel } from './training.ts'

/** The resolved, ordered list of transforms with every option filled in: the identity of a build. */
export interface Recipe {
  readonly steps: readonly Transform[]
  /** `int8`, `fp32`: the number format's name. */
  readonly format: string
  /** Unique among the alternatives of a query. */
  readonly label: string
}

/** Options by which weights get a grid that rounding on data does not know. */
const OTHER_GRIDS = ['quantize.granularity', 'quantize.symmetric', 'quantize.levels']

/** What a recipe depends on beside its alternative. */
export interface RecipeFacts {
  /** Whether there are samples. */
  readonly calibrated: boolean
  /** What `sqnr=` asks for, in dB. */
  readonly sqnr?: number | undefined
}

/** The recipe of an alternative. Activations get a grid where there are samples to take it from. */
export function recipeOf(alternative: Alternative, { calibrated, sqnr }: RecipeFacts): Recipe {
  const { format } = alternative
  const options = (transform: string): Record<string, never> => optionsOf(alternative, transform)
  const steps: Transform[] = [
    simplify(),
    ...factorizeSteps(alternative, calibrated, options),
    ...pruningSteps(alternative, calibrated, options),
  ]
  if (format?.float16) steps.push(float16(optionsOf(alternative, 'float16')))
  if (format?.cluster !== undefined)
    steps.push(
      cluster({
        values: format.cluster,
        method: calibrated ? 'feedback' : 'kmeans',
        ...(format.cluster === 'auto' && calibrated && sqnr !== undefined ? { sqnr } : {}),
        ...optionsOf(alternative, 'cluster'),
      }),
    )
  if (format?.bits !== undefined)
    steps.push(
      quantize({
        bits: format.bits,
        activations: calibrated && format.name === 'int8' ? 8 : null,
        rounding: calibrated && !OTHER_GRIDS.some((name) => name in alternative.options) ? 'gptq' : 'nearest',
        // By noise alone the text recogniser would lose words: bits are shared out where noise is what was asked for.
        ...(calibrated && sqnr !== undefined && alternative.options['quantize.allocation'] !== 'uniform'
          ? { allocation: 'mixed', sqnr }
          : {}),
        ...(alternative.training?.qat === undefined ? {} : { latent: true }),
        ...optionsOf(alternative, 'quantize'),
      }),
      ...gridSteps(alternative, options),
    )
  const name = format?.name ?? 'fp32'
  return { steps, format: name, label: `${name}${rankLabel(alternative)}${pruningLabel(alternative)}${trainingLabel(alternative)}` }
}

/** `-channel0.3-prune0.5`, for a variant's name. */
function pruningLabel({ channels, prune: weights }: Alternative): string {
  const scope = (of: { scope?: string }): string => (of.scope === 'global' ? '-global' : '')
  const first = channels && (channels.macs === undefined ? `-channel${channels.ratio}${scope(channels)}` : `-macs${channels.macs}`)
  const share = weights && (weights.pattern ?? `${weights.ratio}${scope(weights)}`)
  return `${first ?? ''}${share ? `-prune${share.replace(':', 'of')}` : ''}`
}

/** What the report and the cache's key say of a recipe. */
export function describeRecipe(recipe: Recipe): { step: string; options: JsonObject }[] {
  return recipe.steps.map((step) => ({ step: step.name, options: step.options }))
}

function optionsOf(alternative: Alternative, transform: string): Record<string, never> {
  const entries = Object.entries(alternative.options).filter(([key]) => key.startsWith(`${transform}.`))
  return Object.fromEntries(entries.map(([key, value]) => [key.slice(transform.length + 1), valueOf(value)])) as Record<string, never>
}

function valueOf(text: string): string | number | boolean | null {
  if (text === 'null') return null
  if (text === 'true' || text === 'false') return text === 'true'
  return Number.isFinite(Number(text)) ? Number(text) : text
}
