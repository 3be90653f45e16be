import { writeFileSync } from 'node:fs'
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { Row } from '../bench.ts'

const KINDS: Readonly<Record<string, string>> = {
  original: '#444444',
  'whittle, onnx': '#4269d0',
  'whittle, weight file': '#2ca02c',
  'other tools': '#c98500',
}

/** Draws brotli bytes with the runtime, a panel for each model, and writes it as SVG. */
export async function plotWire(rows: readonly Row[], file: string): Promise<void> {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const marks = rows.map(({ task, file: made, form, withRuntime }) => ({
    label: `${task}: ${made === 'original' ? 'the original' : form}`,
    made: String(made).startsWith('whittle') || made === 'original' ? made : 'other tools',
    megabytes: Number(withRuntime) / 1e6,
  }))
  const labels = [...new Set(marks.map(({ label }) => label))]
  const chart = Plot.plot({
    document: document as never,
    width: 900,
    marginLeft: 380,
    marginRight: 30,
    height: 70 + 16 * labels.length,
    style: { background: 'white', color: 'black', fontFamily: 'sans-serif', fontSize: '11px' },
    x: { label: 'MB after brotli, with the runtime', grid: true, zero: true, axis: 'top' },
    y: { label: null, domain: labels },
    color: { domain: Object.keys(KINDS), range: Object.values(KINDS) },
    marks: [
      Plot.ruleX([0]),
      ...Object.entries(KINDS).map(([kind, fill], at) =>
        Plot.text([`\u25cf ${kind}`], { frameAnchor: 'top-right', dy: 8 + 16 * at, dx: -8, fill, fontWeight: 'bold' }),
      ),
      Plot.dot(marks, { x: 'megabytes', y: 'label', fill: 'made', r: 4, title: 'made' }),
    ],
  }) as unknown as { outerHTML: string; setAttribute(name: string, value: string): void }
  chart.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  writeFileSync(file, `${chart.outerHTML}\n`)
}
