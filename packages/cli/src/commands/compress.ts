import { isAbsolute, resolve } from 'node:path'
import { type CompileResult, OptionError, accuracyText } from '@whittle/compiler'
import { compileModel } from '../compile-model.ts'
import { emitOnnx } from '../emit.ts'
import { bytesText, colorsFor, decibelText, jsonText, percentText, tableText } from '../format.ts'
import type { Io } from '../io.ts'

export interface CompressOptions {
  calibrate?: string
  target?: string
  emit?: 'onnx'
  out?: string
  cache: boolean
  json?: boolean
}

/** `whittle compress MODEL QUERY`. */
export async function compressCommand(model: string, query: string, options: CompressOptions, io: Io): Promise<void> {
  const cwd = io.cwd ?? process.cwd()
  const result = await compileModel(model, fullQuery(query, options), options, io)
  const emits = options.emit !== undefined || options.out !== undefined
  const files: Files = emits ? await emitOnnx(result, resolve(cwd, options.out ?? '.'), resolve(cwd, model), cwd) : new Map()
  io.stdout.write(options.json ? jsonText(toJson(result, files)) : toText(result, files, io))
}

/** The paths that were written, by variant. */
type Files = ReadonlyMap<string, string[]>

function fullQuery(query: string, { calibrate, target }: CompressOptions): string {
  const parts = [query.replace(/^\?/, '')]
  if (target !== undefined) parts.push(`target=${target.replaceAll(',', ';')}`)
  if (calibrate !== undefined) {
    if (/[&=;?#%]/.test(calibrate))
      throw new OptionError(
        'CALIBRATE_PATH',
        `--calibrate: the path '${calibrate}' holds one of & = ; ? # %, which a query cannot; rename it`,
      )
    parts.push(`calibrate=${isAbsolute(calibrate) || calibrate.startsWith('.') ? calibrate : `./${calibrate}`}`)
  }
  return parts.filter(Boolean).join('&')
}

function toJson({ report }: CompileResult, files: Files): unknown {
  return {
    source: report.source,
    warnings: report.warnings,
    dropped: report.dropped,
    variants: report.variants.map((variant) => ({
      id: variant.id,
      target: variant.target,
      recipe: variant.recipe,
      files: files.get(variant.id) ?? [],
      bytes: variant.bytes,
      brotli: variant.brotli,
      quality: variant.quality,
      samples: variant.samples,
      accuracy: variant.accuracy,
      forecast: variant.forecast,
      changed: variant.reports.flatMap(({ step, changed }) => changed.map((entry) => ({ step, ...entry }))),
      skipped: variant.reports.flatMap(({ step, skipped }) => skipped.map((entry) => ({ step, ...entry }))),
      warnings: variant.warnings,
      seconds: variant.seconds,
    })),
  }
}

function toText({ report, cached, seconds }: CompileResult, files: Files, io: Io): string {
  const colors = colorsFor(io)
  const { source, variants } = report
  const rows = variants.map(({ id, target, bytes, brotli, quality }) => [
    id,
    target,
    bytesText(bytes),
    bytesText(brotli),
    percentText(brotli, source.brotli),
    decibelText(worst(Object.values(quality).map(({ sqnr }) => sqnr))),
  ])
  const head = ['variant', 'target', 'bytes', 'brotli', 'of fp32', 'worst SQNR']
  const fp32 = ['fp32', '(source)', bytesText(source.bytes), bytesText(source.brotli), '100.0 %', '']
  const lines = [tableText(head, [fp32, ...rows], colors, [2, 3, 4, 5]), '']
  for (const { from, count } of new Map(variants.map(({ samples }) => [`${samples.from} ${samples.count}`, samples])).values())
    lines.push(`SQNR over ${count} ${from} samples${from === 'random' ? '; give real ones with --calibrate' : ''}.`)
  for (const { id, accuracy } of variants) if (accuracy) lines.push(`${id}: ${accuracyText(accuracy)}.`)
  for (const line of unique(variants.flatMap((variant) => skippedLines(variant.reports)))) lines.push(colors.dim(line))
  for (const warning of unique([...report.warnings, ...variants.flatMap((variant) => variant.warnings)]))
    lines.push(colors.yellow(`warning: ${warning}`))
  const written = unique([...files.values()].flat())
  lines.push(written.length > 0 ? `Wrote ${written.join(', ')}.` : 'Nothing was written; --emit onnx writes each variant as an .onnx file.')
  lines.push(colors.dim(`${seconds.toFixed(1)} s${cached ? ', from the cache' : ''}`))
  return `${lines.join('\n')}\n`
}

/** The least SQNR; null, equal, is the greatest. */
function worst(values: (number | null)[]): number | null {
  return values.reduce((least, value) => (value === null || (least !== null && least <= value) ? least : value), null)
}

/** What was left alone, a line for each step and reason; reasons that differ in their numbers only are one. */
function skippedLines(reports: CompileResult['report']['variants'][number]['reports']): string[] {
  const groups = new Map<string, { at: string; why: string }[]>()
  for (const { step, skipped } of reports)
    for (const entry of skipped) {
      const key = `${step} left alone ${entry.why.replace(NUMBER, '#')}`
      groups.set(key, [...(groups.get(key) ?? []), entry])
    }
  return [...groups].map(([key, entries]) => {
    const shown = entries
      .slice(0, 3)
      .map(({ at }) => at)
      .join(', ')
    const more = entries.length > 3 ? ` and ${entries.length - 3} more` : ''
    return `${key.slice(0, key.indexOf(' '))} left alone ${shown}${more}: ${mergedReason(entries.map(({ why }) => why))}`
  })
}

const NUMBER = /\d+(\.\d+)?/g

/** One reason of many that differ in their numbers only: `only 16 to 216 elements`. */
function mergedReason(reasons: readonly string[]): string {
  const numbers = reasons.map((why) => (why.match(NUMBER) ?? []).map(Number))
  let index = 0
  return reasons[0]!.replace(NUMBER, (text) => {
    const values = numbers.map((row) => row[index]!)
    index++
    const [least, most] = [Math.min(...values), Math.max(...values)]
    return least === most ? text : `${least} to ${most}`
  })
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)]
}
