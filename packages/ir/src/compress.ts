import { TransformError, WhittleError, messageOf } from './errors.ts'
import type { Model } from './model.ts'
import type { Checkpoints, Context, JsonObject, Report, Transform } from './transform.ts'
import { validate } from './validate.ts'

/** The report of one step. */
export interface StepReport extends Report {
  readonly step: string
  readonly options: JsonObject
}

/**
 * Runs transforms in order on a copy of `model`, and validates after each.
 * @throws {TransformError} naming the step that failed, or that left the model invalid.
 */
export async function compress(
  model: Model,
  steps: readonly Transform[],
  context: Context,
): Promise<{ model: Model; reports: StepReport[] }> {
  const copy = model.clone()
  validate(copy)
  const reports: StepReport[] = []
  const inner = { original: model, ...context }
  for (const step of steps) {
    context.signal?.throwIfAborted()
    context.onProgress?.({ step: step.name, done: reports.length, total: steps.length })
    // A step of a kind that was there before draws other numbers, such as another order of samples.
    const again = reports.filter((report) => report.step === step.name).length
    const checkpoints = inner.checkpoints && namesOf(inner.checkpoints, `${reports.length}-${step.name}`)
    const random = again > 0 ? inner.random.fork(`${step.name} ${again}`) : inner.random
    const report = await runStep(step, copy, { ...inner, random, ...(checkpoints ? { checkpoints } : {}) })
    try {
      validate(copy)
    } catch (error) {
      throw new TransformError('STEP_INVALID', `${step.name} left the model invalid: ${messageOf(error)}`, { cause: error })
    }
    reports.push({ step: step.name, options: step.options, ...report })
  }
  return { model: copy, reports }
}

/** Names of one step, of which a recipe may have several alike. */
function namesOf(all: Checkpoints, step: string): Checkpoints {
  return {
    read: (name) => all.read(`${step}/${name}`),
    write: (name, state) => all.write(`${step}/${name}`, state),
    remove: (name) => all.remove(`${step}/${name}`),
  }
}

async function runStep(step: Transform, model: Model, context: Context): Promise<Report> {
  try {
    step.requires?.(model, context)
    return await step.run(model, context)
  } catch (error) {
    if (context.signal?.aborted) throw error
    // An error of ours says already what is wrong and what to do; it only needs the step's name.
    if (error instanceof WhittleError) {
      if (!error.message.startsWith(step.name)) error.message = `${step.name}: ${error.message}`
      throw error
    }
    throw new TransformError('STEP_FAILED', `${step.name} failed: ${messageOf(error)}`, { cause: error })
  }
}
