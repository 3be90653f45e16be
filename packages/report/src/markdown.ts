import { type CompileResult, accuracyText } from '@whittle/compiler'
import { bytesText, decibelText, importText, percentText, worstSqnr } from './words.ts'

/** A summary for a pull request: a table for each import, then what has to be seen. */
export function markdown(results: readonly CompileResult[]): string {
  return results.map(section).join('\n')
}

function section(result: CompileResult): string {
  const { report } = result
  const { source, variants, dropped } = report
  const rows = [
    ['the original', source.bytes, source.brotli, 1, ''] as const,
    ...variants.map(
      ({ id, bytes, brotli, quality }) => [code(id), bytes, brotli, brotli / source.brotli, decibelText(worstSqnr(quality))] as const,
    ),
  ]
  const sentences = new Map<string, string[]>()
  for (const { id, accuracy, warnings } of variants)
    for (const text of [...(accuracy ? [accuracyText(accuracy)] : []), ...warnings])
      sentences.set(text, [...(sentences.get(text) ?? []), id])
  const notShipped = dropped.map(({ id, why }) => `${id} is not shipped: ${why}`)
  const general = [...report.warnings.filter((text) => !notShipped.includes(text)), ...notShipped]
  const notes = [
    ...[...sentences].map(([text, ids]) => `- ${ids.map(code).join(', ')}: ${plain(text)}`),
    ...general.map((text) => `- ${plain(text)}`),
  ]
  const lines = [
    `### ${code(importText(result))}`,
    '',
    '| variant | bytes | brotli | of fp32 | worst SQNR |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...rows.map(
      ([name, bytes, brotli, share, sqnr]) =>
        `| ${name} | ${spaced(bytesText(bytes))} | ${spaced(bytesText(brotli))} | ${spaced(percentText(share))} | ${spaced(sqnr)} |`,
    ),
    ...(notes.length > 0 ? ['', ...notes] : []),
    '',
  ]
  return lines.join('\n')
}

/** In backticks, of which it then holds none; a line end or a bar would end its cell. */
function code(text: string): string {
  return `\`${text
    .replaceAll('`', "'")
    .replace(/[\r\n]+/g, ' ')
    .replaceAll('|', '\\|')}\``
}

/** Nothing in a text is a mark: names in it come from models. */
function plain(text: string): string {
  return text
    .replace(/[\r\n]+/g, ' ')
    .replace(/[\\`*_[\]<>|#@!]/g, (mark) => (mark === '<' ? '&lt;' : mark === '>' ? '&gt;' : mark === '@' ? '&#64;' : `\\${mark}`))
}

function spaced(text: string): string {
  return text.replaceAll('\u202f', ' ')
}
