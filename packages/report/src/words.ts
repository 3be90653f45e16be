import type { CompileResult } from '@whittle/compiler'

/** Thin, so that a number and its unit stay on one line. */
const SPACE = '\u202f'

/** Decimal units: 1 kB is 1000 bytes. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes}${SPACE}B`
  if (bytes < 999_950) return `${(bytes / 1e3).toFixed(1)}${SPACE}kB`
  return `${(bytes / 1e6).toFixed(2)}${SPACE}MB`
}

/** Thousands grouped. */
export function countText(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, SPACE)
}

/** `sqnr` in dB; null is no difference at all. */
export function decibelText(sqnr: number | null): string {
  return sqnr === null ? 'exact' : `${sqnr.toFixed(1)}${SPACE}dB`
}

export function percentText(share: number): string {
  return `${(share * 100).toFixed(1)}${SPACE}%`
}

/** Up to three digits behind the point, without zeros at the end. */
export function numberText(value: number): string {
  return String(Number(value.toFixed(3)))
}

/** With its sign. */
export function signedText(value: number): string {
  return `${value > 0 ? '+' : value < 0 ? '\u2212' : ''}${Math.abs(value).toFixed(2)}`
}

/** The least SQNR of a variant's outputs; null, equal, is the greatest. */
export function worstSqnr(quality: CompileResult['report']['variants'][number]['quality']): number | null {
  const values = Object.values(quality).map(({ sqnr }) => sqnr)
  return values.reduce((least, value) => (value === null || (least !== null && least <= value) ? least : value), null)
}

/** The import as written, without `./`. */
export function importText({ manifest }: CompileResult): string {
  return `${manifest.source.file}${manifest.query && `?${manifest.query}`}`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}
