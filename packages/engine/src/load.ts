import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Dataset, DatasetError, type Metric, type Sample, WhittleError, isTensor } from '@whittle/ir'
import { type LoadOptions, type LoadedModule, firstLine, loadModule } from './module.ts'
import { npzFiles, npzFolder } from './npz.ts'
import { setOrigin } from './origin.ts'

/** What was loaded, and the files on which it depends. */
export interface Loaded<T> {
  readonly value: T
  /** Absolute paths to watch. */
  readonly files: string[]
}

/**
 * Loads a dataset: a module whose default export is a `Dataset`, or a folder of `.npz` files. The key holds the hash of the module and
 * of the local files that it imports. What the module yields is checked, and every error names the file.
 * @throws {DatasetError} when it is missing, throws, or exports something else; later, from `samples()`, when that throws or yields nothing.
 */
export async function loadDataset(path: string, options: LoadOptions = {}): Promise<Loaded<Dataset>> {
  const full = resolve(options.root ?? '.', path)
  if ((await stat(full).catch(() => undefined))?.isDirectory()) {
    const dataset = await npzFolder(full)
    return { value: dataset, files: (await npzFiles(full)).map((file) => join(full, file)) }
  }
  const module = await loadModule(path, options)
  const dataset = defaultExport(
    module,
    'Dataset',
    ({ key, samples }: Partial<Dataset>) => typeof key === 'string' && typeof samples === 'function',
  )
  return { value: guarded(dataset as Dataset, module), files: module.files }
}

/**
 * Loads a metric: a module whose default export is a `Metric`. The key holds the hash of the module and of the local files that it imports.
 * @throws {DatasetError} naming the file, when it is missing, throws, or exports something else.
 */
export async function loadMetric(path: string, options: LoadOptions = {}): Promise<Loaded<Metric>> {
  const module = await loadModule(path, options)
  const metric = defaultExport(
    module,
    'Metric',
    ({ key, evaluate, higherIsBetter }: Partial<Metric>) =>
      typeof key === 'string' && typeof evaluate === 'function' && typeof higherIsBetter === 'boolean',
  ) as Metric
  return {
    value: {
      key: `${module.hash}:${metric.key}`,
      higherIsBetter: metric.higherIsBetter,
      evaluate: (run, data) => metric.evaluate(run, data),
    },
    files: module.files,
  }
}

const FORMS = {
  Dataset: 'defineDataset({ key, samples })',
  Metric: 'defineMetric({ key, higherIsBetter, evaluate })',
} as const

function defaultExport(module: LoadedModule, kind: keyof typeof FORMS, isKind: (value: never) => boolean): unknown {
  // jiti gives a module that has no default export itself as one.
  const value = 'default' in module.exports ? module.exports.default : undefined
  if (typeof value === 'object' && value !== null && isKind(value as never)) return value
  const given =
    value === undefined
      ? `it exports ${
          Object.keys(module.exports)
            .filter((name) => name !== 'default')
            .join(', ') || 'nothing'
        }`
      : `it is ${typeof value === 'object' && value !== null ? `an object with ${Object.keys(value).join(', ') || 'nothing in it'}` : `a ${typeof value}`}`
  throw new DatasetError(
    'MODULE_EXPORT',
    `${module.name}: the default export is not a ${kind}; write export default ${FORMS[kind]} (${given})`,
  )
}

/** The dataset with the module's hash in its key, and errors that name the file and the sample. */
function guarded(dataset: Dataset, { name, hash }: LoadedModule): Dataset {
  return {
    key: `${hash}:${dataset.key}`,
    ...(dataset.length === undefined ? {} : { length: dataset.length }),
    async *samples() {
      let count = 0
      try {
        for await (const sample of dataset.samples()) {
          const origin = `${name}, sample ${count}`
          checkForm(sample, origin)
          yield setOrigin(sample, origin)
          count++
        }
      } catch (error) {
        if (error instanceof WhittleError) throw error
        throw new DatasetError('DATASET_THREW', `${name}: samples() threw at sample ${count}: ${firstLine(error)}`, { cause: error })
      }
      if (count === 0) throw new DatasetError('DATASET_EMPTY', `${name}: samples() yields nothing; a dataset needs at least one sample`)
    },
  }
}

function checkForm(sample: Sample, where: string): void {
  const inputs: unknown = (sample as Partial<Sample> | null)?.inputs
  if (typeof inputs !== 'object' || inputs === null)
    throw new DatasetError('SAMPLE_FORM', `${where}: expected { inputs: { name: Tensor }, label? }`)
  for (const [key, value] of Object.entries(inputs))
    if (!isTensor(value))
      throw new DatasetError('SAMPLE_FORM', `${where}: input '${key}' is not a Tensor; make one with Tensor.of(type, dims, data)`)
}
