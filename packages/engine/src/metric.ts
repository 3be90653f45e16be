import { type Dataset, DatasetError, type Metric, type Runners, type Sample, type Tensor, type Tensors, isTensor } from '@whittle/ir'

export interface ClassMetricOptions {
  /** The output that holds the classes' scores on its last axis; by default the model's only output. */
  output?: string
}

/**
 * Share of samples whose greatest score is at the label: a class index as a number, or a tensor that holds one, or one score a class.
 * `evaluate` runs the model named `model`, or the only one.
 */
export function accuracy(options: ClassMetricOptions = {}): Metric {
  return {
    key: `accuracy:${options.output ?? ''}`,
    higherIsBetter: true,
    async evaluate(run, dataset) {
      const model = runnerOf(run, 'model')
      return await score(dataset, async (sample, where) => {
        const classes = classesOf(await model(sample.inputs), options.output)
        const labels = labelsOf(sample.label, classes.length, where)
        return share(classes, labels)
      })
    },
  }
}

/** Share of samples on which the model named `model` has the same greatest score as the one named `original`. Needs no labels. */
export function topOneAgreement(options: ClassMetricOptions = {}): Metric {
  return {
    key: `top-one-agreement:${options.output ?? ''}`,
    higherIsBetter: true,
    async evaluate(run, dataset) {
      const [original, model] = [runnerOf(run, 'original'), runnerOf(run, 'model')]
      return await score(dataset, async (sample) =>
        share(classesOf(await model(sample.inputs), options.output), classesOf(await original(sample.inputs), options.output)),
      )
    },
  }
}

async function score(
  dataset: Dataset,
  judge: (sample: Sample, where: string) => Promise<number>,
): Promise<{ value: number; perSample: number[] }> {
  const perSample: number[] = []
  for await (const sample of dataset.samples()) perSample.push(await judge(sample, `sample ${perSample.length}`))
  if (perSample.length === 0) throw new DatasetError('DATASET_EMPTY', 'the dataset yields no samples, so that the metric has no value')
  return { value: perSample.reduce((sum, value) => sum + value, 0) / perSample.length, perSample }
}

function runnerOf(run: Runners, name: string): Runners[string] {
  const names = Object.keys(run)
  const runner = run[name] ?? (names.length === 1 ? run[names[0]!] : undefined)
  if (!runner) throw new DatasetError('METRIC_MODEL', `the metric needs a model named '${name}'; given are ${names.join(', ') || 'none'}`)
  return runner
}

/** The index of the greatest score on the last axis, for each row. */
function classesOf(outputs: Tensors, name: string | undefined): number[] {
  const names = Object.keys(outputs)
  if (name === undefined && names.length !== 1)
    throw new DatasetError(
      'METRIC_OUTPUT',
      `the model has ${names.length} outputs (${names.join(', ')}); name the one that holds the classes`,
    )
  const tensor = outputs[name ?? names[0]!]
  if (!tensor) throw new DatasetError('METRIC_OUTPUT', `the model has no output '${name}'; its outputs are ${names.join(', ')}`)
  return argmax(tensor)
}

function argmax(tensor: Tensor): number[] {
  const scores = tensor.toFloat32()
  const width = tensor.dims.at(-1) ?? 1
  const classes: number[] = []
  for (let row = 0; row < scores.length; row += width) {
    let best = 0
    for (let i = 1; i < width; i++) if (scores[row + i]! > scores[row + best]!) best = i
    classes.push(best)
  }
  return classes
}

function labelsOf(label: unknown, rows: number, where: string): number[] {
  if (rows === 1 && (typeof label === 'number' || typeof label === 'bigint')) return [Number(label)]
  if (isTensor(label)) {
    if (label.size === rows) return label.toNumbers()
    const classes = argmax(label)
    if (classes.length === rows) return classes
    throw new DatasetError(
      'LABEL_SHAPE',
      `${where}: the label has shape [${label.dims.join(', ')}]; expected one class index for each of ${rows} row(s)`,
    )
  }
  throw new DatasetError(
    'LABEL_MISSING',
    `${where}: accuracy needs a label that is a class index for each of ${rows} row(s) (a number or a Tensor), received ${String(label)}`,
  )
}

function share(given: readonly number[], expected: readonly number[]): number {
  return given.filter((value, index) => value === expected[index]).length / given.length
}
