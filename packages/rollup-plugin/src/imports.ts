import { existsSync } from 'node:fs'
import path from 'node:path'

/** One way in which the app imports a model. */
export interface ModelImport {
  /** Absolute path of the model, with forward slashes. */
  readonly file: string
  /** Directives in their canonical order; paths in it start at the model's folder. */
  readonly query: string
  /** The query as written in the first import that came to this id. */
  readonly written: string
  /** The import as written, and the module that holds it: for messages. */
  readonly source: string
  readonly importer?: string
}

/** Bundlers take what ends in `.json` for JSON, whatever a plugin made of it. */
const JSON_MODULE = '.whittle'

/** The path of the module that a model's file becomes. */
export function moduleFile(file: string): string {
  return /\.json$/i.test(file) ? `${file}${JSON_MODULE}` : file
}

/** Splits an import or an id at its first `?`; the file is the model's own. */
export function splitId(id: string): { file: string; query: string } {
  const at = id.indexOf('?')
  const path = at < 0 ? id : id.slice(0, at)
  const file = /\.json\.whittle$/i.test(path) ? path.slice(0, -JSON_MODULE.length) : path
  return { file, query: at < 0 ? '' : id.slice(at + 1) }
}

/** An id with its model's own file. */
export function modelId(id: string): string {
  const { file, query } = splitId(id)
  return query ? `${file}?${query}` : file
}

/**
 * The query with paths (`calibrate=./samples.ts`) that start at the model's folder in place of the importer's, so that the id alone says
 * what is to be made: two modules in different folders may write the same query and mean different files.
 */
export function rebasePaths(query: string, from: string, to: string): string {
  if (from === to) return query
  return query
    .split('&')
    .map((directive) => {
      const at = directive.indexOf('=')
      const value = directive.slice(at + 1)
      if (at < 0 || !/^\.\.?\//.test(value)) return directive
      const rebased = path.posix.relative(to, path.posix.join(from, value))
      return `${directive.slice(0, at)}=${rebased.startsWith('.') ? rebased : `./${rebased}`}`
    })
    .join('&')
}

/**
 * The module from whose folder the compiler starts at a path without a leading dot (`calibrate=samples.ts`). Such a value may as well be a
 * name in the configuration, so it is left as it is.
 */
export function importerOf({ query, importer }: ModelImport): string | undefined {
  const named = /(?:^|&)(?:calibrate|evaluate|metric)=(?!\.\.?\/)/.test(query)
  return importer && named ? path.normalize(splitId(importer).file) : undefined
}

/** The modules and folders that a query names, as far as it can be told without the configuration. */
export function pathsIn(entry: ModelImport): string[] {
  const folder = path.dirname(importerOf(entry) ?? entry.file)
  return entry.query
    .split('&')
    .filter((directive) => /^(?:calibrate|evaluate|metric)=/.test(directive))
    .flatMap((directive) => directive.slice(directive.indexOf('=') + 1).split(';'))
    .map((value) => path.resolve(folder, value))
    .filter((file) => existsSync(file))
}
