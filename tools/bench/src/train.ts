import type { Bench, Row } from '../bench.ts'
import { DISTILLED, distilledRows } from '../train/distilled.ts'
import { trainFashion } from '../train/fashion.ts'
import { speed } from '../train/speed.ts'

const real = DISTILLED.map((model): [string, Bench] => [model.task.name, (options) => distilledRows(model, options)])
const TASKS: Record<string, Bench> = { speed, fashion: trainFashion, ...Object.fromEntries(real) }

/** How fast `train` is beside a forward pass and other tools, and what compression with retraining keeps of a network trained by it. */
const train: Bench = async (options) => {
  const unknown = options.only.filter((name) => !TASKS[name])
  if (unknown.length > 0) throw new Error(`no task ${unknown.join(', ')}: there are ${Object.keys(TASKS).join(', ')}`)
  const rows: Row[] = []
  for (const [name, task] of Object.entries(TASKS))
    if (options.only.length === 0 || options.only.includes(name)) rows.push(...(await task(options)))
  return rows
}

export default train
