import { DIRECTIVES, type CompileResult } from '@whittle/compiler'
import { type Html, html } from '../html.ts'
import { table } from '../table.ts'

/** The import's directives with what they mean, and the recipe that came of each alternative. */
export function asked({ manifest, report }: CompileResult): Html {
  const written = manifest.query.split('&').filter(Boolean)
  const rows = written.map((part) => {
    const [name = '', ...value] = part.split('=')
    return [{ show: html`<code class="long">${part}</code>` }, { show: meaningOf(name, value.join('=')) }]
  })
  const recipes = new Map<string, { ids: string[]; recipe: CompileResult['report']['variants'][number]['recipe'] }>()
  for (const { id, recipe } of report.variants) {
    const key = JSON.stringify(recipe)
    recipes.set(key, { recipe, ids: [...(recipes.get(key)?.ids ?? []), id] })
  }
  return html`<h3>What was asked</h3>
    ${
      rows.length > 0
        ? table([{ head: 'directive' }, { head: 'meaning' }], rows, { caption: 'Directives of the import' })
        : html`<p>Nothing but the model: it is only simplified.</p> `
    }
    <details>
      <summary>Recipes, with every option</summary>
      ${[...recipes.values()].map(
        ({ ids, recipe }) =>
          html`<h4>${ids.join(', ')}</h4>
            <ol>
              ${recipe.map(({ step, options }) => html`<li><b>${step}</b> <code>${optionsText(options)}</code></li>`)}
            </ol> `,
      )}
    </details> `
}

/** Several formats stand in one directive, `int8;int4`. */
function meaningOf(name: string, value: string): Html {
  const meanings = name.split(';').map((part) => DIRECTIVES.find((directive) => directive.name === part)?.meaning)
  if (meanings.some((meaning) => meaning !== undefined))
    return html`${meanings.map((meaning, index) => [index > 0 ? html`<br />` : '', code(meaning ?? '')])}`
  if (name.includes('.')) return html`an option of the transform ${name.split('.')[0]}`
  return html`${value ? 'given by the import' : 'a preset of whittle.config'}`
}

/** Meanings mark code by backticks. */
function code(text: string): Html {
  return html`${text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`
}

function optionsText(options: Record<string, unknown>): string {
  return Object.entries(options)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}
