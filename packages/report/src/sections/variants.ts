import { type CompileResult, RUNTIME_BROTLI, accuracyText } from '@whittle/compiler'
import { type Html, html } from '../html.ts'
import { plotOf } from '../plot.ts'
import { pointsOf } from '../points.ts'
import { type Cell, type Column, table } from '../table.ts'
import { bytesText, decibelText, percentText, signedText, worstSqnr } from '../words.ts'

type Variant = CompileResult['report']['variants'][number]

/** The table of variants, and the plot of their bytes against their quality. */
export function variants(result: CompileResult): Html {
  const { report, manifest } = result
  const withAccuracy = report.variants.some(({ accuracy }) => accuracy)
  const columns: Column[] = [
    { head: 'variant' },
    { head: 'target' },
    { head: 'bytes', right: true },
    { head: 'brotli', right: true, title: 'after brotli at its highest quality: what a user downloads' },
    { head: 'of fp32', right: true, title: "brotli, against the original's" },
    { head: 'with runtime', right: true, title: 'with the runtime that executes it' },
    ...(withAccuracy ? [{ head: 'accuracy', right: true, title: 'difference in points with its 95 % interval' }] : []),
    { head: 'worst SQNR', right: true, title: 'signal to noise ratio of the worst output against the original' },
    { head: 'built in', right: true },
  ]
  const { source } = report
  const original: Cell[] = [
    { show: 'the original' },
    { show: '' },
    { show: bytesText(source.bytes) },
    { show: bytesText(source.brotli) },
    { show: percentText(1) },
    { show: bytesText(source.brotli + RUNTIME_BROTLI.wasm) },
    ...(withAccuracy ? [{ show: numberOf(report.variants.find(({ accuracy }) => accuracy)!.accuracy!.original) }] : []),
    { show: '' },
    { show: '' },
  ]
  const rows = report.variants.map((variant): Cell[] => [
    { show: html`<code>${variant.id}</code>` },
    { show: `${variant.target}${variant.runtime === 'tfjs' ? ', small runtime' : ''}` },
    { show: bytesText(variant.bytes) },
    { show: bytesText(variant.brotli) },
    { show: percentText(variant.brotli / source.brotli) },
    { show: bytesText(variant.brotli + RUNTIME_BROTLI[providerOf(manifest, variant)]) },
    ...(withAccuracy ? [{ show: accuracyCell(variant) }] : []),
    { show: decibelText(worstSqnr(variant.quality)) },
    { show: `${variant.seconds.toFixed(1)}\u202fs` },
  ])
  const points = pointsOf(result)
  return html`<h3>What came out</h3>
    ${table(columns, [original, ...rows], { caption: 'Variants' })}${accuracies(report.variants)}
    <p class="note">${samplesText(report.variants)} How long a run takes was not measured: that is a matter of the device.</p>
    <figure class="plot">
      <div class="wide">${plotOf(points, 'wide')}</div>
      <div class="narrow">${plotOf(points, 'narrow')}</div>
      <figcaption>
        Bytes after brotli against
        ${points.axis.label}${points.points.some(({ interval }) => interval) ? html`, with its 95 % interval` : ''}.
        ${points.axis.higherIsBetter ? 'Up' : 'Down'} and left is better.
      </figcaption>
    </figure> `
}

function accuracyCell({ accuracy }: Variant): Html {
  if (!accuracy) return html`not taken`
  const { variant, difference, interval } = accuracy
  return html`${numberOf(variant)}
    <small>${signedText(difference)}${interval ? html` (${signedText(interval[0])} to ${signedText(interval[1])})` : ''}</small>`
}

/** What is said of accuracy, once for all variants of which it is true. */
function accuracies(list: readonly Variant[]): Html {
  const lines = new Map<string, string[]>()
  for (const { id, accuracy } of list) if (accuracy) lines.set(accuracyText(accuracy), [...(lines.get(accuracyText(accuracy)) ?? []), id])
  return lines.size === 0
    ? html``
    : html`<ul>
        ${[...lines].map(([text, ids]) => html`<li><code>${ids.join(', ')}</code>: ${text}</li>`)}
      </ul> `
}

function samplesText(list: readonly Variant[]): string {
  const samples = list[0]?.samples
  if (!samples) return ''
  const random = samples.from === 'random' ? ': seeded noise, since the import gives none' : ''
  return `SQNR was taken on ${samples.count} ${samples.from} samples${random}, of the files as they ship, in the browser\u2019s own arithmetic.`
}

function providerOf({ variants }: CompileResult['manifest'], { id }: Variant): keyof typeof RUNTIME_BROTLI {
  return variants.find((variant) => variant.id === id)!.provider
}

function numberOf(value: number): string {
  return String(Number(value.toPrecision(4)))
}
