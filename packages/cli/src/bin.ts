#!/usr/bin/env node
import { run } from './run.ts'

/** Milliseconds that running work gets to end by itself after Ctrl-C: the app's own modules may not listen. */
const GRACE = 2000

const controller = new AbortController()
// The first Ctrl-C lets running work end cleanly; the second ends the process.
process.once('SIGINT', () => {
  controller.abort()
  const end = (): void => {
    process.stderr.write('whittle: interrupted\n')
    process.exit(130)
  }
  setTimeout(end, GRACE).unref()
})

process.exitCode = await run(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr, signal: controller.signal })
