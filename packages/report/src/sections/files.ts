import { type FileLayers, type GraphSummary, type ImportLayers, type Layer, variantsOf } from '@whittle/compiler'
import { type Html, html } from '../html.ts'
import type { Reported } from '../reported.ts'
import { type Cell, type Column, table } from '../table.ts'
import { bytesText, countText, decibelText, percentText, plural } from '../words.ts'

const COLUMNS: readonly Column[] = [
  { head: 'weight', title: 'name in the simplified model' },
  { head: 'op' },
  { head: 'dims' },
  { head: 'bits', right: true, title: 'that its elements need' },
  { head: 'zeros', right: true },
  { head: 'error', right: true, title: "of the weight: signal to noise ratio against the simplified model's" },
  { head: 'output', right: true, title: 'of what the layer gives, with all that was lost before it: signal to noise ratio' },
  { head: 'bytes', right: true, title: 'in the file, scales with it' },
  { head: 'brotli', right: true, title: 'by itself' },
  { head: 'stored as' },
  { head: 'computes in' },
  { head: 'what was done' },
]

/** For each file of an import: its layers, and its graph beside the original's. */
export function files({ result, layers, missing }: Reported): Html {
  if (!layers)
    return html`<h3>Layers</h3>
      <p>What the files hold is missing: ${missing}.</p> `
  return html`${result.artefacts.map(({ name, sha256 }) => {
    const file = layers.files[sha256]
    const ids = variantsOf(result, sha256).map(({ id }) => id)
    return (
      file &&
      html`<h3>Layers of <code>${ids.join(', ')}</code></h3>
        <p class="note">
          Read back from <code>${name}</code>. ${plural(file.layers.length, 'weight')}; biases and scales aside. ${errorNote(file)}
        </p>
        ${file.missing.map((text) => html`<p>${text}</p>`)}${layerTable(file, ids)}${graphs(layers, file, ids)}`
    )
  })}${skipped(result.report.variants)}`
}

function errorNote({ layers }: FileLayers): string {
  const measured = layers.some(({ outputSqnr }) => outputSqnr !== undefined)
  return measured
    ? 'The output\u2019s error was taken on one made-up sample, noise within the samples\u2019 range: compare layers by it, not models.'
    : ''
}

function layerTable({ layers }: FileLayers, ids: readonly string[]): Html {
  const rows = layers.map((layer): Cell[] => [
    { show: html`<code>${layer.name}</code>` },
    { show: layer.op },
    { show: layer.dims.join('\u00d7'), by: layer.elements },
    { show: layer.bits, by: layer.bits },
    { show: layer.zeros === null ? '' : percentText(layer.zeros), by: layer.zeros ?? -1 },
    sqnrCell(layer.weightSqnr),
    sqnrCell(layer.outputSqnr),
    { show: bytesText(layer.bytes), by: layer.bytes },
    { show: bytesText(layer.brotli), by: layer.brotli },
    { show: layer.stored },
    { show: layer.computes },
    { show: doneText(layer) },
  ])
  return table(COLUMNS, rows, { caption: `Layers of ${ids.join(', ')}`, sortable: true, tall: true })
}

/** What is equal sorts above all, what is not known below. */
function sqnrCell(sqnr: number | null | undefined): Cell {
  return sqnr === undefined ? { show: '\u2013', by: -1e9 } : { show: decibelText(sqnr), by: sqnr ?? 1e9 }
}

function doneText({ done }: Layer): Html {
  return html`${done.map((text, index) => [index > 0 ? html`<br />` : '', text])}`
}

/** Counts of ops, and the nodes of both graphs side by side. */
function graphs({ original }: ImportLayers, { graph }: FileLayers, ids: readonly string[]): Html {
  const ops = [...new Set([...Object.keys(original.ops), ...Object.keys(graph.ops)])]
  const rows = ops.map((op): Cell[] => {
    const [before, after] = [original.ops[op] ?? 0, graph.ops[op] ?? 0]
    return [{ show: op }, { show: countText(before) }, { show: countText(after) }, { show: before === after ? '' : signed(after - before) }]
  })
  const columns = [{ head: 'op' }, { head: 'before', right: true }, { head: 'after', right: true }, { head: 'change', right: true }]
  return html`<details>
    <summary>The graph before and after: ${plural(original.nodes.length, 'node')}, ${countText(graph.nodes.length)} in the file</summary>
    ${table(columns, rows, { caption: `Ops before and after, ${ids.join(', ')}` })}
    <div class="sides">${nodeList('Before, as imported', original)}${nodeList('After, in the file', graph)}</div>
  </details> `
}

function nodeList(title: string, { nodes }: GraphSummary): Html {
  return html`<div>
    <h4>${title}</h4>
    <ol class="nodes" tabindex="0" aria-label="${title}">
      ${nodes.map(
        ({ op, name, dims }) =>
          html`<li>
            ${op}${dims && html` <small>[${dims.map((dim) => (dim === '' ? '?' : dim)).join(', ')}]</small>`}${name !== '' && html` <small class="name">${name}</small>`}
          </li> `,
      )}
    </ol>
  </div> `
}

function signed(count: number): string {
  return `${count > 0 ? '+' : '\u2212'}${countText(Math.abs(count))}`
}

/** What was left alone, and why. */
function skipped(variants: Reported['result']['report']['variants']): Html {
  const reasons = new Map<string, { ids: Set<string>; places: Set<string> }>()
  for (const { id, reports } of variants)
    for (const { step, skipped } of reports)
      for (const { at, why } of skipped) {
        const key = `${step}: ${why}`
        const known = reasons.get(key) ?? { ids: new Set<string>(), places: new Set<string>() }
        reasons.set(key, known)
        known.ids.add(id)
        known.places.add(at)
      }
  if (reasons.size === 0) return html``
  const columns = [{ head: 'reason' }, { head: 'places' }, { head: 'variants' }]
  const rows = [...reasons].map(([why, { ids, places }]): Cell[] => [
    { show: why },
    { show: placesText([...places]) },
    { show: [...ids].join(', ') },
  ])
  return html`<details>
    <summary>What was left alone, and why: ${plural(reasons.size, 'reason')}</summary>
    ${table(columns, rows, { caption: 'What was left alone', tall: true })}
  </details> `
}

const MOST_PLACES = 4

function placesText(places: readonly string[]): string {
  const more = places.length - MOST_PLACES
  return `${places.slice(0, MOST_PLACES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
