import path from 'node:path'
import { normalizePath } from '@rollup/pluginutils'
import type { Compiler, CompileResult } from './compiler.ts'
import { importerOf, pathsIn, type ModelImport } from './imports.ts'
import type { WhittleOptions } from './options.ts'
import { createProgressLine } from './progress.ts'

/** What of a bundler's context this needs. */
export interface Reporter {
  warn(message: string): void
  addWatchFile(file: string): void
}

/** What was compiled, by module id: once for all that ask at the same time, in every environment, until a file changes. */
export interface Compilations {
  get(id: string, entry: ModelImport, root: string, reporter: Reporter): Promise<CompileResult>
  /** The results that hold now, in the order in which they were first asked for. */
  results(): CompileResult[]
  /** The ids that depend on a file. */
  dependents(file: string): string[]
  /** Forgets what depends on a file that changed, appeared or vanished. */
  invalidate(file: string): void
}

const CONFIGS = ['ts', 'mts', 'js', 'mjs'].map((ending) => `whittle.config.${ending}`)

export function createCompilations(options: WhittleOptions, compiler: () => Promise<Compiler>): Compilations {
  const running = new Map<string, Promise<CompileResult>>()
  const finished = new Map<string, CompileResult>()
  const watched = new Map<string, Set<string>>()

  function watch(id: string, files: readonly string[], reporter: Reporter): void {
    const known = watched.get(id) ?? new Set()
    watched.set(id, known)
    for (const file of files) {
      known.add(normalizePath(file))
      reporter.addWatchFile(file)
    }
  }

  async function run(id: string, entry: ModelImport, root: string, reporter: Reporter): Promise<CompileResult> {
    const title = `${normalizePath(path.relative(root, entry.file))}${entry.written && `?${entry.written}`}`
    const line = options.progress === false ? undefined : createProgressLine(title, process.stderr)
    try {
      const { compile } = await compiler()
      const result = await compile({
        file: path.normalize(entry.file),
        query: entry.query,
        importer: importerOf(entry),
        root,
        config: options.config,
        smallRuntime: true,
        cache: options.cache,
        logger: { debug: nothing, info: nothing, warn: (text) => reporter.warn(text), error: (text) => reporter.warn(text) },
        onProgress: (progress) => line?.update(progress),
        onDependency: (file) => watch(id, [file], reporter),
      })
      finished.set(id, result)
      return result
    } catch (error) {
      running.delete(id)
      finished.delete(id)
      throw error
    } finally {
      line?.done()
    }
  }

  const dependents = (file: string): string[] => [...watched].filter(([, files]) => files.has(normalizePath(file))).map(([id]) => id)

  return {
    async get(id, entry, root, reporter) {
      // A dataset that throws is not yet among what the compiler depends on: what the query names has to do until it is mended.
      watch(id, [entry.file, ...pathsIn(entry)], reporter)
      // A configuration file may be written later.
      for (const name of CONFIGS) watched.get(id)!.add(normalizePath(path.join(root, name)))
      const work = running.get(id) ?? run(id, entry, root, reporter)
      running.set(id, work)
      const result = await work
      watch(id, result.watch, reporter)
      return result
    },
    results: () => [...finished.values()],
    dependents,
    invalidate: (file) => dependents(file).forEach((id) => running.delete(id)),
  }
}

function nothing(): void {}
