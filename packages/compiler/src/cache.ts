import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { type Checkpoints, type Logger, messageOf } from '@whittle/ir'
import cacache from 'cacache'
import type { Artefact, CompileResult } from './types.ts'

/** Where the cache is by default. */
export function cacheFolder(root: string): string {
  return join(root, 'node_modules', '.cache', 'whittle')
}

/** A result without the artefacts' bytes, which are stored by their hashes, and the files on which it depends with theirs. */
interface Entry {
  result: Omit<CompileResult, 'artefacts'> & { artefacts: Omit<Artefact, 'bytes'>[] }
  dependencies: Record<string, string | null>
}

/**
 * Results on disk, by request. An entry holds the hashes of all files on which it depends, so that a hit runs none of the app's modules.
 * Atomic, and safe with several builds at once: content is addressed by its hash, and entries are appended (cacache).
 */
export class Cache {
  readonly #folder: string
  readonly #root: string
  readonly #logger: Logger

  /** @param root paths are stored relative to it, so that a cache can be restored in another checkout. */
  constructor(folder: string, root: string, logger: Logger) {
    this.#folder = folder
    this.#root = root
    this.#logger = logger
  }

  /** @returns undefined when there is no entry, or one of its files changed, or it is damaged. */
  async get(key: string): Promise<CompileResult | undefined> {
    try {
      const { data } = await cacache.get(this.#folder, key)
      const entry = JSON.parse(data.toString('utf8')) as Entry
      for (const [file, hash] of Object.entries(entry.dependencies))
        if ((await hashOfFile(resolve(this.#root, file))) !== hash) return undefined
      const artefacts = await Promise.all(
        entry.result.artefacts.map(async (artefact): Promise<Artefact> => {
          const stored = await cacache.get(this.#folder, artefactKey(artefact.sha256))
          const bytes = new Uint8Array(stored.data.buffer, stored.data.byteOffset, stored.data.byteLength)
          if (sha256(bytes) !== artefact.sha256) throw new Error('a damaged artefact')
          return { ...artefact, bytes }
        }),
      )
      const watch = entry.result.watch.map((file) => resolve(this.#root, file))
      return { ...entry.result, artefacts, watch, cached: true }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT') this.#logger.debug(`the cache entry ${key} is not used: ${messageOf(error)}`)
      return undefined
    }
  }

  /** A number that depends on nothing but what `key` names: from the cache, else computed and stored where that is possible. */
  async memo(key: string, compute: () => Promise<number>): Promise<number> {
    try {
      return Number((await cacache.get(this.#folder, key)).data.toString('utf8'))
    } catch {
      const value = await compute()
      // A folder that cannot be written is named when the result is stored.
      await cacache.put(this.#folder, key, String(value)).catch(() => {})
      return value
    }
  }

  /** State of work that was interrupted, by what the work is. Where it cannot be stored, the work starts anew. */
  checkpoints(key: string): Checkpoints {
    const entry = (name: string): string => `checkpoint:${key}/${name}`
    const folder = this.#folder
    return {
      async read(name) {
        try {
          return deserialize((await cacache.get(folder, entry(name))).data) as unknown
        } catch {
          return undefined
        }
      },
      async write(name, state) {
        await this.remove(name)
        await cacache.put(folder, entry(name), serialize(state)).catch(() => {})
      },
      async remove(name) {
        const info = await cacache.get.info(folder, entry(name)).catch(() => null)
        if (!info) return
        await cacache.rm.entry(folder, entry(name)).catch(() => {})
        await cacache.rm.content(folder, info.integrity).catch(() => {})
      },
    }
  }

  /** Stores a result. A cache that cannot be written is named once, and costs nothing but time in later builds. */
  async put(key: string, result: CompileResult): Promise<string | undefined> {
    const watch = result.watch.map((file) => relative(this.#root, file))
    const hashes = await Promise.all(result.watch.map(hashOfFile))
    const entry: Entry = {
      result: { ...result, watch, artefacts: result.artefacts.map(({ name, sha256 }) => ({ name, sha256 })) },
      dependencies: Object.fromEntries(watch.map((file, index) => [file, hashes[index]!])),
    }
    try {
      for (const artefact of result.artefacts) await cacache.put(this.#folder, artefactKey(artefact.sha256), Buffer.from(artefact.bytes))
      await cacache.put(this.#folder, key, JSON.stringify(entry))
      return undefined
    } catch (error) {
      return (
        `the cache folder ${this.#folder} cannot be written (${messageOf(error)}), so that the next build compresses again: ` +
        `make it writable, free its disk, or name another with the plugin's option 'cache'`
      )
    }
  }
}

function artefactKey(hash: string): string {
  return `artefact:${hash}`
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The hash of a file's bytes, or of a folder's list of names; null when there is no such file. */
export async function hashOfFile(file: string): Promise<string | null> {
  try {
    return sha256(await readFile(file))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    if (code === 'EISDIR') return sha256((await readdir(file)).sort().join('\n'))
    throw error
  }
}
