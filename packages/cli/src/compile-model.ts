import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type CompileResult, type Logger, compile } from '@whittle/compiler'
import type { Io } from './io.ts'
import { progressLine } from './progress.ts'

/**
 * Compresses a model as an import would, with progress on a terminal. Paths, the model's and those in the query, start where the command was called.
 * @param cache whether the project's cache may be used.
 */
export async function compileModel(model: string, query: string, { cache }: { cache: boolean }, io: Io): Promise<CompileResult> {
  const cwd = io.cwd ?? process.cwd()
  const root = projectRoot(cwd)
  const progress = progressLine(io.stderr)
  try {
    return await compile({
      file: resolve(cwd, model),
      query,
      root,
      importer: join(cwd, 'whittle'),
      cache: cache && existsSync(join(root, 'package.json')),
      logger: debugLogger(io),
      signal: io.signal,
      onProgress: ({ step, variant, done, total, left }) => {
        const rest = left === undefined ? '' : `, ${left} s left`
        progress.show([step, variant, total ? `${done}/${total}${rest}` : ''].filter(Boolean).join(' '))
      },
    })
  } finally {
    progress.clear()
  }
}

/** The folder of the nearest `package.json` above, else `cwd`. */
function projectRoot(cwd: string): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return cwd
  }
}

/** What the compiler says beside its report is for debugging: all that a user must see is in the report's warnings. */
function debugLogger({ stderr, env = process.env }: Io): Logger {
  const write = (message: string): void => {
    if (env.DEBUG === 'whittle') stderr.write(`${message}\n`)
  }
  return { debug: write, info: write, warn: write, error: write }
}
