#!/usr/bin/env node
/**
 * Writes packages/tflite/OPS.md from the reader's table of ops: `node tools/generate/tflite-docs.mjs`. A test of @whittle/tflite fails where
 * the committed file is not what this would write.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createJiti } from 'jiti'
import { resolveConfig } from 'prettier'
import { tfliteDocs } from './tflite-docs-text.mjs'

const tflite = fileURLToPath(new URL('../../packages/tflite', import.meta.url))
const ir = fileURLToPath(new URL('../../packages/ir/src/index.ts', import.meta.url))
const jiti = createJiti(import.meta.url, { fsCache: false, alias: { '@whittle/ir': ir } })
const modules = await Promise.all(['ops/table', 'schema/tables'].map((name) => jiti.import(`${tflite}/src/${name}.ts`)))
const file = `${tflite}/OPS.md`
writeFileSync(file, await tfliteDocs(Object.assign({}, ...modules), { ...(await resolveConfig(file)), filepath: file }))
