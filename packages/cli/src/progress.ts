import type { Output } from './io.ts'

/** One line on a terminal that is written over; nothing where the output is no terminal. */
export interface ProgressLine {
  show(text: string): void
  clear(): void
}

const ERASE = '\r\x1b[2K'

/** Milliseconds between two updates. */
const PAUSE = 80

export function progressLine(output: Output): ProgressLine {
  let shownAt = 0
  let visible = false
  return {
    show(text) {
      const now = Date.now()
      if (!output.isTTY || now - shownAt < PAUSE) return
      shownAt = now
      visible = true
      output.write(ERASE + text.slice(0, 78))
    },
    clear() {
      if (visible) output.write(ERASE)
      visible = false
    },
  }
}
