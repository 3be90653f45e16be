import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as ir from '@whittle/ir'
import { opRow, opTable } from '@whittle/ir'
import * as schemas from '@whittle/ir/schemas'
import { buildModel } from '@whittle/testing'
import { resolveConfig } from 'prettier'
import { expect, test } from 'vitest'

test('OPS.md is what the op table gives: run node tools/generate/op-docs.mjs where it is not', async () => {
  const script = new URL('../../../tools/generate/op-docs-text.mjs', import.meta.url).href
  const { opDocs } = (await import(script)) as { opDocs(...modules: unknown[]): Promise<string> }
  const file = fileURLToPath(new URL('../OPS.md', import.meta.url))
  expect(await opDocs(ir, schemas, { ...(await resolveConfig(file)), filepath: file })).toBe(readFileSync(file, 'utf8'))
})

test('each op has one row', () => {
  const types = opTable.map((row) => row.type)
  expect(types.filter((type, index) => types.indexOf(type) !== index)).toEqual([])
})

test('a row is found by op and domain', () => {
  const model = buildModel((b) => {
    const x = b.input('x', [2, 3])
    b.node('Gelu', [x])
    b.node('Gelu', [x], {}, { domain: 'com.microsoft' })
    b.node('Gelu', [x], {}, { domain: 'org.example' })
  })
  expect(model.graph.nodes.map((node) => opRow(node)?.type)).toEqual(['Gelu', 'com.microsoft.Gelu', undefined])
})
