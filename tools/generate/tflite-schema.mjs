#!/usr/bin/env node
/**
 * Writes packages/tflite/src/schema/tables.ts, TensorFlow Lite's schema as a table: `node tools/generate/tflite-schema.mjs`, with a
 * python3 (or the one in $PYTHON) that has ai-edge-litert.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const text = execFileSync(process.env.PYTHON ?? 'python3', [here('tflite_schema.py')], { encoding: 'utf8' })
const to = here('../../packages/tflite/src/schema/tables.ts')
writeFileSync(to, await format(text, { ...(await resolveConfig(to)), filepath: to }))
