import { mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nativeEngine } from '@whittle/engine'
import { type Dataset, type Model, type Sample, Tensor, type Tensors, compress, createRandom, silentLogger } from '@whittle/ir'
import { readOnnxFile } from '@whittle/ir/onnx'
import { simplify } from '@whittle/simplify'
import { finetune } from '@whittle/train'
import { rolldown } from 'rolldown'
import type { Row } from '../bench.ts'
import { cache, peersPython } from '../peers.ts'
import { median, round } from '../run-once.ts'
import { direction } from '../tasks/direction.ts'
import { fashion } from '../tasks/fashion.ts'
import { handOver } from './handed-over.ts'
import { fashionNetwork } from './network.ts'
import { type StepTime, Stepper } from './steps.ts'
import { watched } from './watched-engine.ts'

interface Timed {
  readonly name: string
  readonly model: Model
  readonly samples: Dataset
  readonly batch: number
  /** A step's time is wanted to be at most so many of a forward pass. */
  readonly wanted: number
  readonly rounds: number
  /** Steps in TensorFlow.js, which take seconds; none where it lacks an op. */
  readonly tfjs: number
}

/** Rounds that are not counted. */
const WARMUP = 3

/** Steps of training beside a forward pass that keeps its activations, TensorFlow.js's plain CPU backend, and PyTorch, all in turn. */
export async function speed({ peers, samples, log }: { peers: boolean; samples?: number; log(line: string): void }): Promise<Row[]> {
  await fashion.prepare!(log)
  const { model } = await compress(readOnnxFile(direction.file).model, [simplify()], {
    logger: silentLogger,
    random: createRandom('speed'),
  })
  const timed: Timed[] = [
    {
      name: 'fashion',
      model: fashionNetwork('speed'),
      samples: fashion.calibration,
      batch: 32,
      wanted: 4,
      rounds: samples ?? 40,
      tfjs: 3,
    },
    { name: 'direction', model, samples: direction.calibration, batch: 16, wanted: 8, rounds: samples ?? 15, tfjs: 0 },
  ]
  const python = peers ? await peersPython(log, 'requirements-torch.txt') : undefined
  const rows: Row[] = []
  const threads = [...new Set([1, availableParallelism()])]
  for (const one of timed) for (const count of threads) rows.push(...(await rowsOf(one, count, python, log)))
  return rows
}

async function rowsOf(timed: Timed, threads: number, python: string | undefined, log: (line: string) => void): Promise<Row[]> {
  log(`speed: ${timed.name}, ${threads} threads`)
  const { model, batch, samples, rounds } = timed
  const first: Sample[] = []
  for await (const sample of samples.samples()) if (first.push(sample) === batch) break
  const images = stacked(first.map(({ inputs }) => Object.values(inputs)[0]!))
  const folder = join(cache, 'train', timed.name)
  handOver(
    folder,
    model,
    images,
    first.map(({ label }) => Number(label)),
  )

  const plain = nativeEngine({ threads })
  const inner = model.graph.nodes.flatMap((node) => node.outputs.flatMap((value) => (value && !value.isOutput ? [value.name] : [])))
  const [forward, keeping] = [await plain.open(model), await plain.open(model, { capture: inner })]
  const inputs: Tensors = { [model.graph.inputs[0]!.name]: images }
  const torch = python
    ? await Stepper.start(python, [fileURLToPath(new URL('torch-steps.py', import.meta.url)), folder, `${threads}`])
    : undefined
  const tfjs = timed.tfjs > 0 && threads === 1 ? await Stepper.start(process.execPath, [await bundled(), folder]) : undefined
  const others: { [name: string]: StepTime[] } = { forward: [], keeping: [], tfjs: [], torch: [] }
  const add = async (name: string, run: () => Promise<unknown>): Promise<void> => {
    const began = performance.now()
    const given = (await run()) as StepTime | Tensors
    const time = performance.now() - began
    others[name]!.push(typeof given.run === 'number' ? (given as StepTime) : { run: time, step: time })
  }
  const { engine, steps } = watched(plain, async (at) => {
    await add('forward', () => forward.run(inputs))
    await add('keeping', () => keeping.run(inputs))
    if (torch) await add('torch', () => torch.next())
    if (tfjs && at < timed.tfjs + 2) await add('tfjs', () => tfjs.next())
  })
  try {
    const options = { steps: rounds + WARMUP, batch, holdout: 0, every: rounds + WARMUP, dataset: samples }
    await compress(model, [finetune(options)], { engine, logger: silentLogger, random: createRandom('speed') })
  } finally {
    torch?.close()
    tfjs?.close()
    for (const session of [forward, keeping]) await session.dispose()
  }
  // The step whose turn is at index i ended behind steps[i - 1].
  const row = (against: string, part: 'run' | 'step', wanted?: number, least = false): Row[] => {
    const theirs = others[against]!
    const ratios = steps.slice(against === 'tfjs' ? 0 : WARMUP - 1).flatMap((step, at) => {
      const other = theirs[at + (against === 'tfjs' ? 1 : WARMUP)]
      return other ? [least ? other[part] / step[part] : step[part] / other[part]] : []
    })
    if (ratios.length === 0) return []
    const sorted = ratios.toSorted((a, b) => a - b)
    const value = median(sorted, (ratio) => ratio)
    return [
      {
        task: 'speed',
        what: `${timed.name}, batch ${batch}, ${threads === 1 ? 'one thread' : `${threads} threads`}: ${part === 'run' ? 'forward and backward' : 'a whole step'}`,
        against: NAMES[against]!,
        value: round(value),
        unit: least ? 'times as fast' : 'of its time',
        wanted: wanted ?? null,
        held: wanted === undefined ? null : (least ? value >= wanted : value <= wanted) ? 'yes' : 'no',
        note: `quartiles ${round(sorted[Math.floor(sorted.length / 4)]!)} to ${round(sorted[Math.floor((3 * sorted.length) / 4)]!)}, ${sorted.length} rounds`,
      },
    ]
  }
  return [
    ...row('keeping', 'run', timed.wanted),
    ...row('keeping', 'step'),
    ...row('forward', 'run'),
    ...row('tfjs', 'step', 10, true),
    ...row('torch', 'run', 2),
    ...row('torch', 'step', 2),
  ]
}

const NAMES: Record<string, string> = {
  keeping: 'a forward pass that keeps its activations',
  forward: 'a forward pass',
  tfjs: 'TensorFlow.js, plain CPU backend',
  torch: 'PyTorch',
}

function stacked(tensors: readonly Tensor[]): Tensor {
  const dims = [tensors.length, ...tensors[0]!.dims.slice(1)]
  return Tensor.fromBytes('float32', dims, Buffer.concat(tensors.map((tensor) => tensor.bytes())))
}

/** tfjs-steps.js as one file: TensorFlow.js's build for Node does not register its gradients. */
async function bundled(): Promise<string> {
  mkdirSync(join(cache, 'train'), { recursive: true })
  const file = join(cache, 'train', 'tfjs-steps.mjs')
  const bundle = await rolldown({
    input: fileURLToPath(new URL('tfjs-steps.js', import.meta.url)),
    platform: 'node',
    resolve: { mainFields: ['module', 'main'] },
    // Packages say that they have no side effects, and registering is one.
    treeshake: false,
    logLevel: 'silent',
  })
  await bundle.write({ file, format: 'esm' })
  return file
}
