// Writes the table of directives in README.md from the compiler's own.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DIRECTIVES } from '@whittle/compiler'
import { format, resolveConfig } from 'prettier'
import { directiveTable, splice } from './directive-table.mjs'
import { root } from './setup.mjs'

const file = path.join(root, 'README.md')
const text = splice(readFileSync(file, 'utf8'), 'directives', directiveTable(DIRECTIVES))
writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }))
