import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { nativeEngine } from '@whittle/engine'
import { type Dataset, Tensor } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { fixture } from '@whittle/testing'
import { readTfliteFile } from '@whittle/tflite'
import { afterAll, expect, it } from 'vitest'
import { compareModels, inspect } from '../src/index.ts'
import { readSource } from '../src/source.ts'

const root = mkdtempSync(path.join(tmpdir(), 'whittle-formats-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

it('a TensorFlow Lite model is read as a source: its file is what is downloaded, engines get ONNX', async () => {
  const file = fixture('faces')
  const { files, content, size, bytes } = readSource(file, path.dirname(file))
  expect(files).toEqual([file])
  expect(Buffer.compare(content, readFileSync(file))).toBe(0)
  expect(size).toBe(content.length)
  const session = await nativeEngine().open(bytes)
  const outputs = await session.run({ 'rnet/input': Tensor.float32([1, 24, 24, 3], new Float32Array(24 * 24 * 3)) })
  await session.dispose()
  expect(outputs['rnet/prob1']!.dims).toEqual([1, 2])
})

it('a TensorFlow.js model is read as a source: the model and all its files of weights are what is downloaded', () => {
  const file = fixture('pitch')
  const { files, content } = readSource(file, path.dirname(file))
  expect(files[0]).toBe(file)
  expect(files.length).toBeGreaterThan(1)
  expect(content.length).toBe(files.reduce((sum, name) => sum + readFileSync(name).length, 0))
})

it('whittle inspect tells what a TensorFlow Lite model holds', async () => {
  const summary = await inspect(fixture('faces'))
  expect(summary.producer).toBe('TensorFlow Lite')
  expect(summary.inputs).toMatchObject([{ name: 'rnet/input', dims: [1, 24, 24, 3] }])
  expect(summary.ops).toMatchObject({ Conv: 3, Gemm: 3, MaxPool: 2 })
})

it('whittle compare takes models of different formats', async () => {
  const file = fixture('faces')
  const onnx = path.join(root, 'faces.onnx')
  writeFileSync(onnx, writeOnnx(readTfliteFile(file).model))
  const data: Dataset = {
    key: 'waves',
    async *samples() {
      const pixels = Float32Array.from({ length: 24 * 24 * 3 }, (_, index) => Math.sin(index / 7))
      yield await Promise.resolve({ inputs: { 'rnet/input': Tensor.float32([1, 24, 24, 3], pixels) } })
    },
  }
  const { samples, outputs } = await compareModels({ a: file, b: onnx, data, engine: nativeEngine() })
  expect(samples).toBe(1)
  expect(Object.keys(outputs)).toContain('rnet/prob1')
  expect(Object.values(outputs).every(({ maxAbs }) => maxAbs === 0)).toBe(true)
})
