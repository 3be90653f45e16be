// `npm run bench -- NAME [TASK...] [--peers] [--samples N] [--json]`: runs tools/bench/src/NAME.ts, prints its rows, and keeps them as CSV, a
// row a version.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { nx, root, setup } from './setup.mjs'

const bench = path.join(root, 'tools/bench')

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})

async function main() {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { peers: { type: 'boolean' }, samples: { type: 'string' }, json: { type: 'boolean' } },
  })
  const [name, ...only] = positionals
  const samples = values.samples === undefined ? undefined : Number(values.samples)
  if (samples !== undefined && !(Number.isInteger(samples) && samples > 0))
    throw new Error(`--samples ${values.samples}: not a whole number above 0`)
  if (!names().includes(name)) {
    console.error(name ? `There is no bench '${name}'.` : 'Which bench?')
    console.error(
      `npm run bench -- NAME [TASK...] [--peers] [--samples N] [--json], where NAME is one of: ${names().join(', ') || 'none yet'}`,
    )
    process.exitCode = 2
    return
  }
  setup()
  const built = nx(['run-many', '-t', 'build', '-p', '@whittle/*'], { stdout: 2 })
  if (built !== 0) throw new Error('The build failed: see above.')
  const { createJiti } = await import('jiti')
  const run = await createJiti(import.meta.url).import(path.join(bench, 'src', `${name}.ts`), { default: true })
  const rows = await run({ peers: values.peers ?? false, only, samples, log: (line) => console.error(line) })
  await keep(name, rows, only)
  if (values.json) console.log(JSON.stringify({ name, rows }))
  else await print(rows)
}

function names() {
  const folder = path.join(bench, 'src')
  const files = existsSync(folder) ? readdirSync(folder) : []
  return files.filter((file) => file.endsWith('.ts')).map((file) => path.basename(file, '.ts'))
}

/** Replaces the rows of this version in results/NAME.csv, and leaves those of older versions, and of tasks that were not asked for. */
async function keep(name, rows, only) {
  const [{ parse }, { stringify }] = await Promise.all([import('csv-parse/sync'), import('csv-stringify/sync')])
  const { version } = JSON.parse(readFileSync(path.join(root, 'packages/compiler/package.json'), 'utf8'))
  const file = path.join(bench, 'results', `${name}.csv`)
  const stays = (row) => row.version !== version || (only.length > 0 && !only.includes(row.task))
  const older = existsSync(file) ? parse(readFileSync(file, 'utf8'), { columns: true }).filter(stays) : []
  const all = [...older, ...rows.map((row) => ({ version, ...row }))]
  const columns = [...new Set(all.flatMap((row) => Object.keys(row)))]
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, stringify(all, { header: true, columns }))
}

async function print(rows) {
  const { default: Table } = await import('cli-table3')
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const table = new Table({ head: columns, style: { head: [], border: [] } })
  for (const row of rows) table.push(columns.map((column) => String(row[column] ?? '')))
  console.log(table.toString())
}
