import type { CompileResult } from '@whittle/compiler'
import { type JsonReport, json } from './json.ts'
import { markdown } from './markdown.ts'
import { page } from './page.ts'
import { reportedOf } from './reported.ts'

export { REPORT_FORMAT, type JsonImport, type JsonReport } from './json.ts'
export { plotOf } from './plot.ts'
export { pointsOf, type Point, type Points } from './points.ts'

/**
 * One HTML page that needs no network. Reads the model and the files again for what it says of layers; where the model is gone, the page says so.
 * @param results in the order in which the page shows them.
 */
export async function reportHtml(results: readonly CompileResult[]): Promise<string> {
  return page(await all(results))
}

/** A short summary for a pull request. */
export function reportMarkdown(results: readonly CompileResult[]): string {
  return markdown(results)
}

/** All that the page says, for scripts. */
export async function reportJson(results: readonly CompileResult[]): Promise<JsonReport> {
  return json(await all(results))
}

/** One behind the other: each holds a model and runs it. */
async function all(results: readonly CompileResult[]): Promise<Awaited<ReturnType<typeof reportedOf>>[]> {
  const reported = []
  for (const result of results) reported.push(await reportedOf(result))
  return reported
}
