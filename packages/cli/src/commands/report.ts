import { relative, resolve } from 'node:path'
import { type CompileResult, OptionError, messageOf, splitQuery } from '@whittle/compiler'
import { compileModel } from '../compile-model.ts'
import { writeWhole } from '../emit.ts'
import { jsonText } from '../format.ts'
import type { Io } from '../io.ts'

export interface ReportOptions {
  html?: string
  markdown?: string
  json?: string
  cache: boolean
}

/** `whittle report MODEL?QUERY...`: the Markdown on stdout, where no file is named. */
export async function reportCommand(imports: readonly string[], options: ReportOptions, io: Io): Promise<void> {
  // The library of plots is loaded for this command alone.
  const { reportHtml, reportJson, reportMarkdown } = await import('@whittle/report')
  const results: CompileResult[] = []
  for (const text of imports) {
    const [file, query = ''] = splitQuery(text)
    results.push(await compileModel(file, query, options, io))
  }
  const forms = {
    html: () => reportHtml(results),
    markdown: () => reportMarkdown(results),
    json: async () => jsonText(await reportJson(results)),
  } as const
  const written: string[] = []
  for (const [form, make] of Object.entries(forms) as [keyof typeof forms, () => string | Promise<string>][]) {
    const file = options[form]
    if (file !== undefined) written.push(await write(file, await make(), form, io))
  }
  io.stdout.write(written.length > 0 ? `Wrote ${written.join(', ')}.\n` : reportMarkdown(results))
}

async function write(file: string, text: string, option: string, { cwd = process.cwd() }: Io): Promise<string> {
  const path = resolve(cwd, file)
  try {
    await writeWhole(path, new TextEncoder().encode(text))
  } catch (error) {
    throw new OptionError('REPORT_FILE', `cannot write ${file}: ${messageOf(error)}; give another path with --${option}`, { cause: error })
  }
  const inside = relative(cwd, path)
  return inside.startsWith('..') ? path : inside
}
