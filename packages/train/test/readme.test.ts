import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ruleFamilies } from '../src/rules/table.ts'

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
const readme = read('README.md')

it('shows the example that the tests run', () => {
  expect(/^```ts\n([\s\S]*?)^```$/m.exec(readme)?.[1]).toBe(read('test/example.ts'))
})

it('lists the ops that have a rule', () => {
  const rows = [...readme.matchAll(/^\| ([a-z]+) +\| (`.*) \|$/gm)].map(([, family, ops]) => [family, ops!.trim()])
  const wanted = Object.entries(ruleFamilies).map(([family, rules]) => [family, rules.map(({ op }) => `\`${op}\``).join(' ')])
  expect(rows).toEqual(wanted)
})
