import { join } from 'node:path'
import type { BenchOptions, Row } from '../bench.ts'
import { cache } from '../peers.ts'
import { importForm } from '../quantize/forms.ts'
import { measureForms } from '../quantize/measure.ts'
import { direction } from '../tasks/direction.ts'
import { recogniser } from '../tasks/recogniser.ts'
import type { Task } from '../tasks/task.ts'

/** Real models in 4 bits: rounded as they are, rounded on data, and then trained through the grid to follow the original, without labels. */
const QUERIES = ['int4', 'int4&calibrate=task']

export const DISTILLED: readonly { readonly task: Task; readonly training: string }[] = [
  { task: direction, training: 'qat=100' },
  { task: recogniser, training: 'qat=60&qat.batch=16' },
]

export async function distilledRows(
  { task, training }: (typeof DISTILLED)[number],
  { samples = task.samples, log }: Pick<BenchOptions, 'samples' | 'log'>,
): Promise<Row[]> {
  const folder = join(cache, 'train', task.name)
  return await measureForms({
    task,
    folder,
    ours: [...QUERIES, `int4&calibrate=task&${training}&train=training`].map(importForm),
    peers: [],
    samples,
    log,
  })
}
