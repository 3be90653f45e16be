import { createHash } from 'node:crypto'
import type { CompileResult } from '@whittle/compiler'
import { type Html, Html as Raw, html } from './html.ts'
import type { Reported } from './reported.ts'
import { SCRIPT } from './script.ts'
import { asked } from './sections/asked.ts'
import { files } from './sections/files.ts'
import { places } from './sections/places.ts'
import { variants } from './sections/variants.ts'
import { warnings } from './sections/warnings.ts'
import { STYLE } from './style.ts'
import { table } from './table.ts'
import { bytesText, importText, percentText, plural } from './words.ts'

const HASH = createHash('sha256').update(SCRIPT).digest('base64')
/** To the letter what is hashed. */
const SCRIPT_ELEMENT = new Raw(`<script>${SCRIPT}</script>`)
/** Whatever a model's names hold, the page runs its own script alone, and fetches nothing. */
const POLICY = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${HASH}'; base-uri 'none'; form-action 'none'`

/** The whole page. */
export function page(imports: readonly Reported[]): string {
  const body = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Whittle: ${imports.map(({ result }) => importText(result)).join(', ') || 'no models'}</title>
        <style>
          ${new Raw(STYLE)}
        </style>
      </head>
      <body>
        <main>
          <h1>What became of ${imports.length === 1 ? 'the model' : 'the models'}</h1>
          ${imports.length === 0 && html`<p>No model has been imported yet.</p>`}${imports.length > 1 && overview(imports)}
          ${imports.map(section)}
        </main>
        ${SCRIPT_ELEMENT}
      </body>
    </html> `
  return body.text
}

function overview(imports: readonly Reported[]): Html {
  const rows = imports.map(({ result }, index) => {
    const { source, variants } = result.report
    const largest = Math.max(...variants.map(({ brotli }) => brotli))
    return [
      { show: html`<a href="#import-${index + 1}"><code>${importText(result)}</code></a>` },
      { show: bytesText(source.brotli) },
      { show: bytesText(largest) },
      { show: percentText(largest / source.brotli) },
    ]
  })
  const columns = [
    { head: 'import' },
    { head: 'original', right: true },
    { head: 'largest variant', right: true },
    { head: 'of fp32', right: true },
  ]
  return table(columns, rows, { caption: 'Imports, bytes after brotli' })
}

function section(reported: Reported, index: number): Html {
  const { result } = reported
  return html`<section id="import-${index + 1}">
    <h2><code>${importText(result)}</code></h2>
    ${lead(result)}${asked(result)}${warnings(result)}${variants(result)}${places(result)}${files(reported)}
  </section> `
}

/** The outcome in one sentence. */
function lead({ report, artefacts, cached, seconds }: CompileResult): Html {
  const { source, variants } = report
  const sizes = variants.map(({ brotli }) => brotli)
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)]
  const range = least === most ? bytesText(least) : `${bytesText(least)} to ${bytesText(most)}`
  const share =
    least === most ? percentText(least / source.brotli) : `${percentText(least / source.brotli)} to ${percentText(most / source.brotli)}`
  const built = cached ? 'from the cache' : `built in ${seconds.toFixed(1)}\u202fs`
  return html`<p class="lead">
    ${bytesText(source.brotli)} after brotli became ${range} (${share}) in ${plural(variants.length, 'variant')} of
    ${plural(artefacts.length, 'file')}, ${built}. A page downloads one of them.
  </p> `
}
