import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { type Browser, type FolderServer, launchBrowser } from '@whittle/browser'
import { rolldown } from 'rolldown'
import type { Row } from '../bench.ts'
import { type Link, type Visit, address, peakOf, twoVisits, visit } from './browse.ts'
import type { PageName } from './pages.ts'

/** What a row is made of; see the README. */
interface Measured {
  readonly what: string
  readonly against: string | null
  readonly value: number
  readonly unit: string
  readonly wanted?: number
  readonly bytes?: number
  readonly note?: string
}

const LINK: Link = { mbits: 10, latency: 40 }
const VISITS = 7
const PEAKS = 5
const LOADS = 15
/** Milliseconds of main-thread work that a page may notice. */
const FRAME = 50

/** From navigation to the first result, on the first visit and on the second, all pages in turn. */
export async function firstResults(server: FolderServer, log: (line: string) => void, rounds = VISITS): Promise<Row[]> {
  const pages = ['plain', 'whittle', 'default'] as const
  const visits: Record<(typeof pages)[number], [Visit, Visit][]> = { plain: [], whittle: [], default: [] }
  const browser = await launchBrowser()
  try {
    for (let round = 0; round < rounds; round++) {
      log(`first result: round ${round + 1} of ${rounds}`)
      for (const page of pages) visits[page].push(await twoVisits(browser, address(server, page), LINK))
    }
  } finally {
    await browser.close()
  }
  sameAnswers(visits.plain[0]![0], visits.whittle[0]![0])
  const against = { plain: 'fp32, onnxruntime-web/wasm', default: 'fp32, onnxruntime-web' }
  return (['plain', 'default'] as const).flatMap((other) =>
    [0, 1].map((nth) => {
      const [own, others] = [visits.whittle.map((both) => both[nth]!), visits[other].map((both) => both[nth]!)]
      return rowOf('first-result', {
        what: `${own[0]!.told}, ${nth === 0 ? 'first' : 'second'} visit`,
        against: against[other],
        value: median(own.map(({ first }, at) => first / others[at]!.first)),
        unit: 'of its time',
        ...(nth === 0 && other === 'plain' ? { wanted: 0.5 } : {}),
        bytes: median(own.map(({ transferred }) => transferred)),
        note: `${median(others.map(({ transferred }) => transferred))} bytes there; ${LINK.mbits} Mbit/s, ${LINK.latency} ms`,
      })
    }),
  )
}

/** Peak memory of the tab while the model loads and runs. */
export async function memory(server: FolderServer, log: (line: string) => void, rounds = PEAKS): Promise<Row[]> {
  const kinds: Record<string, [PageName, string]> = {
    plain: ['plain', ''],
    // The variant for WebAssembly runs on the small runtime.
    tfjs: ['whittle', '?device=wasm'],
    webgpu: ['whittle', '?device=webgpu'],
    empty: ['empty', ''],
  }
  const peaks: Record<string, number[]> = { plain: [], tfjs: [], webgpu: [], empty: [] }
  for (let round = 0; round < rounds; round++) {
    log(`memory: round ${round + 1} of ${rounds}`)
    for (const [kind, [page, query]] of Object.entries(kinds)) peaks[kind]!.push(await peakOf(address(server, page, query)))
  }
  const [plain, empty] = [median(peaks['plain']!), median(peaks['empty']!)]
  return ['tfjs', 'webgpu'].map((kind) => {
    const peak = median(peaks[kind]!)
    return rowOf('memory', {
      what: `int8-prune0.3-${kind}`,
      against: 'fp32, onnxruntime-web/wasm',
      value: median(peaks[kind]!.map((own, at) => own / peaks['plain']![at]!)),
      unit: 'of its peak',
      wanted: 1.1,
      note: `above an empty tab's peak: ${((peak - empty) / (plain - empty)).toFixed(2)}; ${mib(peak)}, ${mib(plain)} and empty ${mib(empty)}`,
    })
  })
}

/** The main thread while a worker loads a model, and the same page without a worker: what this machine does by itself. */
export async function mainThread(server: FolderServer, log: (line: string) => void, rounds = LOADS): Promise<Row[]> {
  log('main thread')
  const loads: Record<string, Visit[]> = { worker: [], idle: [] }
  const browser = await launchBrowser()
  try {
    for (let round = 0; round < rounds; round++) {
      loads['worker']!.push(await fresh(browser, address(server, 'worker')))
      loads['idle']!.push(await fresh(browser, address(server, 'worker', '?idle')))
    }
  } finally {
    await browser.close()
  }
  return Object.entries(loads).map(([kind, visits]) => {
    const gaps = visits.map(({ longest, longestTask }) => Math.max(longest, longestTask))
    return rowOf('main-thread', {
      what: kind === 'worker' ? `${visits[0]!.told} in a worker` : 'the same page without the worker',
      against: null,
      value: median(gaps) / FRAME,
      unit: `of ${FRAME} ms`,
      ...(kind === 'worker' ? { wanted: 1 } : {}),
      note: `at most ${(Math.max(...gaps) / FRAME).toFixed(2)} in ${rounds} loads; long tasks in ${visits.filter((load) => load.longestTask > 0).length}`,
    })
  })
}

async function fresh(browser: Browser, url: string): Promise<Visit> {
  const context = await browser.newContext()
  try {
    return await visit(await context.newPage(), url)
  } finally {
    await context.close()
  }
}

/** What the loader takes of an app, after brotli. */
export async function loader(): Promise<Row[]> {
  const bundle = await rolldown({ input: fileURLToPath(import.meta.resolve('@whittle/runtime')), platform: 'browser' })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  await bundle.close()
  if (output.length > 1) throw new Error('the loader is no longer one file')
  const bytes = brotliCompressSync(output[0].code).length
  return [rowOf('loader', { what: '@whittle/runtime', against: null, value: bytes / 5120, unit: 'of 5120 bytes', wanted: 1, bytes })]
}

export function rowOf(task: string, { what, against, value, unit, wanted, bytes, note }: Measured): Row {
  return {
    task,
    what,
    against,
    value: Number(value.toFixed(3)),
    unit,
    wanted: wanted ?? null,
    held: wanted === undefined ? null : value <= wanted ? 'yes' : 'no',
    bytes: bytes === undefined ? null : Math.round(bytes),
    note: note ?? null,
  }
}

/** A page that is quick because it answers something else is worth nothing. */
function sameAnswers(one: Visit, other: Visit): void {
  const best = ({ answer }: Visit): number => answer.indexOf(Math.max(...answer))
  if (best(one) !== best(other))
    throw new Error(`the pages answer differently: [${one.answer.join(', ')}] and [${other.answer.join(', ')}]`)
}

function mib(kib: number): string {
  return `${Math.round(kib / 1024)} MiB`
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
