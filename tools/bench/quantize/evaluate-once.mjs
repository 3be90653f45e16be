// Runs model files on a part of a task's evaluation samples in onnxruntime-web's wasm, one thread, and prints for each model its score on each
// sample and the sums of squares of the original's outputs and of the difference to them, or why it fails.
// `node evaluate-once.mjs TASK COUNT PART PARTS FILE...`; the first file is the original.
import { readFileSync } from 'node:fs'
import { wasmEngine } from '@whittle/engine'
import { createJiti } from 'jiti'

/** Samples on which the outputs themselves are compared: enough for a ratio of sums. */
const COMPARED = 300

/** Samples after which a model with less than half of the original's score is given up: what it lacks is seen. */
const TRIAL = 100

const [name, count, part, parts, ...files] = process.argv.slice(2)
const { tasks } = await createJiti(import.meta.url).import('../tasks/index.ts')
const task = tasks.find((other) => other.name === name)
const answer = task.answer ?? ((run, sample) => run(sample.inputs))
const engine = wasmEngine()
const models = []
for (const file of files) {
  const model = { scores: [], signal: {}, noise: {} }
  models.push(model)
  try {
    model.session = await engine.open(readFileSync(file), { threads: 1 })
  } catch (error) {
    fail(model, error)
  }
}
let index = 0
for await (const sample of task.evaluation(Number(count)).samples()) {
  if (index++ % Number(parts) !== Number(part)) continue
  let original
  for (const model of models.filter((other) => !other.failed && !other.givenUp)) {
    try {
      const outputs = await answer((inputs) => model.session.run(inputs), sample)
      original ??= outputs
      model.scores.push(await task.score(outputs, sample, original))
      if (index <= COMPARED) compare(model, original, outputs)
      if (model.scores.length === TRIAL) model.givenUp = total(model) < total(models[0]) / 2
    } catch (error) {
      if (!original) throw error
      fail(model, error)
    }
  }
}
console.log(JSON.stringify(models.map(({ scores, signal, noise, failed }) => ({ scores, signal, noise, failed }))))

function total({ scores }) {
  return scores.reduce((sum, { correct }) => sum + correct, 0)
}

function fail(model, error) {
  if (model === models[0]) throw error
  // Without the place in onnxruntime's sources.
  model.failed = String(error.message)
    .split('\n')[0]
    .replace(/\/\S+\.cc:\d+ /, '')
    .slice(0, 200)
}

function compare(model, original, outputs) {
  for (const [output, tensor] of Object.entries(original)) {
    const [expected, actual] = [tensor.toFloat32(), outputs[output].toFloat32()]
    let [signal, noise] = [0, 0]
    for (let at = 0; at < expected.length; at++) {
      signal += expected[at] ** 2
      noise += (expected[at] - actual[at]) ** 2
    }
    model.signal[output] = (model.signal[output] ?? 0) + signal
    model.noise[output] = (model.noise[output] ?? 0) + noise
  }
}
