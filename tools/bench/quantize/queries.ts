import { join } from 'node:path'
import type { Bench, Row } from '../bench.ts'
import { cache } from '../peers.ts'
import { tasks } from '../tasks/index.ts'
import { importForm } from './forms.ts'
import { measureForms } from './measure.ts'

/**
 * A bench of import queries: brotli bytes, accuracy on samples that share nothing with the calibration and the 95 % interval of its paired difference
 * to the original's. As the bench `quantize` judges, without other tools.
 * @param name the folder of the files.
 * @param defaults tasks whose figures are kept; others by name.
 */
export function benchOfQueries(name: string, queries: readonly string[], defaults: readonly string[]): Bench {
  return async ({ only, samples, log }) => {
    const names = only.length > 0 ? only : defaults
    const unknown = names.filter((task) => !tasks.some((other) => other.name === task))
    if (unknown.length > 0) throw new Error(`no task ${unknown.join(', ')}: there are ${tasks.map((task) => task.name).join(', ')}`)
    const rows: Row[] = []
    for (const task of tasks.filter((other) => names.includes(other.name))) {
      await task.prepare?.(log)
      const folder = join(cache, name, task.name)
      rows.push(...(await measureForms({ task, folder, ours: queries.map(importForm), peers: [], samples: samples ?? task.samples, log })))
    }
    return rows
  }
}
