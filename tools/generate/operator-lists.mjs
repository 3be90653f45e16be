#!/usr/bin/env node
/**
 * Writes packages/targets/src/operators/{webgpu,webnn}.ts from the lists of the installed onnxruntime-web: `node
 * tools/generate/operator-lists.mjs`. With `--check` it writes nothing, and ends with 1 where a file is not current; a test of
 * @whittle/targets does the same.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { resolveConfig } from 'prettier'
import { LISTS, operatorListText } from './operator-lists-text.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const installed = `${root}/node_modules/onnxruntime-web`
const { version } = JSON.parse(readFileSync(`${installed}/package.json`, 'utf8'))
const today = new Date().toISOString().slice(0, 10)
for (const list of LISTS) {
  const path = `packages/targets/src/operators/${list.name}.ts`
  const file = `${root}/${path}`
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined
  const style = { ...(await resolveConfig(file)), filepath: file }
  const text = await operatorListText(list, readFileSync(`${installed}/docs/${list.file}`, 'utf8'), version, today, before, style)
  if (text === before) continue
  if (!process.argv.includes('--check')) writeFileSync(file, text)
  else {
    process.stderr.write(`${path} is not what onnxruntime-web ${version} says: run node tools/generate/operator-lists.mjs\n`)
    process.exitCode = 1
  }
}
