import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { nativeEngine, timeRatio, wasmEngine } from '@whittle/engine'
import { type Engine, type Tensors, createRandom } from '@whittle/ir'
import { readOnnx, readOnnxFile } from '@whittle/ir/onnx'
import { differenceOf, fixture, randomInputs } from '@whittle/testing'
import type { Bench, Row } from '../bench.ts'
import { cache, peersPython } from '../peers.ts'
import { median, round, runOnce } from '../run-once.ts'

const RUNS = 5
const ROUNDS = 40

/** The free dimensions' sizes that models are timed at: what a page hands them. */
const SIZES = {
  recogniser: { shape: [1, 3, 48, 320] },
  detector: { shape: [1, 3, 640, 640] },
  direction: { shape: [6, 3, 48, 192] },
} as const

/**
 * Simplifying real models, beside onnxslim and onnxsim: nodes left, the time of simplifying (each run a process of its own, tools interleaved;
 * reading, writing and start-up are not counted) as a ratio to onnxslim's, and the simplified file's time in onnxruntime-web's wasm as a ratio
 * to the original's, all files interleaved in one run, with the largest difference of outputs. One thread.
 */
const simplify: Bench = async ({ peers, log }) => {
  mkdirSync(cache, { recursive: true })
  const python = peers ? await peersPython(log) : undefined
  const tools: Tool[] = [{ name: 'whittle', run: (file, target) => runOnce(process.execPath, 'simplify-once.mjs', file, target) }]
  if (python)
    for (const name of ['onnxslim', 'onnxsim'])
      tools.push({ name, run: (file, target) => runOnce(python, 'simplify-once.py', name, file, target) })
  const rows: Row[] = []
  for (const name of ['recogniser', 'detector', 'direction'] as const) rows.push(...(await rowsOf(name, tools, log)))
  return rows
}

export default simplify

interface Once {
  /** Milliseconds. */
  readonly simplify: number
  /** Milliseconds of the whole process. */
  readonly total: number
}

interface Tool {
  readonly name: string
  run(file: string, target: string): Promise<Once>
}

async function rowsOf(name: keyof typeof SIZES, tools: readonly Tool[], log: (line: string) => void): Promise<Row[]> {
  const file = fixture(name)
  const targets = tools.map((tool) => join(cache, `${name}.${tool.name}.onnx`))
  log(`simplifying: ${name}`)
  const runs: Once[][] = tools.map(() => [])
  for (let run = 0; run < RUNS; run++) for (const [index, tool] of tools.entries()) runs[index]!.push(await tool.run(file, targets[index]!))

  log(`running: ${name}`)
  const files = [file, ...targets]
  const models = files.map((path) => ({ name: path, model: readFileSync(path) }))
  const inputs = inputsOf(name, file)
  const times = await timeRatio(wasmEngine(), models, inputs, { rounds: ROUNDS, threads: 1 })
  const outputs = await Promise.all(models.map(({ model }) => outputsOf(nativeEngine({ threads: 1 }), model, inputs)))
  const nodes = files.map(nodesOf)
  for (const target of targets) rmSync(target, { force: true })

  const slim = tools.findIndex((tool) => tool.name === 'onnxslim')
  const rows: Row[] = [{ model: name, tool: 'none', nodes: nodes[0]!, wasmTime: 1 }]
  for (const [index, tool] of tools.entries())
    rows.push({
      model: name,
      tool: tool.name,
      nodes: nodes[index + 1]!,
      simplifyMs: round(median(runs[index]!, (run) => run.simplify)),
      ...(slim >= 0 && { timeRatio: round(median(runs[index]!, (run) => run.simplify) / median(runs[slim]!, (run) => run.simplify)) }),
      ...(slim >= 0 && { processRatio: round(median(runs[index]!, (run) => run.total) / median(runs[slim]!, (run) => run.total)) }),
      wasmTime: round(times[index + 1]!.ratio),
      wasmQuartiles: times[index + 1]!.quartiles.map(round).join(' to '),
      difference: round(largestDifference(outputs[0]!, outputs[index + 1]!)),
    })
  return rows
}

/** Normal numbers in the shape that a page hands over. */
function inputsOf(name: keyof typeof SIZES, file: string): Tensors {
  const { model } = readOnnxFile(file)
  const { shape } = SIZES[name]
  const [input] = model.graph.inputs
  const dims = Object.fromEntries((input!.shape ?? []).flatMap((dim, axis) => (typeof dim === 'string' ? [[dim, shape[axis]!]] : [])))
  return randomInputs(model, createRandom('bench'), dims)
}

async function outputsOf(engine: Engine, model: Uint8Array, inputs: Tensors): Promise<Tensors> {
  const session = await engine.open(model, { optimization: 'none' })
  try {
    return await session.run(inputs)
  } finally {
    await session.dispose()
  }
}

function largestDifference(expected: Tensors, actual: Tensors): number {
  return Math.max(...Object.entries(expected).map(([name, tensor]) => differenceOf(tensor, actual[name]!)))
}

/** As the file has them, those of subgraphs too. */
function nodesOf(file: string): number {
  return [...readOnnx(readFileSync(file), { upgrade: false }).nodes()].length
}
