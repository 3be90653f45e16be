import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CompileResult, compile } from '@whittle/compiler'
import { type Measured, measure } from 'example-text-direction/measure'
import { prepare } from 'example-text-direction/prepare'
import type { Bench, Row } from '../bench.ts'
import { browserRatios } from '../browser-time.ts'

const example = dirname(dirname(fileURLToPath(import.meta.resolve('example-text-direction/measure'))))

/** What is compared, beside the original file: the form that the example ships first. */
const QUERIES = {
  'int8&prune=0.3, calibrated': 'int8&prune=0.3&calibrate=lines&target=wasm',
  'int8&prune=0.3, calibrated, small runtime': 'int8&prune=0.3&calibrate=lines&target=wasm&runtime=tfjs',
  'int8, calibrated': 'int8&calibrate=lines&target=wasm',
  'int8, weights only': 'int8&target=wasm',
  fp16: 'fp16&target=wasm',
  'fp32, simplified': 'target=wasm',
}

const LINES = 5000
const ROUNDS = 200

/**
 * The text-direction classifier on drawn lines: bytes, accuracy on lines that the calibration has not seen, with the 95 % interval of the
 * paired difference, and time in onnxruntime-web's wasm, or on the small runtime, as a ratio to the original file, in Node and in a browser.
 */
const direction: Bench = async ({ log }) => {
  await prepare()
  const file = join(example, 'src/direction.onnx')
  const original = await readFile(file)
  const candidates = []
  for (const [name, query] of Object.entries(QUERIES)) {
    log(`compressing: ${name}`)
    const config = { datasets: { lines: join(example, 'data/calibration.ts') } }
    candidates.push({ name, model: fileOf(await compile({ file, query, root: example, config })), timed: true })
  }
  log(`reading ${LINES} lines`)
  const measured = await measure(original, candidates, { lines: LINES, rounds: ROUNDS })
  log('timing in a browser')
  const times = await browserRatios([{ name: 'fp32', model: original }, ...candidates], [1, 3, 48, 192], ROUNDS)
  return measured.map((row) => rowOf(row, times.get(row.variant)!))
}

export default direction

function fileOf({ artefacts }: CompileResult): Uint8Array {
  return artefacts[0]!.bytes
}

function rowOf(row: Measured, browserTime: number): Row {
  return {
    variant: row.variant,
    bytes: row.bytes,
    brotli: row.brotli,
    brotliOfFp32: rounded(row.share, 4),
    lines: LINES,
    accuracy: rounded(row.accuracy, 4),
    fp32Accuracy: rounded(row.fp32Accuracy, 4),
    differencePoints: rounded(row.difference, 3),
    low95: rounded(row.interval[0], 3),
    high95: rounded(row.interval[1], 3),
    timeNode: row.time === null ? null : rounded(row.time, 3),
    timeBrowser: rounded(browserTime, 3),
  }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
