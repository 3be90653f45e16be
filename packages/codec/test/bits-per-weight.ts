import { readFileSync } from 'node:fs'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { readOnnx } from '@whittle/ir/onnx'
import { fixture } from '@whittle/testing'
import { encodeWeights, type StoredTensor } from '../src/encode.ts'
import { forEachPlace, gridOf } from '../src/grid.ts'

interface Weight {
  readonly name: string
  readonly dims: readonly number[]
  readonly axis: number
  readonly data: Float32Array
}

/** Kernels of the recogniser, in its Constant nodes: output channels come first in a convolution, and last in a product. */
function weightsOfRecogniser(): Weight[] {
  const { graph } = readOnnx(readFileSync(fixture('recogniser')))
  const out: Weight[] = []
  for (const node of graph.nodes) {
    const value = node.attributes.get('value')
    if (node.op !== 'Constant' || value?.type !== 'tensor' || value.value.type !== 'float32' || value.value.dims.length < 2) continue
    const { dims } = value.value
    const data = value.value.toFloat32()
    if (data.length >= 100) out.push({ name: node.outputs[0]!.name, dims, axis: dims.length === 2 ? 1 : 0, data })
  }
  return out
}

/** Rounded to nearest, a scale for each channel from its largest weight; 16 bits of mantissa and exponent are enough for a scale. */
function affine({ name, dims, axis, data }: Weight, bits: number, isHalfZero: boolean): StoredTensor {
  const most = 2 ** (bits - 1) - 1
  const grid = gridOf(dims, axis)
  const scales = new Float32Array(grid.rows)
  forEachPlace(grid, (index, row) => (scales[row] = Math.max(scales[row]!, Math.abs(data[index]!))))
  const words = new Uint32Array(scales.buffer)
  for (let row = 0; row < scales.length; row++) {
    scales[row] = scales[row]! / most || 1
    words[row] = (words[row]! + 0xffff) & 0xffff0000
  }
  const median = isHalfZero ? data.map(Math.abs).sort()[data.length >> 1]! : -1
  const integers = new Int8Array(data.length)
  forEachPlace(grid, (index, row) => (integers[index] = Math.abs(data[index]!) <= median ? 0 : Math.round(data[index]! / scales[row]!)))
  return { name, type: 'float32', dims, values: { kind: 'affine', integers, bits, scales, axis } }
}

/** Lloyd's algorithm from even quantiles. */
function palette({ name, dims, data }: Weight, entries: number): StoredTensor {
  const sorted = data.slice().sort()
  let levels = Float32Array.from({ length: entries }, (_, index) => sorted[Math.floor(((index + 0.5) * data.length) / entries)]!)
  const nearest = (value: number): number => levels.reduce((best, level, index) => (Math.abs(level - value) < Math.abs(levels[best]! - value) ? index : best), 0) // prettier-ignore
  for (let round = 0; round < 8; round++) {
    const sums = new Float64Array(entries)
    const counts = new Float64Array(entries)
    for (const value of data) {
      const index = nearest(value)
      sums[index]! += value
      counts[index]!++
    }
    levels = levels.map((level, index) => (counts[index] ? sums[index]! / counts[index]! : level))
  }
  return { name, type: 'float32', dims, values: { kind: 'palette', indices: Uint8Array.from(data, nearest), palette: levels } }
}

const brotli = (bytes: Uint8Array, quality: number): number =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_LGWIN]: 24 } }).length

/** One integer or index a byte, and then scales or palette. */
function plainly(tensors: readonly StoredTensor[]): Uint8Array {
  const parts = tensors.map(({ values }) => {
    if (values.kind === 'affine') return [values.integers, values.scales]
    return values.kind === 'palette' ? [values.indices, values.palette] : []
  })
  return new Uint8Array(
    Buffer.concat(parts.flat().map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength))),
  )
}

const weights = weightsOfRecogniser()
const count = weights.reduce((sum, { data }) => sum + data.length, 0)
const bits = (bytes: number): string => ((bytes * 8) / count).toFixed(3)
const forms: [string, (weight: Weight) => StoredTensor][] = [
  ...[8, 6, 5, 4, 3].map((width): [string, (weight: Weight) => StoredTensor] => [
    `${width} bits`,
    (weight) => affine(weight, width, false),
  ]),
  ['8 bits, half zeros', (weight) => affine(weight, 8, true)],
  ['4 bits, half zeros', (weight) => affine(weight, 4, true)],
  ['palettes of 16', (weight) => palette(weight, 16)],
]
const head = [
  '| form | one integer a byte, brotli | weight file, brotli | | one integer a byte, gzip | weight file as it is |',
  '| --- | --- | --- | --- | --- | --- |',
]
process.stdout.write(`${count} weights in ${weights.length} tensors, bits a weight, scales and names included\n\n${head.join('\n')}\n`)
for (const [name, form] of forms) {
  const tensors = weights.map(form)
  const plain = plainly(tensors)
  const [before, after] = [brotli(plain, 11), brotli(encodeWeights(tensors, { measure: (bytes) => brotli(bytes, 5) }), 11)]
  const small = encodeWeights(tensors, { host: 'none' }).length
  process.stdout.write(`| ${name} | ${bits(before)} | ${bits(after)} | ${((after / before - 1) * 100).toFixed(1)} % | ${bits(gzipSync(plain, { level: 9 }).length)} | ${bits(small)} |\n`) // prettier-ignore
}
