import { dirname, relative, resolve } from 'node:path'
import { type LoadOptions, type Loaded, checkSample, loadDataset, loadMetric, portsOf, randomDataset } from '@whittle/engine'
import { type Dataset, DatasetError, type Metric, type Model, type Sample, defineDataset, defineMetric } from '@whittle/ir'
import { defineConfig } from './define-config.ts'
import type { WhittleConfig } from './types.ts'

/** Where names in directives start, and who is told what files they lead to. */
export interface Places {
  readonly root: string
  readonly importer: string
  readonly onDependency: (file: string) => void
}

/**
 * The dataset that `calibrate=` or `evaluate=` names: one of the configuration, else a module or a folder, relative to the importer.
 * @throws {DatasetError} naming what was looked for and where.
 */
export function findDataset(name: string, config: WhittleConfig, places: Places): Promise<Dataset> {
  return find(name, config.datasets, places, loadDataset)
}

/** The metric that `metric=` names: one of the configuration, else a module, relative to the importer. @throws {DatasetError} as {@link findDataset}. */
export function findMetric(name: string, config: WhittleConfig, places: Places): Promise<Metric> {
  return find(name, config.metrics, places, loadMetric)
}

async function find<T extends object>(
  name: string,
  configured: Readonly<Record<string, string | T>> = {},
  { root, importer, onDependency }: Places,
  load: (path: string, options: LoadOptions) => Promise<Loaded<T>>,
): Promise<T> {
  const named = Object.hasOwn(configured, name) ? configured[name]! : undefined
  if (typeof named === 'object') return named
  const path = resolve(named === undefined ? dirname(importer) : root, named ?? name)
  onDependency(path)
  const { value, files } = await load(path, { root, modules: APP_MODULES, onFile: onDependency })
  files.forEach(onDependency)
  return value
}

/** What the app's own modules import for types and helpers: this process's copies, so that nothing is loaded twice. */
export const APP_MODULES = {
  '@whittle/compiler': { defineConfig, defineDataset, defineMetric },
  '@whittle/rollup-plugin': { defineConfig, defineDataset, defineMetric },
}

/** The dataset, with every sample checked against the model. */
export function checkedDataset(dataset: Dataset, model: Model): Dataset {
  const { inputs } = portsOf(model)
  return {
    key: dataset.key,
    length: dataset.length,
    async *samples() {
      for await (const sample of dataset.samples()) {
        checkSample(sample, inputs)
        yield sample
      }
    },
  }
}

/** The first samples of a dataset, all of which are held. */
export async function take(dataset: Dataset, count: number): Promise<Sample[]> {
  const samples: Sample[] = []
  for await (const sample of dataset.samples()) {
    samples.push(sample)
    if (samples.length === count) break
  }
  if (samples.length === 0) throw new DatasetError('DATASET_EMPTY', `the dataset '${dataset.key}' yields no samples`)
  return samples
}

/** Seeded samples for a model that comes without data. */
export function syntheticDataset(model: Model): Dataset {
  return randomDataset(portsOf(model).inputs, 4, 'whittle')
}

/** A path as messages show it. */
export function shown(file: string, root: string): string {
  const path = relative(root, file)
  return path.startsWith('..') ? file : path
}
