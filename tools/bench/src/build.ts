import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { prepare } from 'example-text-direction/prepare'
import type { Bench, Row } from '../bench.ts'

const script = fileURLToPath(new URL('../build-once.mjs', import.meta.url))

/**
 * The text-direction example, built by Vite with an empty cache, with the full one, and with an empty one again: the time in Whittle's own hooks
 * as a ratio to the first build's, and whether every emitted byte is the same.
 */
const build: Bench = async ({ log }) => {
  await prepare()
  const caches = [await mkdtemp(join(tmpdir(), 'whittle-cache-')), await mkdtemp(join(tmpdir(), 'whittle-cache-'))] as const
  try {
    const rows: Row[] = []
    let first: Built | undefined
    for (const [name, cache] of [
      ['cold', caches[0]],
      ['warm', caches[0]],
      ['cold again', caches[1]],
    ] as const) {
      log(`building: ${name}`)
      const built = await buildOnce(cache)
      first ??= built
      rows.push({
        build: name,
        hookTime: Number((built.seconds / first.seconds).toFixed(4)),
        sameBytes: built.digest === first.digest ? 'yes' : 'no',
      })
    }
    return rows
  } finally {
    for (const cache of caches) await rm(cache, { recursive: true, force: true })
  }
}

export default build

interface Built {
  readonly seconds: number
  readonly digest: string
}

async function buildOnce(cache: string): Promise<Built> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, cache])
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Built
}
