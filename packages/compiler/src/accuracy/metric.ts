import { accuracy, topOneAgreement } from '@whittle/engine'
import { type Dataset, type Metric, type Model, OptionError, type Value, kindOf, isTensor } from '@whittle/ir'
import { take } from '../dataset.ts'
import type { Request } from '../directives/directive.ts'
import type { WhittleConfig } from '../types.ts'

/** A metric, and what messages and reports call it. */
export interface NamedMetric {
  readonly name: string
  readonly metric: Metric
}

/** @throws {OptionError} where a directive of accuracy lacks the samples that it is about. */
export function checkAccuracyRequest({ drop, metric, evaluate }: Request): void {
  if (evaluate !== undefined) return
  const given = drop !== undefined ? `drop=${drop}` : metric !== undefined ? `metric=${metric}` : undefined
  if (given !== undefined)
    throw new OptionError(
      'EVALUATE_MISSING',
      `${given} needs samples to be judged on, others than calibrate= takes: give them with evaluate=./test.ts`,
    )
}

/**
 * What judges a model that holds one score a class, where no metric is given: top-1 accuracy where the samples say which class is right, else how
 * often the class is the one that the original gives.
 * @throws {OptionError} when no output, or more than one, is known to hold classes.
 */
export async function classMetric(model: Model, config: WhittleConfig, dataset: Dataset, drop: number | undefined): Promise<NamedMetric> {
  const output = classesOutput(model, config, drop)
  const [sample] = await take(dataset, 1)
  return isClassIndex(sample!.label)
    ? { name: 'top-1 accuracy', metric: accuracy({ output }) }
    : { name: 'top-1 agreement with the original', metric: topOneAgreement({ output }) }
}

function classesOutput(model: Model, { classes = [] }: WhittleConfig, drop: number | undefined): string {
  const { outputs } = model.graph
  const named = outputs.filter(({ name }) => classes.includes(name))
  const found = named.length > 0 ? named : outputs.filter(isSoftmax)
  if (found.length === 1) return found[0]!.name
  const list = (values: readonly Value[]): string => values.map(({ name }) => `'${name}'`).join(', ')
  const why =
    found.length === 0
      ? `no output is known to hold one score a class (${list(outputs)})`
      : `${found.length} outputs hold one score a class (${list(found)})`
  throw new OptionError(
    'METRIC_MISSING',
    `${drop === undefined ? 'evaluate=' : `drop=${drop}`} needs a metric: ${why}; give metric=./metric.ts, or name one output in the list 'classes' of whittle.config` +
      (drop === undefined ? '' : ', or ask for a signal to noise ratio instead, for example sqnr=30'),
  )
}

/** A row of scores for each sample, as Softmax gives it. */
function isSoftmax({ producer, shape }: Value): boolean {
  if (producer?.type !== 'Softmax' && producer?.type !== 'LogSoftmax') return false
  const axis = producer.int('axis', -1)
  return shape?.length === 2 && (axis === -1 || axis === 1)
}

/** The index of a class, as a number or a tensor. */
function isClassIndex(label: unknown): boolean {
  return Number.isInteger(label) || typeof label === 'bigint' || (isTensor(label) && ['int', 'uint'].includes(kindOf(label.type)))
}
