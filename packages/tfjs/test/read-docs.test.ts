import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { resolveConfig } from 'prettier'
import { expect, it } from 'vitest'
import { activationNames } from '../src/read/blocks/activation.ts'
import { opFamilies } from '../src/read/graph/table.ts'
import { layerFamilies } from '../src/read/layers/table.ts'

it('OPS.md is what the tables give: run node tools/generate/tfjs-docs.mjs where it is not', async () => {
  const script = new URL('../../../tools/generate/tfjs-docs-text.mjs', import.meta.url).href
  const { tfjsDocs } = (await import(script)) as { tfjsDocs(...tables: unknown[]): Promise<string> }
  const file = fileURLToPath(new URL('../OPS.md', import.meta.url))
  const style = { ...(await resolveConfig(file)), filepath: file }
  expect(await tfjsDocs({ layerFamilies, opFamilies, activationNames }, style)).toBe(readFileSync(file, 'utf8'))
})
