import { join } from 'node:path'
import type { Bench, BenchOptions, Row } from '../bench.ts'
import { cache, peersPython } from '../peers.ts'
import { peerForms, whittleForms } from '../quantize/forms.ts'
import { measureForms, reasonOf } from '../quantize/measure.ts'
import { writeNpzFolder } from '../quantize/npz.ts'
import { tasks } from '../tasks/index.ts'
import type { Task } from '../tasks/task.ts'

/**
 * Number formats on real tasks, beside those of other tools: brotli bytes, accuracy on samples that share nothing with the calibration and the
 * 95 % interval of its paired difference to the original's, time in wasm as a ratio to the original's. Everything is judged in
 * onnxruntime-web's wasm, one thread; each file is built in a process of its own.
 */
const quantize: Bench = async (options) => {
  const unknown = options.only.filter((name) => !tasks.some((task) => task.name === name))
  if (unknown.length > 0) throw new Error(`no task ${unknown.join(', ')}: there are ${tasks.map(({ name }) => name).join(', ')}`)
  const python = options.peers ? await peersPython(options.log) : undefined
  const rows: Row[] = []
  for (const task of tasks)
    if (options.only.length === 0 || options.only.includes(task.name))
      try {
        await task.prepare?.(options.log)
        rows.push(...(await rowsOf(task, python, options)))
      } catch (error) {
        // One task that cannot run must not cost the others' figures.
        options.log(`${task.name}: ${reasonOf(error)}`)
        rows.push({ task: task.name, note: `failed: ${reasonOf(error)}` })
      }
  return rows
}

export default quantize

async function rowsOf(task: Task, python: string | undefined, { samples = task.samples, log }: BenchOptions): Promise<Row[]> {
  const folder = join(cache, 'quantize', task.name)
  const calibration = join(folder, 'calibration')
  await writeNpzFolder(task.calibration, calibration)
  const peers = python ? peerForms(python, calibration) : []
  return await measureForms({ task, folder, ours: whittleForms(task, calibration), peers, samples, log })
}
