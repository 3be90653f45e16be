import type { Model, Target } from '@whittle/ir'
import { type Forecast, forecast } from '../forecast.ts'
import { lower } from './lower.ts'
import { isRounded, leaveUnrounded } from './unrounded.ts'

/** A form in which a model can be lowered for a target. */
export interface Form {
  /** The target with what is used of its forms of computing. */
  readonly target: Target
  /** Whether the rounding of activations that the model came with is left out. */
  readonly unrounded: boolean
}

/** The form that a target is fast with where it runs all of it. */
export function firstForm(target: Target): Form {
  return { target, unrounded: false }
}

/** The model in a form, before it is lowered: itself, or a copy. */
export function inForm(model: Model, { unrounded }: Form): Model {
  if (!unrounded) return model
  const copy = model.clone()
  leaveUnrounded(copy)
  return copy
}

/**
 * The form that a target is forecast to run better than the first, where it runs that one poorly or not at all: with weights that are only
 * stored in fewer bits, with activations that are no longer rounded, or both. The first that runs well, else that with the least time.
 * @returns undefined where none is better.
 */
export function betterForm(
  model: Model,
  target: Target,
  shapes: Readonly<Record<string, readonly number[]>>,
): { form: Form; why: string } | undefined {
  if (!target.crossing) return undefined
  const outlookOf = (form: Form): Forecast => {
    const copy = model.clone()
    if (form.unrounded) leaveUnrounded(copy)
    lower(copy, form.target, shapes)
    return forecast(copy, target, shapes)
  }
  const before = outlookOf(firstForm(target))
  if (before.verdict === 'well') return undefined
  const stored: Target = { ...target, computes: [] }
  const computing = target.computes.length > 0 ? [target, stored] : [target]
  const forms = [false, ...(isRounded(model) ? [true] : [])]
    .flatMap((unrounded) => computing.map((as): Form => ({ target: as, unrounded })))
    .slice(1)
  let best: { form: Form; after: Forecast } | undefined
  for (const form of forms) {
    const after = outlookOf(form)
    if (timeOf(after) < timeOf(best?.after ?? before)) best = { form, after }
    if (after.verdict === 'well') break
  }
  return best && { form: best.form, why: sentence(best.form, target, before, best.after) }
}

/** Beside the provider's work. */
function timeOf({ verdict, cost }: Forecast): number {
  return verdict === 'fails' || !cost ? Infinity : cost.crossings + cost.cpu
}

function sentence({ target, unrounded }: Form, { name, computes }: Target, before: Forecast, after: Forecast): string {
  const what = [
    ...(target.computes.length < computes.length ? ['weights are stored in fewer bits and computed in float32'] : []),
    ...(unrounded ? ['activations are not rounded, as the model has it'] : []),
  ].join(', and ')
  const times = `${before.nodes.cpu} nodes on the CPU and ${before.partitions} parts become ${after.nodes.cpu} and ${after.partitions}`
  return `lowered in another form for ${name}: ${what}, so that ${times} (untested)`
}
