import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const folder = fileURLToPath(new URL('./', import.meta.url))

export const runProgram = promisify(execFile)

/** What a script of this folder printed as JSON, in a process of its own, and the milliseconds of the whole process. */
export async function runOnce<T extends object>(program: string, script: string, ...args: string[]): Promise<T & { total: number }> {
  const began = performance.now()
  const { stdout } = await runProgram(program, [join(folder, script), ...args], { maxBuffer: 2 ** 28 })
  const last = stdout.trimEnd().split('\n').at(-1)!
  return { ...(JSON.parse(last) as T), total: performance.now() - began }
}

export function median<T>(runs: readonly T[], of: (run: T) => number): number {
  return runs.map(of).sort((a, b) => a - b)[Math.floor(runs.length / 2)]!
}

/** Three digits. */
export function round(value: number): number {
  return Number(value.toPrecision(3))
}
