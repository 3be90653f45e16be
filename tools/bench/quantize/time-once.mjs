// Times model files on one of a task's samples in onnxruntime-web's wasm, one thread, interleaved: `node time-once.mjs TASK MILLISECONDS FILE...`.
// Prints for each the median ratio of its time to the first one's in the same round.
import { readFileSync } from 'node:fs'
import { timeRatio, wasmEngine } from '@whittle/engine'
import { createJiti } from 'jiti'

const [name, budget, ...files] = process.argv.slice(2)
const { tasks } = await createJiti(import.meta.url).import('../tasks/index.ts')
const task = tasks.find((other) => other.name === name)
const samples = task.answer ? task.calibration : task.evaluation(1)
const { value: sample } = await samples.samples()[Symbol.asyncIterator]().next()
const models = files.map((file) => ({ name: file, model: readFileSync(file) }))
const [{ milliseconds }] = await timeRatio(wasmEngine(), models.slice(0, 1), sample.inputs, { rounds: 5, threads: 1 })
const rounds = Math.max(15, Math.min(200, Math.round(Number(budget) / milliseconds / files.length)))
const times = await timeRatio(wasmEngine(), models, sample.inputs, { rounds, threads: 1 })
console.log(JSON.stringify(times.map(({ ratio }) => ratio)))
