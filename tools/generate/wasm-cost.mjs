/**
 * Measures what `packages/targets/src/cost/wasm.ts` holds: the time of dense layers in fp32 and in int8 (QDQ, uint8 activations, int8 weights
 * per channel) in onnxruntime-web's wasm, one thread, and that of quantizing and dequantizing. Chains of equal layers are timed against each
 * other in turn, so that only ratios of one run enter. Run it on a quiet machine after a build: `node tools/generate/wasm-cost.mjs`.
 */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { lower } from '@whittle/compiler'
import { wasmEngine } from '@whittle/engine'
import { Model, Tensor, createRandom } from '@whittle/ir'
import { wasm } from '@whittle/targets'

const LAYERS = 4
const ROUNDS = 25
/** Multiply-accumulates of one layer beyond which a row takes too long to measure. */
const MAX_MACS = 150e6

const engine = wasmEngine()
const random = createRandom('cost')

/** A table with which a layer of this shape always computes in integers. */
function always({ op, kernel, channels, positions }) {
  const row = {
    op,
    kernel: [kernel, kernel],
    depthwise: false,
    inputChannels: channels,
    outputChannels: channels,
    positions,
    fp32: 1000,
    int8: 1,
  }
  return { rows: [row], quantizePerMillion: 0, dequantizePerMillion: 0, source: { how: 'none', date: '' } }
}

function chain(shape, annotate) {
  const { op, kernel, channels, positions } = shape
  const model = new Model('chain')
  const { graph } = model
  const width = positions >= 64 ? positions / 8 : positions
  const height = positions / width
  let value = graph.addInput('x', 'float32', op === 'Conv' ? [1, channels, height, width] : [positions, channels])
  const grid = (item) => {
    if (annotate) item.quantization = { kind: 'integer', bits: 8, signed: false, scale: Float32Array.of(0.02), zeroPoint: Int32Array.of(0) }
    return item
  }
  grid(value)
  const dims = op === 'Conv' ? [channels, channels, kernel, kernel] : [channels, channels]
  const size = dims.reduce((a, b) => a * b, 1)
  for (let layer = 0; layer < LAYERS; layer++) {
    const step = 1 / Math.sqrt(size / channels) / 64
    const data = Float32Array.from({ length: size }, () => (random.integer(255) - 127) * step)
    const weight = graph.addInitializer(`w${layer}`, Tensor.float32(dims, data))
    if (annotate)
      weight.quantization = {
        kind: 'integer',
        bits: 8,
        signed: true,
        axis: op === 'Conv' ? 0 : 1,
        scale: new Float32Array(channels).fill(step),
        zeroPoint: new Int32Array(channels),
      }
    const pad = (kernel - 1) / 2
    const attributes = op === 'Conv' ? { pads: [pad, pad, pad, pad], kernel_shape: [kernel, kernel] } : {}
    const bias = op === 'Conv' ? [graph.addInitializer(`b${layer}`, Tensor.float32([channels], new Float32Array(channels)))] : []
    value = graph.addNode({ op, inputs: [value, weight, ...bias], attributes }).output
    value.elementType = 'float32'
    if (op === 'Conv') value = graph.addNode({ op: 'Relu', inputs: [value] }).output
    value.elementType = 'float32'
    grid(value)
  }
  // The last value is no output of the model, so that the last layer can be requantized as well.
  const pooled = graph.addNode({ op: 'ReduceMax', inputs: [value], attributes: { keepdims: 1 } }).output
  pooled.elementType = 'float32'
  graph.addOutput(pooled)
  if (annotate) {
    const { integerNodes } = lower(model, { ...wasm, cost: always(shape) }, { x: graph.inputs[0].shape })
    if (integerNodes.length !== LAYERS) throw new Error(`only ${integerNodes.length} of ${LAYERS} layers compute in integers`)
  }
  return model
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]

/** Median microseconds of each model, run in turn. */
async function time(models, dims) {
  const sessions = []
  for (const model of models) sessions.push(await engine.open(model))
  const input = {
    x: Tensor.float32(
      dims,
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.next()),
    ),
  }
  const times = models.map(() => [])
  for (let round = 0; round < ROUNDS + 3; round++)
    for (const [index, session] of sessions.entries()) {
      const start = performance.now()
      await session.run(input)
      if (round >= 3) times[index].push((performance.now() - start) * 1000)
    }
  for (const session of sessions) await session.dispose()
  return times.map(median)
}

async function measureLayers() {
  const rows = []
  const shapes = [
    ...[16, 32, 64, 128, 256, 512].flatMap((channels) =>
      [64, 256, 1024, 4096].map((positions) => ({ op: 'Conv', kernel: 1, channels, positions })),
    ),
    ...[16, 32, 64, 128].flatMap((channels) => [64, 256, 1024, 4096].map((positions) => ({ op: 'Conv', kernel: 3, channels, positions }))),
    ...[64, 128, 256, 512, 768].flatMap((channels) =>
      [1, 8, 64, 256].map((positions) => ({ op: 'MatMul', kernel: 1, channels, positions })),
    ),
  ]
  for (const shape of shapes) {
    const { op, kernel, channels, positions } = shape
    if (channels ** 2 * kernel ** 2 * positions > MAX_MACS) continue
    const models = [chain(shape, false), chain(shape, true)]
    const [fp32, int8] = await time(models, models[0].graph.inputs[0].shape)
    const row = { op, kernel: [kernel, kernel], depthwise: false, inputChannels: channels, outputChannels: channels, positions }
    rows.push({ ...row, fp32: round(fp32 / LAYERS), int8: round(int8 / LAYERS) })
    process.stderr.write(`${op} ${kernel}x${kernel} ${channels} channels, ${positions} positions: ${(int8 / fp32).toFixed(2)}\n`)
  }
  return rows
}

/** Microseconds per million elements of QuantizeLinear, and of DequantizeLinear, beside an elementwise op on the same tensor. */
async function measureCrossings() {
  const dims = [1, 64, 128, 128]
  const build = (pairs) => {
    const model = new Model('crossing')
    const { graph } = model
    let value = graph.addInput('x', 'float32', dims)
    const scale = graph.addInitializer('scale', Tensor.float32([], [0.02]))
    const zero = graph.addInitializer('zero', Tensor.of('uint8', [], [3]))
    let integers
    for (let pair = 0; pair < pairs; pair++) {
      integers = graph.addNode({ op: 'QuantizeLinear', inputs: [value, scale, zero] }).output
      value = graph.addNode({ op: 'DequantizeLinear', inputs: [integers, scale, zero] }).output
      value = graph.addNode({ op: 'Erf', inputs: [value] }).output
    }
    if (pairs === 0) for (let pair = 0; pair < 3; pair++) value = graph.addNode({ op: 'Erf', inputs: [value] }).output
    const pooled = graph.addNode({ op: 'ReduceMax', inputs: [value], attributes: { keepdims: 1 } }).output
    pooled.elementType = 'float32'
    graph.addOutput(pooled)
    return model
  }
  const quantizeOnly = (() => {
    const model = new Model('quantize')
    const { graph } = model
    const value = graph.addInput('x', 'float32', dims)
    const scale = graph.addInitializer('scale', Tensor.float32([], [0.02]))
    const zero = graph.addInitializer('zero', Tensor.of('uint8', [], [3]))
    const integers = graph.addNode({ op: 'QuantizeLinear', inputs: [value, scale, zero] }).output
    const pooled = graph.addNode({ op: 'ReduceMax', inputs: [integers], attributes: { keepdims: 1 } }).output
    pooled.elementType = 'uint8'
    graph.addOutput(pooled)
    return model
  })()
  const reduceOnly = (() => {
    const model = new Model('reduce')
    const { graph } = model
    const value = graph.addInput('x', 'float32', dims)
    const pooled = graph.addNode({ op: 'ReduceMax', inputs: [value], attributes: { keepdims: 1 } }).output
    pooled.elementType = 'float32'
    graph.addOutput(pooled)
    return model
  })()
  const [none, three, quantize, reduce] = await time([build(0), build(3), quantizeOnly, reduceOnly], dims)
  const million = dims.reduce((a, b) => a * b, 1) / 1e6
  const both = Math.max(0, (three - none) / 3 / million)
  const one = Math.min(both, Math.max(0, (quantize - reduce) / million))
  return { quantizePerMillion: round(Math.max(one, both / 3)), dequantizePerMillion: round(Math.max(both - one, both / 3)) }
}

function round(value) {
  return Number(value.toPrecision(4))
}

const crossings = await measureCrossings()
process.stderr.write(`${JSON.stringify(crossings)}\n`)
const rows = await measureLayers()
const table = {
  rows,
  ...crossings,
  source: {
    how: `tools/generate/wasm-cost.mjs: onnxruntime-web's wasm in Node ${process.versions.node}, 1 thread, ${cpus()[0].model.trim()}; medians of ${ROUNDS} rounds, chains of ${LAYERS} layers in turn`,
    date: new Date().toISOString().slice(0, 10),
  },
}
const text = `import type { CostTable } from '@whittle/ir'

/** Written by tools/generate/wasm-cost.mjs. Microseconds of one machine: only their ratios mean anything elsewhere. */
export const wasmCost: CostTable = ${JSON.stringify(table)}
`
writeFileSync(fileURLToPath(new URL('../../packages/targets/src/cost/wasm.ts', import.meta.url)), text)
