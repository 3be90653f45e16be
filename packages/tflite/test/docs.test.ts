import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { resolveConfig } from 'prettier'
import { expect, it } from 'vitest'
import { CUSTOM_OPS, OPS } from '../src/ops/table.ts'
import { BUILTIN_OPERATOR, TABLES } from '../src/schema/tables.ts'

it('OPS.md is what the table gives: run node tools/generate/tflite-docs.mjs where it is not', async () => {
  const script = new URL('../../../tools/generate/tflite-docs-text.mjs', import.meta.url).href
  const { tfliteDocs } = (await import(script)) as { tfliteDocs(...tables: unknown[]): Promise<string> }
  const file = fileURLToPath(new URL('../OPS.md', import.meta.url))
  const style = { ...(await resolveConfig(file)), filepath: file }
  expect(await tfliteDocs({ OPS, CUSTOM_OPS, BUILTIN_OPERATOR }, style)).toBe(readFileSync(file, 'utf8'))
})

it('every row of the table is an op of the schema, and its options are a table of it', () => {
  expect([...OPS.keys()].filter((name) => !BUILTIN_OPERATOR.includes(name))).toEqual([])
  expect([...OPS.values()].flatMap(({ options }) => (options && !TABLES[options] ? [options] : []))).toEqual([])
})
