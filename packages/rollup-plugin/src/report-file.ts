import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { CompileResult } from './compiler.ts'

/** The report as a page. What draws it is loaded for those who ask. */
export async function reportPage(results: readonly CompileResult[]): Promise<string> {
  return (await import('@whittle/report')).reportHtml(results)
}

/** Writes the report of a build. @throws {Error} that says what to do. */
export async function writeReport(results: readonly CompileResult[], root: string, file: string): Promise<void> {
  const target = path.resolve(root, file)
  const text = await reportPage(results)
  try {
    await mkdir(path.dirname(target), { recursive: true })
    await writeFile(target, text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`whittle: the report cannot be written (${reason}): give another path with the option 'report'`, { cause: error })
  }
}
