import { lower } from '@whittle/compiler'
import { QualityMeter, brotliSize, nativeEngine } from '@whittle/engine'
import { type Context, type Model, type Sample, type Tensors, compress, createRandom, silentLogger } from '@whittle/ir'
import { readOnnxFile, writeOnnx } from '@whittle/ir/onnx'
import { type QuantizeOptions, quantize } from '@whittle/quantize'
import { simplify } from '@whittle/simplify'
import { wasm } from '@whittle/targets'
import type { Bench, Row } from '../bench.ts'
import { detector } from '../tasks/detector.ts'
import { recogniser } from '../tasks/recogniser.ts'

/** Grids of weights, none of which needs data. */
const FORMS: Record<string, QuantizeOptions> = {
  channel: {},
  'full range': { range: 'minmax' },
  'blocks of 64': { granularity: 'block', block: 64 },
  'blocks of 32': { granularity: 'block', block: 32 },
  'blocks of 16': { granularity: 'block', block: 16 },
  'zero points': { symmetric: false },
  'blocks of 32, zero points': { granularity: 'block', block: 32, symmetric: false },
  hqq: { rounding: 'hqq' },
  'blocks of 64, zero points, hqq': { granularity: 'block', block: 64, symmetric: false, rounding: 'hqq' },
  'k-means': { levels: 'kmeans' },
  'k-means, blocks of 64': { levels: 'kmeans', granularity: 'block', block: 64 },
  'by entropy': { levels: 'entropy' },
}
/** Beside every form at 4 bits, what other bits give in the plain one: a form pays where it lies above the line between them. */
const RUNS = [
  ...Object.keys(FORMS).map((form) => ({ form, bits: 4 })),
  ...[3, 5, 6, 8].map((bits) => ({ form: 'channel', bits })),
  ...[5, 6, 8].map((bits) => ({ form: 'full range', bits })),
  ...[3, 5].map((bits) => ({ form: 'by entropy', bits })),
]

const SAMPLES = 16

/** What each grid of weights keeps, and what it weighs: the signal to noise ratio of weights and outputs against brotli bytes. */
const grids: Bench = async ({ only, log }) => {
  const rows: Row[] = []
  for (const task of [recogniser, detector]) {
    if (only.length > 0 && !only.includes(task.name)) continue
    const context: Context = { engine: nativeEngine(), logger: silentLogger, random: createRandom('grids') }
    const { model } = await compress(readOnnxFile(task.file).model, [simplify()], context)
    const samples: Sample[] = []
    for await (const sample of task.calibration.samples()) if (samples.push(sample) === SAMPLES) break
    const expected = await outputsOf(writeOnnx(model), samples)
    for (const { form, bits } of RUNS) {
      log(`${task.name}: ${form}, ${bits} bits`)
      const start = performance.now()
      const { model: rounded } = await compress(model, [quantize({ ...FORMS[form], bits })], context)
      const seconds = (performance.now() - start) / 1000
      const weights = weightNoise(model, rounded)
      lower(rounded, { ...wasm, computes: [] }, {})
      const bytes = writeOnnx(rounded)
      const meter = new QualityMeter()
      const given = await outputsOf(bytes, samples)
      given.forEach((outputs, at) => meter.add(expected[at]!, outputs))
      const output = Math.min(...Object.values(meter.result()).map(({ sqnr }) => sqnr ?? Infinity))
      rows.push({
        task: task.name,
        form,
        bits,
        bytes: bytes.byteLength,
        brotli: await brotliSize(bytes),
        'weights, dB': round(weights),
        'output, dB': round(output),
        seconds: round(seconds),
      })
    }
  }
  return rows
}
export default grids

async function outputsOf(bytes: Uint8Array, samples: readonly Sample[]): Promise<Tensors[]> {
  const session = await nativeEngine().open(bytes)
  const outputs: Tensors[] = []
  for (const { inputs } of samples) outputs.push(await session.run(inputs))
  await session.dispose()
  return outputs
}

/** The mean of each tensor's noise as a share of its signal, counted by elements, in dB. */
function weightNoise(before: Model, after: Model): number {
  const originals = new Map([...before.initializers()].map((value) => [value.name, value.tensor!]))
  let [total, noise] = [0, 0]
  for (const { name, tensor, quantization } of after.initializers()) {
    const original = originals.get(name)
    if (!quantization || !original) continue
    const [a, b] = [original.toFloat32(), tensor!.toFloat32()]
    let [signal, error] = [0, 0]
    for (let at = 0; at < a.length; at++) {
      signal += a[at]! ** 2
      error += (a[at]! - b[at]!) ** 2
    }
    total += a.length
    noise += (a.length * error) / signal
  }
  return 10 * Math.log10(total / noise)
}

function round(value: number): number {
  return Number(value.toPrecision(4))
}
