import { type Manifest, type ManifestVariant, RUNTIME_BROTLI } from '@whittle/targets'
import Table from 'cli-table3'
import { accuracyText } from './accuracy/words.ts'
import type { CompileResult } from './types.ts'

/** The table that a build ends with: each import's source, and what each variant takes beside it. Plain text, no colours. */
export function summary(results: readonly CompileResult[]): string {
  return results.map(summaryOf).join('\n')
}

function summaryOf({ manifest, report, cached, seconds }: CompileResult): string {
  const { source, variants } = report
  const table = new Table({
    head: ['variant', 'bytes', 'brotli', 'of fp32', 'with runtime', 'worst SQNR'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  })
  table.push([
    'fp32 (the file)',
    bytesText(source.bytes),
    bytesText(source.brotli),
    '100.0 %',
    bytesText(source.brotli + RUNTIME_BROTLI.wasm),
    '',
  ])
  for (const variant of variants)
    table.push([
      variant.id,
      bytesText(variant.bytes),
      bytesText(variant.brotli),
      percent(variant.brotli / source.brotli),
      bytesText(variant.brotli + RUNTIME_BROTLI[providerOf(manifest, variant.id)]),
      worst(variant.quality),
    ])
  const query = manifest.query ? `?${manifest.query}` : ''
  const samples = variants[0]?.samples
  const from = samples ? `; SQNR on ${samples.count} ${samples.from} samples` : ''
  const lines = [`${manifest.source.file}${query}  ${cached ? 'from the cache' : `${seconds.toFixed(1)} s`}${from}`, table.toString()]
  // What is true of several variants is said once.
  const sentences = new Map<string, string[]>()
  for (const { id, accuracy, warnings } of variants)
    for (const text of [...(accuracy ? [accuracyText(accuracy)] : []), ...warnings])
      sentences.set(text, [...(sentences.get(text) ?? []), id])
  for (const [text, ids] of sentences) lines.push(`  ${ids.join(', ')}: ${text}`)
  for (const text of report.warnings) lines.push(`  ${text}`)
  return lines.join('\n')
}

function providerOf({ variants }: Manifest, id: string): ManifestVariant['provider'] {
  return variants.find((variant) => variant.id === id)!.provider
}

/** Bytes in kB of 1000, as people read sizes of downloads. */
export function bytesText(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function worst(quality: Record<string, { sqnr: number | null }>): string {
  const values = Object.values(quality).map(({ sqnr }) => sqnr ?? Infinity)
  const least = Math.min(...values)
  return least === Infinity ? 'exact' : `${least.toFixed(1)} dB`
}
