// What onnxruntime's static int8 does, by Whittle and nothing more: reads a model, takes the least and the greatest value of each activation on a
// folder of .npz, quantizes, and writes. `node static-once.mjs FILE CALIBRATION TARGET`. Prints seconds and peak memory as the others do.
import { lower } from '@whittle/compiler'
import { nativeEngine, npzFolder } from '@whittle/engine'
import { compress, createRandom, silentLogger } from '@whittle/ir'
import { readOnnxFile, writeOnnxFile } from '@whittle/ir/onnx'
import { quantize } from '@whittle/quantize'
import { simplify } from '@whittle/simplify'
import { TARGETS } from '@whittle/targets'

const [file, folder, target] = process.argv.slice(2)
const began = performance.now()
const { model } = readOnnxFile(file)
const calibration = await npzFolder(folder)
const context = { engine: nativeEngine(), calibration, logger: silentLogger, random: createRandom('bench') }
const { model: small } = await compress(model, [simplify(), quantize({ activations: 8, range: 'minmax' })], context)
const { value: sample } = await calibration.samples()[Symbol.asyncIterator]().next()
const shapes = Object.fromEntries(Object.entries(sample.inputs).map(([name, { dims }]) => [name, dims]))
const wasm = TARGETS.find(({ name }) => name === 'wasm')
const { integerNodes } = lower(small, wasm, shapes)
writeOnnxFile(target, small)
const seconds = (performance.now() - began) / 1000
console.log(JSON.stringify({ seconds, mib: process.resourceUsage().maxRSS / 1024, note: `${integerNodes.length} nodes compute in int8` }))
