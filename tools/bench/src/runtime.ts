import type { Bench, Row } from '../bench.ts'
import { servePages } from '../runtime/browse.ts'
import { firstResults, loader, mainThread, memory } from '../runtime/measures.ts'
import { buildPages } from '../runtime/pages.ts'
import { LARGE, SMALL, runs } from '../runtime/runs.ts'

const MEASURES = ['loader', 'first-result', 'memory', 'main-thread', 'run', 'run-large']

/**
 * What the runtime promises, measured on the text-direction example in a real browser: how soon the first result is there, how much memory the
 * tab takes, how long the main thread is held, what the loader weighs; and the time of a run in wasm on the models of the fixtures.
 */
const runtime: Bench = async ({ only, samples, log }) => {
  const unknown = only.filter((name) => !MEASURES.includes(name))
  if (unknown.length > 0) throw new Error(`no task ${unknown.join(', ')}: there are ${MEASURES.join(', ')}`)
  const asked = (name: string): boolean => only.length === 0 || only.includes(name)
  const rows: Row[] = []
  if (asked('loader')) rows.push(...(await loader()))
  if (['first-result', 'memory', 'main-thread'].some(asked)) {
    const server = await servePages(await buildPages(log))
    try {
      if (asked('first-result')) rows.push(...(await firstResults(server, log, samples)))
      if (asked('memory')) rows.push(...(await memory(server, log, samples)))
      if (asked('main-thread')) rows.push(...(await mainThread(server, log, samples)))
    } finally {
      await server.close()
    }
  }
  if (asked('run')) rows.push(...(await runs('run', SMALL, log)))
  if (asked('run-large')) rows.push(...(await runs('run-large', LARGE, log)))
  return rows
}

export default runtime
