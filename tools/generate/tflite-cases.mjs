#!/usr/bin/env node
/**
 * Writes packages/tflite/test/fixtures: small models (cases.jsonl) and the real ones (models.json) with the outputs that LiteRT gives:
 * `node tools/generate/tflite-cases.mjs`, with a python3 (or the one in $PYTHON) that has ai-edge-litert.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const printed = (script) => execFileSync(process.env.PYTHON ?? 'python3', [here(script)], { encoding: 'utf8', maxBuffer: 2 ** 28 })
const folder = here('../../packages/tflite/test/fixtures/')
mkdirSync(folder, { recursive: true })
writeFileSync(`${folder}cases.jsonl`, printed('tflite_cases.py'))
writeFileSync(`${folder}models.json`, printed('tflite_models.py'))
