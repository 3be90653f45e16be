import type { Dataset, Model } from '@whittle/ir'
import { type Places, findMetric } from '../dataset.ts'
import type { Request } from '../directives/directive.ts'
import type { WhittleConfig } from '../types.ts'
import { Evaluation, type EvaluationRequest } from './evaluation.ts'
import { classMetric } from './metric.ts'
import { tooFewSamples } from './words.ts'

export interface Start extends Omit<EvaluationRequest, 'name' | 'metric'> {
  readonly calibration: Dataset | undefined
  readonly model: Model
}

/**
 * Runs the original on the samples of `evaluate=`.
 * @returns what judges the variants, and sentences that a user must see.
 * @throws {BudgetError} when the samples are too few for `drop=`, whatever is built.
 */
export async function startEvaluation(
  { model, calibration, ...rest }: Start,
  { metric: name, drop }: Request,
  config: WhittleConfig,
  places: Places,
): Promise<{ evaluation: Evaluation; warnings: string[] }> {
  const named =
    name === undefined ? await classMetric(model, config, rest.dataset, drop) : { name, metric: await findMetric(name, config, places) }
  const evaluation = await Evaluation.of({ ...rest, ...named })
  const atBest = drop === undefined ? undefined : evaluation.atBest(drop)
  if (atBest && atBest.decision !== 'holds') throw tooFewSamples(atBest)
  const { warning } = evaluation
  return { evaluation, warnings: [...(calibration?.key === rest.dataset.key ? [SAME] : []), ...(warning === undefined ? [] : [warning])] }
}

const SAME =
  'calibrate= and evaluate= give the same samples: accuracy on what the build was fitted to says little of other samples; give evaluate= samples of its own'
