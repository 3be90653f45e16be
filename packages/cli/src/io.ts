import { resolve } from 'node:path'

/** Where text goes: `process.stdout`, or anything that collects it. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
}

/** All that the command line touches beside files: given by the caller, so that it can run inside another program. */
export interface Io {
  readonly stdout: Output
  readonly stderr: Output
  /** Relative paths start here; the process's working directory by default. */
  readonly cwd?: string
  /** Aborts the work. */
  readonly signal?: AbortSignal
  /** `NO_COLOR`, `FORCE_COLOR` and `DEBUG` are read; the process's own by default. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** A path as the caller gave it where that is right for the process, so that messages show it so. */
export function pathFrom({ cwd = process.cwd() }: Io, path: string): string {
  return cwd === process.cwd() ? path : resolve(cwd, path)
}
