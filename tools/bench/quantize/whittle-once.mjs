// Compresses a task's model once for wasm and writes it: `node whittle-once.mjs TASK QUERY TARGET`. Prints the seconds of the build, without
// starting Node and loading the compiler, and the process's peak memory.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compile } from '@whittle/compiler'
import { createJiti } from 'jiti'

const [name, query, target] = process.argv.slice(2)
const root = fileURLToPath(new URL('../', import.meta.url))
const { tasks } = await createJiti(import.meta.url).import('../tasks/index.ts')
const task = tasks.find((other) => other.name === name)
const config = { datasets: { task: join(root, `tasks/${name}-calibration.ts`) } }
try {
  const { artefacts, report, seconds } = await compile({ file: task.file, query: `${query}&target=wasm`, root, config, cache: false })
  writeFileSync(target, artefacts[0].bytes)
  console.log(JSON.stringify({ seconds, mib: process.resourceUsage().maxRSS / 1024, note: report.variants[0].warnings.join('; ') }))
} catch (error) {
  console.log(JSON.stringify({ failed: String(error.message).split('\n')[0].slice(0, 300) }))
}
