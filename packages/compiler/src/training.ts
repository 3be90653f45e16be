import { type Model, OptionError, type Transform, type Value, inferShapes } from '@whittle/ir'
import { distill, finetune, qat } from '@whittle/train'
import { type PruneOptions, gradualRatios, prune } from '@whittle/prune'
import type { Alternative, Request } from './directives/directive.ts'
import { readSource } from './source.ts'

/** @throws {OptionError} TRAIN_REQUEST where training is asked for that has nothing to learn from, or no grids to learn through. */
export function checkTrainingRequest({ alternatives, calibrate, train, teacher }: Request): void {
  for (const { prune: pruning, training, options } of alternatives) {
    const rounds = options['prune.rounds']
    if (rounds !== undefined && (pruning?.ratio === undefined || (training?.finetune ?? training?.distill) === undefined))
      throw new OptionError(
        'TRAIN_REQUEST',
        `prune.rounds=${rounds} prunes a little and trains, again and again: write it with prune= as a share, and with finetune= or distill=`,
      )
  }
  const trained = alternatives.find(({ training }) => training)
  const [asked] = Object.entries(trained?.training ?? {})
  if (train !== undefined && !asked)
    throw new OptionError(
      'TRAIN_REQUEST',
      `train=${train} gives samples to learn from, and nothing learns: add finetune=, distill= or qat=`,
    )
  if (teacher !== undefined && !alternatives.some(({ training }) => training?.distill ?? training?.qat))
    throw new OptionError('TRAIN_REQUEST', `teacher=${teacher} is followed by what learns, and nothing does: add distill= or qat=`)
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

/**
 * The model that is followed in place of the import.
 * @param file its absolute path, and `name` as it was written.
 * @throws {OptionError} TEACHER_PORTS where it takes or gives other values.
 */
export function readTeacher(file: string, name: string, student: Model, root: string): { teacher: Model; files: string[] } {
  const { model: teacher, files } = readSource(file, root)
  inferShapes(teacher)
  const names = (values: readonly Value[]): string => values.map((value) => `'${value.name}'`).join(', ')
  const inputs = (model: Model): Value[] => model.graph.inputs.filter(({ tensor }) => !tensor)
  for (const [kind, theirs, ours] of [
    ['inputs', inputs(teacher), inputs(student)],
    ['outputs', teacher.graph.outputs, student.graph.outputs],
  ] as const)
    if (theirs.length !== ours.length || theirs.some((value) => !ours.some((own) => own.name === value.name)))
      throw new OptionError(
        'TEACHER_PORTS',
        `teacher=${name} has the ${kind} ${names(theirs)}, and the import has ${names(ours)}: a student is given and gives the same`,
      )
  return { teacher, files }
}

type Training = NonNullable<Alternative['training']>
type OptionsOf = (transform: string) => Record<string, never>

/**
 * What prunes, and what learns before weights are rounded: one run, whose losses are added up where both are asked for. With `prune.rounds`
 * a little is pruned, and trained for a share of the steps, again and again. Channels go first, so that the weights that become zero are a share of what is left.
 */
export function pruningSteps(alternative: Alternative, calibrated: boolean, optionsOf: OptionsOf): Transform[] {
  const { channels, prune: pruning, training } = alternative
  const { rounds = 1, minSize, multiple, ...shared } = optionsOf('prune') as PruneOptions & { rounds?: number }
  const given = { method: calibrated ? 'obs' : 'magnitude', ...pruning, ...shared, minSize } as const
  // Where both prune, each of the two has an option that is not the other's.
  const [less, more] = channels && pruning ? [{}, {}] : [{ minSize }, { multiple }]
  const first = channels ? [prune({ granularity: 'channel', method: given.method, ...channels, ...shared, multiple, ...less })] : []
  const pruned = (ratio?: number): Transform[] => (pruning ? [prune({ ...given, ...more, ...(ratio === undefined ? {} : { ratio }) })] : [])
  if (pruning?.ratio === undefined || rounds === 1) return [...first, ...pruned(), ...tuningSteps(training ?? {}, 1, optionsOf)]
  const ratios = gradualRatios(pruning.ratio, rounds)
  return [...first, ...ratios.flatMap((ratio) => [...pruned(ratio), ...tuningSteps(training ?? {}, 1 / ratios.length, optionsOf)])]
}

function tuningSteps({ finetune: tuned, distill: distilled }: Training, share: number, optionsOf: OptionsOf): Transform[] {
  const steps = (count: number): number => Math.max(1, Math.round(count * share))
  if (distilled !== undefined) {
    const labels = tuned !== undefined
    const options = { ...(labels ? optionsOf('finetune') : {}), ...optionsOf('distill') }
    return [distill({ steps: steps(Math.max(distilled, tuned ?? 0)), labels, ...options })]
  }
  return tuned === undefined ? [] : [finetune({ steps: steps(tuned), ...optionsOf('finetune') })]
}

/** What learns through the grids of weights and activations. */
export function gridSteps({ training }: Alternative, optionsOf: OptionsOf): Transform[] {
  return training?.qat === undefined ? [] : [qat({ steps: training.qat, ...optionsOf('qat') })]
}

/** `-distill500-qat200`, for a variant's name. */
export function trainingLabel({ training }: Alternative): string {
  return Object.entries(training ?? {})
    .map(([name, steps]) => `-${name}${steps}`)
    .join('')
}
