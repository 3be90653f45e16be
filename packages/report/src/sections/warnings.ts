import type { CompileResult } from '@whittle/compiler'
import { type Html, html } from '../html.ts'

/** What a user must see, in words: of the import, of its variants, and of those that are not shipped. */
export function warnings({ report }: CompileResult): Html {
  const sentences = new Map<string, string[]>()
  for (const { id, warnings } of report.variants) for (const text of warnings) sentences.set(text, [...(sentences.get(text) ?? []), id])
  const notShipped = new Set(report.dropped.map(({ id, why }) => `${id} is not shipped: ${why}`))
  const items = [
    ...report.warnings.filter((text) => !notShipped.has(text)).map((text) => html`<li>${text}</li>`),
    ...[...sentences].map(([text, ids]) => html`<li><code>${ids.join(', ')}</code>: ${text}</li>`),
  ]
  const dropped = report.dropped.map(({ id, why }) => html`<li><code>${id}</code>: ${why}</li>`)
  return html`${
    items.length > 0 &&
    html`<section class="warnings">
      <h3>Warnings</h3>
      <ul>
        ${items}
      </ul>
    </section> `
  }${
    dropped.length > 0 &&
    html`<section class="warnings">
      <h3>Not shipped</h3>
      <ul>
        ${dropped}
      </ul>
    </section> `
  }`
}
