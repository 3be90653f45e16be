import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { IMPORT_TABLE } from '../src/index.mjs'

const root = new URL('../../../', import.meta.url)
const packages = readdirSync(new URL('packages/', root))
const table: Record<string, string[]> = IMPORT_TABLE

it('has a row for every package, and no other', () => {
  expect(Object.keys(table).sort()).toEqual(packages.sort())
})

it('agrees with the table in ARCHITECTURE.md', () => {
  const text = readFileSync(new URL('ARCHITECTURE.md', root), 'utf8')
  const rows = [...text.matchAll(/^\| `([a-z-]+)`\s*\|[^|]*\|([^|]*)\|$/gm)].map(([, name, allowed]) => {
    const names = allowed!.replaceAll('`', '').trim()
    return [name, names === 'nothing of ours' ? [] : names.split(', ')]
  })
  expect(Object.fromEntries(rows)).toEqual(table)
})

it.each(packages)('%s depends on no other package of ours than the table allows', (name) => {
  const manifest = JSON.parse(readFileSync(new URL(`packages/${name}/package.json`, root), 'utf8'))
  const ours = Object.keys(manifest.dependencies ?? {}).filter((key) => key.startsWith('@whittle/'))
  const allowed = table[name]!.map((entry) => `@whittle/${entry.split(/[/ ]/)[0]}`)
  expect(allowed).toEqual(expect.arrayContaining(ours))
})
