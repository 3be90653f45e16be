// Compresses a task's model once for wasm and writes it: `node whittle-once.mjs TASK QUERY TARGET BROTLI`. Prints the seconds of the build,
// without starting Node and loading the compiler, and the process's peak memory. BROTLI is the original's size after brotli, which a build
// knows from its cache: for 90 MB it takes minutes.
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compile } from '@whittle/compiler'
import cacache from 'cacache'
import { createJiti } from 'jiti'

const [name, query, target, brotli] = process.argv.slice(2)
const root = fileURLToPath(new URL('../', import.meta.url))
const { tasks } = await createJiti(import.meta.url).import('../tasks/index.ts')
const task = tasks.find((other) => other.name === name)
const config = { datasets: { task: join(root, `tasks/${name}-calibration.ts`), training: join(root, `tasks/${name}-training.ts`) } }
const cache = mkdtempSync(join(tmpdir(), 'whittle-bench-'))
try {
  const original = createHash('sha256').update(readFileSync(task.file)).digest('hex')
  await cacache.put(cache, `brotli:${original}`, brotli)
  const { artefacts, report, seconds } = await compile({ file: task.file, query: `${query}&target=wasm`, root, config, cache })
  writeFileSync(target, artefacts[0].bytes)
  console.log(JSON.stringify({ seconds, mib: process.resourceUsage().maxRSS / 1024, note: report.variants[0].warnings.join('; ') }))
} catch (error) {
  console.log(JSON.stringify({ failed: String(error.message).split('\n')[0].slice(0, 300) }))
} finally {
  rmSync(cache, { recursive: true })
}
