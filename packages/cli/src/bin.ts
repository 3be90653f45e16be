#!/usr/bin/env node
import { run } from './run.ts'

const controller = new AbortController()
// The first Ctrl-C lets running work end cleanly; the second ends the process.
process.once('SIGINT', () => controller.abort())

process.exitCode = await run(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr, signal: controller.signal })
