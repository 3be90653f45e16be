import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { opRow, opTable } from '@whittle/ir'
import { buildModel } from '@whittle/testing'
import { expect, test } from 'vitest'

test('OPS.md is what the op table gives', () => {
  const script = fileURLToPath(new URL('../../../tools/generate/op-docs.mjs', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
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
