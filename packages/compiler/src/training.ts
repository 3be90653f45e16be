import { OptionError, type Transform } from '@whittle/ir'
import { distill, finetune, qat } from '@whittle/train'
import type { Alternative, Request } from './directives/directive.ts'

/** @throws {OptionError} TRAIN_REQUEST where training is asked for that has nothing to learn from, or no grids to learn through. */
export function checkTrainingRequest({ alternatives, calibrate, train }: Request): void {
  const trained = alternatives.find(({ training }) => training)
  const [asked] = Object.entries(trained?.training ?? {})
  if (train !== undefined && !asked)
    throw new OptionError(
      'TRAIN_REQUEST',
      `train=${train} gives samples to learn from, and nothing learns: add finetune=, distill= or qat=`,
    )
  if (!asked) return
  if (calibrate === undefined && train === undefined)
    throw new OptionError('TRAIN_REQUEST', `${asked.join('=')} learns from samples: give them with train=./samples.ts, or calibrate=`)
  for (const { training, format, options } of alternatives)
    if (training?.qat !== undefined && (format?.bits === undefined || (options['quantize.levels'] ?? 'uniform') === 'kmeans'))
      throw new OptionError(
        'TRAIN_REQUEST',
        `qat=${training.qat} trains through the steps of a number format: write it with int8, int4 or bits=${format?.bits === undefined ? '' : ', and without quantize.levels=kmeans'}`,
      )
}

/** What learns before weights are rounded: one run, whose losses are added up where both are asked for. */
export function tuningSteps({ training }: Alternative, optionsOf: (transform: string) => Record<string, never>): Transform[] {
  const { finetune: tuned, distill: distilled } = training ?? {}
  if (distilled !== undefined) {
    const labels = tuned !== undefined
    const options = { ...(labels ? optionsOf('finetune') : {}), ...optionsOf('distill') }
    return [distill({ steps: Math.max(distilled, tuned ?? 0), labels, ...options })]
  }
  return tuned === undefined ? [] : [finetune({ steps: tuned, ...optionsOf('finetune') })]
}

/** What learns through the grids of weights and activations. */
export function gridSteps({ training }: Alternative, optionsOf: (transform: string) => Record<string, never>): Transform[] {
  return training?.qat === undefined ? [] : [qat({ steps: training.qat, ...optionsOf('qat') })]
}

/** `-distill500-qat200`, for a variant's name. */
export function trainingLabel({ training }: Alternative): string {
  return Object.entries(training ?? {})
    .map(([name, steps]) => `-${name}${steps}`)
    .join('')
}
