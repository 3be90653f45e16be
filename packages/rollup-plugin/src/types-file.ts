import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Compiler, Manifest } from './compiler.ts'

interface Entry {
  readonly file: string
  readonly query: string
  readonly manifest: Manifest
}

/** `whittle-models.d.ts`: the exact types of the imports that were met. */
export interface TypesFile {
  add(entry: Entry): void
  /** Brings the file up to date. Imports that this run did not meet (another page's, a worker's) keep their types while their model is there. */
  write(compiler: Compiler, root: string): Promise<void>
}

export function createTypesFile(name: string | false): TypesFile {
  const entries = new Map<string, Entry>()
  let last: Promise<unknown> = Promise.resolve()

  async function bringUpToDate(compiler: Compiler, root: string): Promise<void> {
    if (name === false || entries.size === 0) return
    const file = path.resolve(root, name)
    const previous = await readFile(file, 'utf8').catch(() => undefined)
    const text = compiler.declarations([...entries.values()], root, previous)
    if (text !== previous) await replace(file, text)
  }

  return {
    add: (entry) => void entries.set(`${entry.file}?${entry.query}`, entry),
    write(compiler, root) {
      const work = last.then(() => bringUpToDate(compiler, root))
      last = work.catch(() => undefined)
      return work
    },
  }
}

/** In one step, so that nobody reads half of it. */
async function replace(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`
  try {
    await writeFile(temporary, text)
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
