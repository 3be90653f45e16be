import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launchBrowser, serveFolder } from '@whittle/browser'
import { whittle } from '@whittle/rollup-plugin'
import { build } from 'vite'
import type { Bench, Row } from '../bench.ts'
import { cache } from '../peers.ts'
import { face } from '../tasks/face.ts'

const page = fileURLToPath(new URL('../stream/page/', import.meta.url))

/** What `measureGate` gives. */
interface Measured {
  readonly change: number
  readonly frames: number
  readonly hitRate: number
  readonly error: Readonly<Record<string, number>>
  readonly worst: Readonly<Record<string, number>>
}

/** BlazeFace behind a gate in a real browser, on a drawn clip: how many frames need no run, and what that costs. */
const stream: Bench = async ({ log }) => {
  await face.prepare!(log)
  const outDir = join(cache, 'stream')
  await rm(outDir, { recursive: true, force: true })
  await mkdir(outDir, { recursive: true })
  log('building the page')
  await build({
    root: page,
    configFile: false,
    logLevel: 'error',
    resolve: { alias: { '@face': dirname(face.file) } },
    plugins: [whittle({ root: page, cache: join(cache, 'whittle'), types: false, summary: false, progress: false })],
    build: { outDir, emptyOutDir: true, modulePreload: { polyfill: false }, target: 'esnext' },
  })
  const server = await serveFolder(outDir)
  const browser = await launchBrowser()
  try {
    log('running the clip through it')
    const tab = await browser.newPage()
    await tab.goto(server.url)
    await tab.waitForFunction(() => (globalThis as any).bench?.settled, undefined, { timeout: 300_000 })
    const { failed, rows } = await tab.evaluate(() => (globalThis as any).bench as { failed?: string; rows: Measured[] })
    if (failed) throw new Error(failed)
    return rows.map(rowOf)
  } finally {
    await browser.close()
    await server.close()
  }
}

export default stream

function rowOf({ change, frames, hitRate, error, worst }: Measured): Row {
  const greatest = (of: Measured['error']): number => Number(Math.max(...Object.values(of)).toPrecision(3))
  return { model: 'face', change, frames, hitRate: Number(hitRate.toPrecision(3)), error: greatest(error), worstFrame: greatest(worst) }
}
