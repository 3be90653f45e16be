#!/usr/bin/env node
/**
 * Writes packages/tfjs/OPS.md from the reader's tables of layers and ops: `node tools/generate/tfjs-docs.mjs`. A test of @whittle/tfjs fails
 * where the committed file is not what this would write.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createJiti } from 'jiti'
import { resolveConfig } from 'prettier'
import { tfjsDocs } from './tfjs-docs-text.mjs'

const tfjs = fileURLToPath(new URL('../../packages/tfjs', import.meta.url))
const ir = fileURLToPath(new URL('../../packages/ir/src/index.ts', import.meta.url))
const jiti = createJiti(import.meta.url, { fsCache: false, alias: { '@whittle/ir': ir } })
const names = ['layers/table', 'graph/table', 'blocks/activation']
const modules = await Promise.all(names.map((name) => jiti.import(`${tfjs}/src/read/${name}.ts`)))
const file = `${tfjs}/OPS.md`
writeFileSync(file, await tfjsDocs(Object.assign({}, ...modules), { ...(await resolveConfig(file)), filepath: file }))
