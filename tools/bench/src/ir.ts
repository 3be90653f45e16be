import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Model, Tensor, createRandom } from '@whittle/ir'
import { writeOnnxFile } from '@whittle/ir/onnx'
import { fixture } from '@whittle/testing'
import type { Bench, Row } from '../bench.ts'
import { cache, peersPython } from '../peers.ts'
import { median, round, runOnce } from '../run-once.ts'

const target = join(cache, 'ir-written.onnx')

const ROUNDS = 9
const LAYERS = 60
const WIDTH = 612

/**
 * Reading a model and writing it again: milliseconds, the peak of memory above an idle process as a multiple of the file, and both beside
 * Python's onnx. Each measurement is a process of its own, peers interleaved; `timeRatio` counts reading and writing alone, `processRatio` the
 * whole process, start-up included.
 */
const ir: Bench = async ({ peers, log }) => {
  mkdirSync(cache, { recursive: true })
  const python = peers ? await peersPython(log) : undefined
  const idle = (await runOnce<Once>(process.execPath, 'ir-once.mjs')).peak
  const idlePython = python ? (await runOnce<Once>(python, 'ir-once.py')).peak : 0
  const rows: Row[] = []
  for (const [model, file] of [
    ['90 MB', generated()],
    ['recogniser', fixture('recogniser')],
    ['detector', fixture('detector')],
  ] as const) {
    log(`reading and writing: ${model}`)
    const [ours, theirs]: [Timed[], Timed[]] = [[], []]
    for (let round = 0; round < ROUNDS; round++) {
      ours.push(await runOnce<Once>(process.execPath, 'ir-once.mjs', file, target))
      if (python) theirs.push(await runOnce<Once>(python, 'ir-once.py', file, target))
    }
    const bytes = statSync(file).size
    const inside = ({ read, write }: Timed): number => read! + write!
    rows.push({
      model,
      bytes,
      readMs: round(median(ours, ({ read }) => read!)),
      writeMs: round(median(ours, ({ write }) => write!)),
      memory: round((median(ours, ({ peak }) => peak) - idle) / bytes),
      ...(python && {
        onnxReadMs: round(median(theirs, ({ read }) => read!)),
        onnxWriteMs: round(median(theirs, ({ write }) => write!)),
        onnxMemory: round((median(theirs, ({ peak }) => peak) - idlePython) / bytes),
        timeRatio: round(median(ours, inside) / median(theirs, inside)),
        processRatio: round(median(ours, ({ total }) => total) / median(theirs, ({ total }) => total)),
      }),
    })
  }
  rmSync(target, { force: true })
  return rows
}

export default ir

type Timed = Once & { total: number }

interface Once {
  /** Milliseconds; undefined without a file. */
  readonly read?: number
  readonly write?: number
  /** Bytes. */
  readonly peak: number
}

/** 60 layers of random weights. */
function generated(): string {
  const file = join(cache, 'ir-90mb.onnx')
  if (existsSync(file)) return file
  const random = createRandom('ir')
  const model = new Model('layers')
  let value = model.graph.addInput('x', 'float32', ['N', WIDTH])
  for (let layer = 0; layer < LAYERS; layer++) {
    const numbers = Float32Array.from({ length: WIDTH * WIDTH }, () => random.next() - 0.5)
    const weight = model.graph.addInitializer(`w${layer}`, Tensor.float32([WIDTH, WIDTH], numbers))
    value = model.graph.addNode({ op: 'Gemm', inputs: [value, weight], outputs: [`y${layer}`] }).output
  }
  value.elementType = 'float32'
  value.shape = ['N', WIDTH]
  model.graph.addOutput(value)
  writeOnnxFile(file, model)
  return file
}
