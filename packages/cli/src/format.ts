import Table from 'cli-table3'
import pc from 'picocolors'
import type { Io } from './io.ts'

export type Colors = ReturnType<typeof pc.createColors>

/** Colours only where a person reads. */
export function colorsFor({ stdout, env = process.env }: Io): Colors {
  return pc.createColors(env.NO_COLOR ? false : env.FORCE_COLOR ? true : stdout.isTTY === true)
}

/** Decimal units, as in `max=500kB`: 1 kB is 1000 bytes. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  if (bytes < 999_950) return `${(bytes / 1e3).toFixed(1)} kB`
  return `${(bytes / 1e6).toFixed(2)} MB`
}

/** Thousands grouped by spaces. */
export function countText(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ' ')
}

/** `sqnr` in dB; null is no difference at all. */
export function decibelText(sqnr: number | null): string {
  return sqnr === null ? 'exact' : `${sqnr.toFixed(1)} dB`
}

export function percentText(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`
}

const EDGES = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'] as const
const INNER = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'] as const

/** A table without lines; columns in `right` are aligned to the right. */
export function tableText(head: string[], rows: string[][], colors: Colors, right: readonly number[] = []): string {
  const table = new Table({
    head: head.map((cell) => colors.bold(cell)),
    chars: { ...Object.fromEntries([...EDGES, ...INNER].map((name) => [name, ''])), middle: '  ' },
    colAligns: head.map((_, index) => (right.includes(index) ? 'right' : 'left')),
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  })
  table.push(...rows)
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

/** The one object that `--json` prints. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
