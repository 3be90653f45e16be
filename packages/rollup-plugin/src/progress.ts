import type { CompileProgress } from '@whittle/compiler'

/** Shorter work is not worth a line. */
const QUIET_MS = 1000
/** How often a line is rewritten on a terminal, and how often one is added elsewhere. */
const REWRITE_MS = 100
const ADD_MS = 5000

export interface ProgressStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface ProgressLine {
  update(progress: CompileProgress): void
  /** Removes the line from a terminal. */
  done(): void
}

/**
 * One line on long work: rewritten in place on a terminal, added now and then elsewhere.
 * (The libraries for this own the terminal for as long as they draw; a bundler draws there too.)
 */
export function createProgressLine(title: string, stream: ProgressStream, now: () => number = Date.now): ProgressLine {
  const start = now()
  let last = start + QUIET_MS - (stream.isTTY ? REWRITE_MS : ADD_MS)
  let drawn = false
  return {
    update(progress) {
      if (now() - start < QUIET_MS || now() - last < (stream.isTTY ? REWRITE_MS : ADD_MS)) return
      last = now()
      drawn = true
      const text = `whittle: ${title}: ${wordsOf(progress)} (${Math.round((now() - start) / 1000)} s${restOf(progress)})`
      stream.write(stream.isTTY ? `\r\x1b[2K${text.slice(0, (stream.columns ?? 80) - 1).trimEnd()}` : `${text}\n`)
    },
    done() {
      if (drawn && stream.isTTY) stream.write('\r\x1b[2K')
    },
  }
}

function wordsOf({ step, variant, done, total }: CompileProgress): string {
  const share = total ? ` ${Math.min(100, Math.floor((100 * done) / total))} %` : ''
  return `${step}${variant ? ` for ${variant}` : ''}${share}`
}

function restOf({ left }: CompileProgress): string {
  if (left === undefined) return ''
  return left < 100 ? `, ${left} s left` : `, ${Math.round(left / 60)} min left`
}
