import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { type Model, Tensor } from '@whittle/ir'
import { readOnnx, writeOnnx } from '@whittle/ir/onnx'
import { runModel } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { readTfliteFile } from '../src/index.ts'

type Outputs = Record<string, { dims: number[]; step: number; largest: number; sum: number; data: string }>

/** What `tools/generate/tflite_models.py` wrote. */
const expected = JSON.parse(readFileSync(new URL('fixtures/models.json', import.meta.url), 'utf8')) as Record<string, Outputs>

/** Transposes that are left: around the model's inputs and outputs, which keep their shapes, and around Reshapes. */
const TRANSPOSES: Record<string, number> = {
  onet: 2,
  pnet: 3,
  rnet: 2,
  MobileFaceNet: 2,
  FaceAntiSpoofing: 16,
  face_detection_short_range: 5,
  face_detection_full_range: 3,
  face_detection_full_range_sparse: 3,
  selfie_segmentation: 2,
  selfie_segmentation_landscape: 2,
}

function installed(file: string): string {
  for (const folder of createRequire(import.meta.url).resolve.paths(file) ?? [])
    if (existsSync(path.join(folder, file))) return path.join(folder, file)
  throw new Error(`${file} is not installed: run npm install`)
}

/** Diagonal stripes from black to white, as the script fed them. */
function stripes(model: Model): Record<string, Tensor> {
  return Object.fromEntries(
    model.graph.inputs.map(({ name, shape }) => {
      const [batch, height, width, channels] = shape as [number, number, number, number]
      const pixel = (index: number): number => (((Math.floor(index / width) % height) + (index % width)) % 256) / 255
      const data = Float32Array.from({ length: batch * height * width * channels }, (_, index) => pixel(Math.floor(index / channels)))
      return [name, Tensor.float32([batch, height, width, channels], data)]
    }),
  )
}

describe.each(Object.entries(expected))('%s', (file, outputs) => {
  it('comes out as ONNX with the outputs that LiteRT gives, and with few Transposes', async () => {
    const { model, files } = readTfliteFile(installed(file))
    expect(files).toEqual([installed(file)])
    const written = readOnnx(writeOnnx(model))
    const given = await runModel(written, stripes(written))
    expect(Object.keys(given).sort()).toEqual(Object.keys(outputs).sort())
    for (const [name, { dims, step, largest, sum, data }] of Object.entries(outputs)) {
      const numbers = given[name]!.toFloat32()
      const want = Tensor.fromBytes('float32', [Math.ceil(numbers.length / step)], new Uint8Array(Buffer.from(data, 'base64'))).toFloat32()
      expect(given[name]!.dims).toEqual(dims)
      const total = numbers.reduce((all, item) => all + Math.abs(item), 0)
      expect(Math.abs(total - sum)).toBeLessThan(1e-4 * sum)
      want.forEach((item, index) => expect(Math.abs(item - numbers[index * step]!)).toBeLessThan(1e-4 * largest))
    }
    const transposes = model.graph.nodes.filter(({ op }) => op === 'Transpose').length
    expect(transposes).toBe(TRANSPOSES[path.basename(file, '.tflite')])
  })
})
