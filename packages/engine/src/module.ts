import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import * as ir from '@whittle/ir'
import { DatasetError, messageOf } from '@whittle/ir'
import type { Jiti } from 'jiti'

export interface LoadOptions {
  /** Messages and hashes name files relative to it; a relative path starts there. The working directory by default. */
  root?: string
  /** Modules to give to the loaded one in place of those that it would resolve, by name: one copy of a package for all. */
  modules?: Readonly<Record<string, unknown>>
  /** Told every local file that was read, also when loading fails: to watch them. */
  onFile?: (file: string) => void
}

export interface LoadedModule {
  readonly exports: Record<string, unknown>
  /** Absolute paths of the module and of the local files that it imports: watch them. */
  readonly files: string[]
  /** SHA-256 of all of them, by path from the root and content. */
  readonly hash: string
  /** The path from the root, for messages. */
  readonly name: string
}

/**
 * Imports a TypeScript or JavaScript module afresh, with all local files that it imports.
 * @throws {DatasetError} naming the file: it is missing, does not compile, or throws.
 */
export async function loadModule(path: string, options: LoadOptions = {}): Promise<LoadedModule> {
  const root = resolve(options.root ?? '.')
  const file = resolve(root, path)
  const name = nameOf(file, root)
  if (!(await stat(file).catch(() => undefined))?.isFile())
    throw new DatasetError('MODULE_MISSING', `${name}: there is no such file; give the path of a module, relative to ${root}`)
  const files = new Set([file])
  let exports: Record<string, unknown>
  try {
    exports = await importFresh(file, files, { '@whittle/ir': ir, ...options.modules })
  } catch (error) {
    files.forEach((read) => options.onFile?.(read))
    throw new DatasetError('MODULE_THREW', `${name}: the module cannot be loaded: ${firstLine(error)}`, { cause: error })
  }
  files.forEach((read) => options.onFile?.(read))
  return { exports, files: [...files], hash: await hashOf([...files], root), name }
}

/** `files` gets the local files that were read. */
async function importFresh(file: string, files: Set<string>, virtualModules: Record<string, unknown>): Promise<Record<string, unknown>> {
  const { createJiti } = await import('jiti')
  const plain = { fsCache: false, moduleCache: false, tryNative: false } as const
  const compiler = createJiti(import.meta.url, plain)
  const create = (): Jiti =>
    createJiti(file, {
      ...plain,
      virtualModules,
      transform: (source) => {
        if (source.filename && !source.filename.includes(`node_modules`)) files.add(resolve(source.filename))
        return { code: compiler.transform(source) }
      },
    })
  try {
    // As CommonJS: that alone evaluates plain ECMAScript modules afresh too, and lets us see them.
    return create()(file) as Record<string, unknown>
  } catch (error) {
    if (!isSyntaxError(error)) throw error
    return await create().import<Record<string, unknown>>(file)
  }
}

/** A top-level `await` is a syntax error in CommonJS. */
function isSyntaxError(error: unknown): boolean {
  return (
    error instanceof SyntaxError ||
    (error as { code?: string } | null)?.code === 'ERR_REQUIRE_ASYNC_MODULE' ||
    /await/.test(messageOf(error))
  )
}

async function hashOf(files: readonly string[], root: string): Promise<string> {
  const hash = createHash('sha256')
  for (const file of [...files].sort()) {
    hash.update(`${nameOf(file, root)}\0`)
    hash.update(
      createHash('sha256')
        .update(await readFile(file))
        .digest(),
    )
  }
  return hash.digest('hex')
}

function nameOf(file: string, root: string): string {
  const path = relative(root, file)
  return path.startsWith('..') || isAbsolute(path) ? file : path.split(sep).join('/')
}

export function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0]!.trim()
}
