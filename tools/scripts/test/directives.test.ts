import { readFileSync } from 'node:fs'
import { DIRECTIVES } from '@whittle/compiler'
import { format, resolveConfig } from 'prettier'
import { expect, it } from 'vitest'
import { directiveTable, splice } from '../directive-table.mjs'

const readme = new URL('../../../README.md', import.meta.url).pathname

it('leaves out what is only planned', () => {
  const rows = [
    { name: 'int8', meaning: 'in 8 bits', example: 'int8' },
    { name: 'rank', meaning: 'low rank', example: 'rank=0.5', planned: true },
  ]
  expect(directiveTable(rows)).toBe('| directive | meaning | value |\n| --- | --- | --- |\n| `int8` | in 8 bits |  |')
})

it("README.md shows the compiler's directives; otherwise run `npm run generate`", async () => {
  const before = readFileSync(readme, 'utf8')
  const after = splice(before, 'directives', directiveTable(DIRECTIVES))
  expect(await format(after, { ...(await resolveConfig(readme)), filepath: readme })).toBe(before)
})
