#!/usr/bin/env node
/**
 * Writes packages/ir/OPS.md from the op table and ONNX's schemas: `node tools/generate/op-docs.mjs`. A test of @whittle/ir fails where the
 * committed file is not what this would write.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createJiti } from 'jiti'
import { resolveConfig } from 'prettier'
import { opDocs } from './op-docs-text.mjs'

const ir = fileURLToPath(new URL('../../packages/ir', import.meta.url))
const jiti = createJiti(import.meta.url, { fsCache: false })
const modules = await Promise.all(['index', 'schemas/index'].map((name) => jiti.import(`${ir}/src/${name}.ts`)))
const file = `${ir}/OPS.md`
writeFileSync(file, await opDocs(...modules, { ...(await resolveConfig(file)), filepath: file }))
