import { dirname, relative, resolve } from 'node:path'
import { type Loaded, checkSample, loadDataset, portsOf, randomDataset } from '@whittle/engine'
import { type Dataset, DatasetError, type Model, type Sample, defineDataset, defineMetric } from '@whittle/ir'
import { defineConfig } from './define-config.ts'
import type { WhittleConfig } from './types.ts'

/**
 * The dataset that `calibrate=` names: one of the configuration, else a module or a folder, relative to the importer.
 * @throws {DatasetError} naming what was looked for and where.
 */
export async function findDataset(
  name: string,
  config: WhittleConfig,
  places: { root: string; importer: string },
  onDependency: (file: string) => void,
): Promise<Loaded<Dataset>> {
  const named = Object.hasOwn(config.datasets ?? {}, name) ? config.datasets![name]! : undefined
  if (typeof named === 'object') return { value: named, files: [] }
  const base = named === undefined ? dirname(places.importer) : places.root
  const path = resolve(base, named ?? name)
  onDependency(path)
  return loadDataset(path, { root: places.root, modules: APP_MODULES, onFile: onDependency })
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
