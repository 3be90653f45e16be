import { type Model, OptionError, type Random } from '@whittle/ir'
import { type FakeScale, fakeQuantize } from '../fake-quantize.ts'
import { type Correction, addCorrections } from './corrections.ts'
import type { Parameter } from './optimizer.ts'
import type { ResolvedTraining } from './options.ts'
import { type Learner, learnersOf, parameterOf, rankOf } from './parameters.ts'

/** What of a model learns. */
export interface Choice {
  /** Whose gradients are taken, beside those of scales. */
  readonly learners: readonly Learner[]
  readonly scales: readonly FakeScale[]
  readonly corrections: readonly Correction[]
  /** The numbers that move. */
  readonly parameters: readonly Parameter[]
  /** The weights that change, each with one of the parameters by which it does. */
  readonly learned: readonly { name: string; by: string }[]
  readonly skipped: readonly { at: string; why: string }[]
}

interface Given {
  readonly context: { readonly random: Random }
  readonly throughGrids?: boolean
}

/** @param model is edited: values with grids are rounded, and corrections added. */
export function chooseParameters(owner: string, model: Model, options: ResolvedTraining, { context, throughGrids = false }: Given): Choice {
  const learners = learnersOf(model, options.parameters)
  const rank = rankOf(options.parameters)
  if (rank !== undefined) {
    if (throughGrids)
      throw new OptionError(
        'OPTION_INVALID',
        `${owner}: corrections of a low rank are of finetune and distill; leave parameters out, since all weights are rounded`,
      )
    const corrections = addCorrections(model, learners, rank, context.random.fork('corrections'), options.keepZeros)
    return {
      learners: corrections.flatMap((correction) => correction.learners),
      scales: [],
      corrections,
      parameters: corrections.flatMap(({ left, right }) => [left, right]),
      learned: corrections.map(({ of, left }) => ({ name: of, by: left.name })),
      skipped: [],
    }
  }
  const { scales, skipped } = throughGrids ? fakeQuantize(model) : { scales: [], skipped: [] }
  const weights = learners.map((learner) => parameterOf(learner, options.keepZeros, throughGrids))
  return {
    learners,
    scales,
    corrections: [],
    parameters: [...weights, ...scales.map(scaleParameter)],
    learned: weights.map(({ name }) => ({ name, by: name })),
    skipped,
  }
}

/** Scales stay positive, and move by shares of themselves. */
function scaleParameter({ value }: FakeScale): Parameter {
  const values = Float32Array.from(value.tensor!.toFloat32())
  return { name: value.name, values, decays: false, domain: 'logarithm', state: {}, steps: 0 }
}
