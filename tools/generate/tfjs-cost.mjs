/**
 * Measures what `packages/targets/src/cost/tfjs.ts` holds: the time of dense and of depthwise layers on the small runtime, TensorFlow.js's
 * WebAssembly, as a ratio to fp32 in onnxruntime-web's wasm, one thread. Chains of equal layers are timed against each other in turn, so that
 * only ratios of one run enter. Run it on a quiet machine after a build: `node tools/generate/tfjs-cost.mjs`.
 */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { tfjsEngine, weightFile } from '@whittle/compiler'
import { wasmEngine } from '@whittle/engine'
import { Model, Tensor, createRandom, inferShapes } from '@whittle/ir'

const LAYERS = 4
const ROUNDS = 25
/** Both engines' code is compiled better once it has run for a while. */
const WARM_MS = 300
/** Multiply-accumulates of one layer beyond which a row takes too long to measure. */
const MAX_MACS = 150e6

const random = createRandom('cost')

const SHAPES = [
  ...[16, 32, 64, 128, 256, 512].flatMap((channels) =>
    [16, 64, 256, 1024, 4096].map((positions) => ({ op: 'Conv', kernel: 1, channels, positions })),
  ),
  ...[16, 32, 64, 128].flatMap((channels) => [64, 256, 1024, 4096].map((positions) => ({ op: 'Conv', kernel: 3, channels, positions }))),
  ...[16, 64, 256].flatMap((channels) =>
    [64, 256, 1024, 4096].flatMap((positions) => [3, 5].map((kernel) => ({ op: 'Conv', kernel, channels, positions, depthwise: true }))),
  ),
  ...[64, 128, 256, 512, 768].flatMap((channels) => [1, 8, 64, 256].map((positions) => ({ op: 'MatMul', kernel: 1, channels, positions }))),
]

function chain({ op, kernel, channels, positions, depthwise }) {
  const model = new Model('chain')
  const { graph } = model
  const width = positions >= 64 ? positions / 8 : positions
  const height = positions / width
  let value = graph.addInput('x', 'float32', op === 'Conv' ? [1, channels, height, width] : [positions, channels])
  const dims = op === 'Conv' ? [channels, depthwise ? 1 : channels, kernel, kernel] : [channels, channels]
  const size = dims.reduce((a, b) => a * b, 1)
  for (let layer = 0; layer < LAYERS; layer++) {
    const data = Float32Array.from({ length: size }, () => random.normal() / Math.sqrt(size / channels))
    const weight = graph.addInitializer(`w${layer}`, Tensor.float32(dims, data))
    const pad = (kernel - 1) / 2
    const attributes = op === 'Conv' ? { pads: [pad, pad, pad, pad], kernel_shape: [kernel, kernel], group: depthwise ? channels : 1 } : {}
    const bias = op === 'Conv' ? [graph.addInitializer(`b${layer}`, Tensor.float32([channels], new Float32Array(channels)))] : []
    value = graph.addNode({ op, inputs: [value, weight, ...bias], attributes }).output
    value = graph.addNode({ op: 'Relu', inputs: [value] }).output
  }
  graph.addOutput(value)
  inferShapes(model)
  return model
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]

/** Microseconds of a layer on the small runtime and on onnxruntime-web, run in turn. */
async function timesOf(model) {
  const sessions = [await tfjsEngine().open(weightFile(model).bytes), await wasmEngine().open(model)]
  const dims = model.graph.inputs[0].shape
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.next())
  const input = { x: Tensor.float32(dims, data) }
  const times = sessions.map(() => [])
  const began = performance.now()
  for (let round = 0; round < ROUNDS;) {
    const warm = performance.now() - began > WARM_MS
    for (const [index, session] of sessions.entries()) {
      const start = performance.now()
      await session.run(input)
      if (warm) times[index].push(performance.now() - start)
    }
    if (warm) round++
  }
  for (const session of sessions) await session.dispose()
  return times.map((list) => Number(((median(list) * 1000) / LAYERS).toPrecision(4)))
}

const rows = []
for (const shape of SHAPES) {
  const { op, kernel, channels, positions, depthwise = false } = shape
  const inputChannels = depthwise ? 1 : channels
  if (inputChannels * channels * kernel ** 2 * positions > MAX_MACS) continue
  const [tfjs, fp32] = await timesOf(chain(shape))
  const row = { op, kernel: [kernel, kernel], depthwise, inputChannels, outputChannels: channels, positions, fp32, tfjs }
  rows.push(row)
  console.log(JSON.stringify(row))
}

const text = `import type { RuntimeCostTable } from '@whittle/ir'

/** Written by tools/generate/tfjs-cost.mjs. Microseconds of one machine: only their ratios mean anything elsewhere. */
export const tfjsCost: RuntimeCostTable = {
  rows: [
${rows
  .map(
    (row) =>
      `    ${JSON.stringify(row)
        .replace(/"(\w+)":/g, '$1: ')
        .replaceAll('"', "'")
        .replaceAll(',', ', ')
        .replace('{', '{ ')
        .replace('}', ' }')},`,
  )
  .join('\n')}
  ],
  source: {
    how: 'tools/generate/tfjs-cost.mjs: chains of ${LAYERS} layers in Node, tfjs-backend-wasm 4.22.0 and onnxruntime-web in turn, one thread, medians of ${ROUNDS}, on ${cpus()[0].model.trim()}',
    date: '${new Date().toISOString().slice(0, 10)}',
  },
}
`
writeFileSync(fileURLToPath(new URL('../../packages/targets/src/cost/tfjs.ts', import.meta.url)), text)
