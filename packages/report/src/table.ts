import { type Html, type Part, html } from './html.ts'

export interface Column {
  readonly head: string
  /** What the figures mean, where the head does not say it. */
  readonly title?: string
  readonly right?: boolean
}

export interface Cell {
  readonly show: Part
  /** By what the column is sorted, where that is not the text: numbers as numbers. */
  readonly by?: number | string
}

export interface TableOptions {
  /** What the table holds, for those who do not see where it stands. */
  readonly caption: string
  /** Whether heads are buttons that sort, and a field picks rows. */
  readonly sortable?: boolean
  /** Rows that scroll in a box of their own. */
  readonly tall?: boolean
}

/** A table that scrolls inside itself where it is wider than the page. The first cell of a row is its head. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], { caption, sortable, tall }: TableOptions): Html {
  const head = columns.map(({ head, title, right }, index) => {
    const name = sortable
      ? html`<button type="button" data-column="${index}">${head}<span aria-hidden="true"></span></button>`
      : html`${head}`
    return html`<th scope="col" ${title === undefined ? '' : html` title="${title}"`}${right ? html` class="right"` : ''}>${name}</th>`
  })
  const body = rows.map(
    (cells) =>
      html`<tr>
        ${cells.map(({ show, by }, index) => {
          const attributes = html`${by === undefined ? '' : html` data-by="${by}"`}${columns[index]!.right ? html` class="right"` : ''}`
          return index === 0 ? html`<th scope="row" ${attributes}>${show}</th>` : html`<td${attributes}>${show}</td>`
        })}
      </tr> `,
  )
  const filter = sortable
    ? html`<label class="filter">Filter <input type="search" placeholder="name or op" /></label><span class="shown" role="status"></span>`
    : ''
  return html`<div class="table${sortable ? ' sortable' : ''}">
    ${filter}
    <div class="scroll${tall ? ' tall' : ''}" role="region" aria-label="${caption}" tabindex="0">
      <table>
        <caption>
          ${caption}
        </caption>
        <thead>
          <tr>
            ${head}
          </tr>
        </thead>
        <tbody>
          ${body}
        </tbody>
      </table>
    </div>
  </div> `
}
