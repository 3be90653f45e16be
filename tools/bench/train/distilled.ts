import { join } from 'node:path'
import type { BenchOptions, Row } from '../bench.ts'
import { cache } from '../peers.ts'
import { importForm } from '../quantize/forms.ts'
import { measureForms } from '../quantize/measure.ts'
import { direction } from '../tasks/direction.ts'
import { recogniser } from '../tasks/recogniser.ts'
import type { Task } from '../tasks/task.ts'

/** Real models in 4 bits: rounded as they are, rounded on data, and then trained through the grid to follow the original, without labels. */
const QUERIES = ['int4', 'int4&calibrate=task', 'int4&calibrate=task&qat=100&train=training']

export const DISTILLED: readonly Task[] = [direction, recogniser]

export async function distilledRows(task: Task, { samples = task.samples, log }: Pick<BenchOptions, 'samples' | 'log'>): Promise<Row[]> {
  const folder = join(cache, 'train', task.name)
  return await measureForms({ task, folder, ours: QUERIES.map(importForm), peers: [], samples, log })
}
