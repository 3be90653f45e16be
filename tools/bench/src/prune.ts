import { join } from 'node:path'
import type { Bench, Row } from '../bench.ts'
import { cache } from '../peers.ts'
import { importForm } from '../quantize/forms.ts'
import { measureForms } from '../quantize/measure.ts'
import { tasks } from '../tasks/index.ts'

/** In one shot: the optimal brain surgeon on calibration data, and beside it plain magnitude; with and without 8 bits. */
const QUERIES = ['prune=0.5&calibrate=task', 'prune=0.5', 'prune=0.5&int8&calibrate=task', 'prune=0.5&int8']

/** Tasks whose figures are kept; others by name. */
const TASKS = ['direction', 'recogniser']

/**
 * Half of the weights set to zero in one shot: brotli bytes, accuracy on samples that share nothing with the calibration and the 95 % interval of its
 * paired difference to the original's. As the bench `quantize` judges.
 */
const prune: Bench = async ({ only, samples, log }) => {
  const names = only.length > 0 ? only : TASKS
  const unknown = names.filter((name) => !tasks.some((task) => task.name === name))
  if (unknown.length > 0) throw new Error(`no task ${unknown.join(', ')}: there are ${tasks.map(({ name }) => name).join(', ')}`)
  const rows: Row[] = []
  for (const task of tasks.filter(({ name }) => names.includes(name))) {
    await task.prepare?.(log)
    const folder = join(cache, 'prune', task.name)
    rows.push(...(await measureForms({ task, folder, ours: QUERIES.map(importForm), peers: [], samples: samples ?? task.samples, log })))
  }
  return rows
}

export default prune
