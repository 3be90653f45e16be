import { createJiti } from 'jiti'
const { recogniser } = await createJiti(import.meta.url).import('./tasks/recogniser.ts')
import { nativeEngine } from '@whittle/engine'
import { compress, createRandom, silentLogger, defineDataset } from '@whittle/ir'
import { readOnnxFile, writeOnnx } from '@whittle/ir/onnx'
import { simplify } from '@whittle/simplify'
import { quantize } from '@whittle/quantize'
const samples = []
for await (const s of recogniser.calibration.samples()) samples.push(s)
const calibration = defineDataset({
  key: 'x',
  length: samples.length,
  async *samples() {
    yield* samples
  },
})
const t0 = performance.now()
const log = (n) => console.log(n, Math.round(performance.now() - t0), 'ms', Math.round(process.resourceUsage().maxRSS / 1024), 'MiB')
log('start')
const { model } = readOnnxFile(recogniser.file)
log('read')
const ctx = { engine: nativeEngine(), calibration, logger: silentLogger, random: createRandom('x') }
const r = await compress(model, [simplify()], ctx)
log('simplified')
const q = await compress(r.model, [quantize(JSON.parse(process.argv[2] ?? '{"activations":8,"range":"minmax"}'))], ctx)
log('quantized')
const b = writeOnnx(q.model)
log('written ' + b.length)
