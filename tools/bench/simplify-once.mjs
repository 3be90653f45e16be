// Simplifies a model file once, and prints the milliseconds of reading, simplifying and writing, and the nodes before and after.
import { nativeEngine } from '@whittle/engine'
import { compress, createRandom, silentLogger } from '@whittle/ir'
import { readOnnxFile, writeOnnxFile } from '@whittle/ir/onnx'
import { simplify } from '@whittle/simplify'

const [file, target] = process.argv.slice(2)
const began = performance.now()
const { model } = readOnnxFile(file)
const read = performance.now()
const context = { engine: nativeEngine(), logger: silentLogger, random: createRandom('bench') }
const { model: simple } = await compress(model, [simplify()], context)
const simplified = performance.now()
writeOnnxFile(target, simple)
console.log(JSON.stringify({ read: read - began, simplify: simplified - read, write: performance.now() - simplified }))
