// Runs model files on a part of a task's evaluation samples in onnxruntime-web's wasm, one thread, and prints the score of each model on each.
// `node evaluate-once.mjs TASK COUNT PART PARTS FILE...`; the first file is the original.
import { readFileSync } from 'node:fs'
import { wasmEngine } from '@whittle/engine'
import { createJiti } from 'jiti'

const [name, count, part, parts, ...files] = process.argv.slice(2)
const { [name]: task } = await createJiti(import.meta.url).import(`./tasks/${name}.ts`)
const engine = wasmEngine()
const sessions = []
for (const file of files) sessions.push(await engine.open(readFileSync(file), { threads: 1 }))
const scores = files.map(() => [])
let index = 0
for await (const sample of task.evaluation(Number(count)).samples()) {
  if (index++ % Number(parts) !== Number(part)) continue
  let original
  for (const [at, session] of sessions.entries()) {
    const outputs = await session.run(sample.inputs)
    original ??= outputs
    scores[at].push(task.score(outputs, sample, original))
  }
}
console.log(JSON.stringify({ scores }))
