/**
 * The directives as a Markdown table, planned ones left out.
 *
 * @param {readonly { name: string, value?: string, meaning: string, example: string, planned?: boolean }[]} directives
 */
export function directiveTable(directives) {
  const rows = directives
    .filter((row) => !row.planned)
    .map((row) => [code(row.example), cell(row.meaning), row.value ? cell(row.value) : ''])
  return ['| directive | meaning | value |', '| --- | --- | --- |', ...rows.map((cells) => `| ${cells.join(' | ')} |`)].join('\n')
}

/** Puts text between the two marks of a document; the first mark may carry words. @throws Error where a mark is missing. */
export function splice(document, mark, text) {
  const found = new RegExp(`(<!-- ${mark}\\b[^>]*-->)[\\s\\S]*?(<!-- /${mark} -->)`)
  if (!found.test(document)) throw new Error(`The document has no '<!-- ${mark} -->' and '<!-- /${mark} -->'.`)
  return document.replace(found, (_, open, close) => `${open}\n\n${text}\n\n${close}`)
}

const code = (text) => `\`${text}\``
const cell = (text) => text.replaceAll('|', '\\|')
