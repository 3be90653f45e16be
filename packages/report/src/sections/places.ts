import type { CompileResult, Forecast } from '@whittle/compiler'
import { type Html, html } from '../html.ts'
import { type Cell, table } from '../table.ts'
import { bytesText, countText, decibelText, plural, worstSqnr } from '../words.ts'

/** How near each output comes, and where the nodes run on each target. */
export function places({ report }: CompileResult): Html {
  const { variants } = report
  const outputs = [...new Set(variants.flatMap(({ quality }) => Object.keys(quality)))]
  const quality = outputs.map((name): Cell[] => [
    { show: html`<code>${name}</code>` },
    ...variants.map((variant): Cell => {
      const own = variant.quality[name]
      return { show: own ? html`${decibelText(own.sqnr)} <small>cosine ${own.cosine.toFixed(6)}</small>` : '' }
    }),
  ])
  const columns = [
    { head: 'variant' },
    { head: 'nodes on it', right: true, title: "on the target's provider" },
    { head: 'on the CPU', right: true, title: 'though the provider was asked for' },
    { head: 'sizes', right: true, title: 'on the CPU, where they belong: they compute sizes from sizes' },
    { head: 'folded', right: true, title: 'computed once, when the session is made' },
    { head: 'parts', right: true, title: 'stretches that the provider runs without waiting for the CPU' },
    { head: 'copied in a run', right: true },
    {
      head: 'waits, of wasm',
      right: true,
      title: 'crossings and nodes on the CPU at the least, against all on wasm; from 1 on it is slower whatever it computes',
    },
    { head: 'computes in' },
  ]
  const rows = variants.map((variant): Cell[] => [
    { show: html`<code>${variant.id}</code>` },
    ...forecastCells(variant.forecast),
    { show: computes(variant) },
  ])
  return html`<h3>Quality of each output</h3>
    ${table([{ head: 'output' }, ...variants.map(({ id }) => ({ head: id, right: true }))], quality, { caption: 'Quality by output' })}
    <p class="note">
      The least:
      ${variants.map(({ id, quality }, index) => html`${index > 0 ? ', ' : ''}<code>${id}</code> ${decibelText(worstSqnr(quality))}`)}.
    </p>
    <h3>What runs where</h3>
    ${table(columns, rows, { caption: 'Where nodes run' })}
    <p class="note">All but wasm is forecast from the tables of onnxruntime-web, and untested on a device.</p>
    ${fallbacks(variants.map(({ forecast }) => forecast))}`
}

function forecastCells({ nodes, partitions, crossing, cost, verdict }: Forecast): Cell[] {
  const waits =
    verdict === 'fails'
      ? 'fails'
      : cost
        ? cost.relative === null || !Number.isFinite(cost.relative)
          ? 'unknown'
          : `${cost.relative.toFixed(2)}${verdict === 'poor' ? ', poor' : ''}`
        : ''
  return [
    { show: countText(nodes.provider) },
    { show: countText(nodes.cpu) },
    { show: countText(nodes.shape) },
    { show: countText(nodes.folded) },
    { show: countText(partitions) },
    { show: `${crossing.exact ? '' : 'at least '}${bytesText(crossing.bytes)}` },
    { show: waits },
  ]
}

/** In the words of lowering, with how many of each. */
function computes({ reports }: CompileResult['report']['variants'][number]): Html {
  const counts = new Map<string, number>()
  for (const { step, changed } of reports)
    if (step === 'lower') for (const { what } of changed) counts.set(what, (counts.get(what) ?? 0) + 1)
  const texts = [...counts].map(([what, count]) => html`<li>${countText(count)}: ${what}</li>`)
  return texts.length > 0
    ? html`<ul class="plain">
        ${texts}
      </ul>`
    : html`float32, as it was`
}

/** Why nodes fall back, the most frequent first, with the targets that share the reason. */
function fallbacks(forecasts: readonly Forecast[]): Html {
  const reasons = new Map<string, Map<string, number>>()
  for (const { target, fallbacks } of forecasts)
    for (const { why } of fallbacks) {
      const counts = reasons.get(why) ?? new Map<string, number>()
      reasons.set(why, counts.set(target, Math.max(counts.get(target) ?? 0, fallbacks.filter((other) => other.why === why).length)))
    }
  const items = [...reasons]
    .map(([why, counts]) => ({ why, targets: [...counts.keys()].join(', '), nodes: Math.max(...counts.values()) }))
    .sort((a, b) => b.nodes - a.nodes)
    .map(({ why, targets, nodes }) => html`<li><code>${targets}</code>: ${why} (${plural(nodes, 'node')})</li>`)
  return items.length > 0
    ? html`<p>Nodes that fall back to the CPU:</p>
        <ul>
          ${items}
        </ul> `
    : html``
}
