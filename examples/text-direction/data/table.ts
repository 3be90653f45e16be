import type { Measured } from './measure.ts'

const COLUMNS: readonly (readonly [title: string, cell: (row: Measured) => string])[] = [
  ['variant', (row) => row.variant],
  ['bytes', (row) => grouped(row.bytes)],
  ['brotli', (row) => grouped(row.brotli)],
  ['of fp32', (row) => `${(100 * row.share).toFixed(1)} %`],
  ['accuracy', (row) => `${(100 * row.accuracy).toFixed(2)} %`],
  [
    'difference, 95 % interval',
    (row) => (row.variant === 'fp32' ? '' : `${signed(row.difference)} (${row.interval.map(signed).join(' to ')})`),
  ],
  ['time in wasm', (row) => row.time?.toFixed(2) ?? '–'],
]

/** The rows as a table for a terminal. Differences are in points of accuracy, times a ratio to fp32's. */
export function tableOf(rows: readonly Measured[]): string {
  const lines = [COLUMNS.map(([title]) => title), ...rows.map((row) => COLUMNS.map(([, cell]) => cell(row)))]
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const drawn = lines.map((line) => line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('   '))
  return [drawn[0], '-'.repeat(drawn[0]!.length), ...drawn.slice(1)].join('\n')
}

function grouped(bytes: number): string {
  return bytes.toLocaleString('en-GB')
}

function signed(points: number): string {
  return `${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(2)}`
}
