import { QualityMeter, nativeEngine } from '@whittle/engine'
import { type Context, type Model, type Sample, type Tensors, compress, createRandom, silentLogger } from '@whittle/ir'
import { readOnnxFile } from '@whittle/ir/onnx'
import { type QuantizeOptions, quantize } from '@whittle/quantize'
import { simplify } from '@whittle/simplify'
import type { Bench, Row } from '../bench.ts'
import { onGrids } from '../quantize/on-grids.ts'
import { tasks } from '../tasks/index.ts'
import type { Task } from '../tasks/task.ts'

/** Each by itself, over the defaults. */
const OPTIONS: readonly QuantizeOptions[] = [
  {},
  { range: 'minmax' },
  { range: 'percentile' },
  { range: 'entropy' },
  { equalization: 'cross-layer' },
  { smooth: 0.5 },
  { smooth: 1 },
  { correction: 'statistics' },
  { correction: 'full' },
  { bits: 6, activations: null },
  { bits: 6, activations: null, correction: 'full' },
  { bits: 6, activations: null, rounding: 'gptq' },
  { bits: 6, activations: null, rounding: 'adaround' },
  { bits: 6, activations: null, allocation: 'mixed' },
  { bits: 6, activations: null, allocation: 'mixed', rounding: 'gptq' },
]

/** The same without calibration data, where BatchNormalization's statistics reach. */
const WITHOUT_DATA: readonly QuantizeOptions[] = [
  {},
  { equalization: 'cross-layer' },
  { correction: 'statistics' },
  { equalization: 'cross-layer', correction: 'statistics' },
]

/** Tasks, and evaluation samples of each: a page for the detector has as many pixels as forty words. */
const TASKS: Readonly<Record<string, number>> = { direction: 200, recogniser: 96, detector: 4 }

/**
 * What each option of `quantize` gains by itself: accuracy and the signal to noise ratio of the outputs with 8-bit weights and every activation on a
 * grid of 8 bits, or with weights of 6 bits alone, on samples that share nothing with the calibration. Computed in float32, so that it says what is lost to rounding alone.
 */
const options: Bench = async ({ only, samples, log }) => {
  const rows: Row[] = []
  for (const task of tasks)
    if (only.length > 0 ? only.includes(task.name) : task.name in TASKS) {
      await task.prepare?.(log)
      rows.push(...(await rowsOf(task, samples ?? TASKS[task.name] ?? 32, log)))
    }
  return rows
}

export default options

async function rowsOf(task: Task, count: number, log: (line: string) => void): Promise<Row[]> {
  const engine = nativeEngine()
  const context: Context = { engine, logger: silentLogger, random: createRandom('bench') }
  const { model } = await compress(readOnnxFile(task.file).model, [simplify()], context)
  const samples: Sample[] = []
  for await (const sample of task.evaluation(count).samples()) samples.push(sample)
  const outputsOf = async (variant: Model): Promise<Tensors[]> => {
    const session = await engine.open(variant, { optimization: 'none' })
    try {
      const all: Tensors[] = []
      for (const { inputs } of samples) all.push(await session.run(inputs))
      return all
    } finally {
      await session.dispose()
    }
  }
  const expected = await outputsOf(model)
  // The recogniser's outputs are probabilities: a letter that flips outweighs all noise, and the ratio varies from sample to sample.
  const rows: Row[] = []
  const forms = [...OPTIONS.map((form) => ({ form, data: true })), ...WITHOUT_DATA.map((form) => ({ form, data: false }))]
  for (const { form, data } of forms) {
    const name = JSON.stringify(form)
    log(`${task.name}: ${name}${data ? '' : ' without data'}`)
    const row = { task: task.name, options: name, calibration: data ? 'samples' : 'none' }
    try {
      const began = performance.now()
      const own = data ? { ...context, calibration: task.calibration } : context
      const { model: rounded } = await compress(model, [quantize({ activations: 8, ...form })], own)
      const seconds = (performance.now() - began) / 1000
      const meter = new QualityMeter()
      let correct = 0
      for (const [at, actual] of (await outputsOf(onGrids(rounded))).entries()) {
        meter.add(expected[at]!, actual)
        correct += (await task.score(actual, samples[at]!, expected[at]!)).correct / samples.length
      }
      const sqnr = Math.min(...Object.values(meter.result()).map((output) => output.sqnr ?? Infinity))
      rows.push({
        ...row,
        samples: samples.length,
        [task.accuracy]: Number(correct.toFixed(4)),
        sqnr: Number(sqnr.toFixed(1)),
        seconds: Number(seconds.toFixed(1)),
      })
    } catch (error) {
      rows.push({ ...row, note: error instanceof Error ? error.message : String(error) })
    }
  }
  return rows
}
