import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ModelError, UnsupportedError, WhittleError, createRandom, validate } from '@whittle/ir'
import { Builder } from 'flatbuffers'
import { expect, it } from 'vitest'
import { readTflite, readTfliteFile } from '../src/index.ts'
import { caseOf, cases } from './cases.ts'
import { type Spec, write } from './write.ts'

function errorOf(read: () => unknown): WhittleError {
  try {
    read()
  } catch (error) {
    if (error instanceof WhittleError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const relu: Spec = {
  tensors: [
    { name: 'x', shape: [2] },
    { name: 'y', shape: [2] },
  ],
  inputs: [0],
  outputs: [1],
  ops: [{ code: 19, inputs: [0], outputs: [1] }],
}

it('reads what the tests write', () => {
  const model = readTflite(write(relu))
  expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Relu'])
  expect(model.graph.outputs.map(({ name }) => name)).toEqual(['y'])
})

it.each<[string, string, Spec, typeof ModelError | typeof UnsupportedError]>([
  ['a custom op', 'TFLITE_OP', { ...relu, ops: [{ code: 32, custom: 'Mystery', inputs: [0], outputs: [1] }] }, UnsupportedError],
  ['an op that is not read', 'TFLITE_OP', { ...relu, ops: [{ code: 24, inputs: [0], outputs: [1] }] }, UnsupportedError],
  ['an op that nobody knows', 'TFLITE_OP', { ...relu, ops: [{ code: 9999, inputs: [0], outputs: [1] }] }, UnsupportedError],
  ['no subgraph', 'TFLITE_EMPTY', { ...relu, withoutGraph: true }, ModelError],
  ['no outputs', 'TFLITE_EMPTY', { ...relu, outputs: [] }, ModelError],
  ['another version', 'TFLITE_VERSION', { ...relu, version: 4 }, UnsupportedError],
  ['a tensor that is not there', 'TFLITE_INVALID', { ...relu, ops: [{ code: 19, inputs: [7], outputs: [1] }] }, ModelError],
  ['a tensor that nothing gives', 'TFLITE_ORDER', { ...relu, ops: [] }, ModelError],
  ['a tensor that is given twice', 'TFLITE_INVALID', { ...relu, ops: [relu.ops[0]!, relu.ops[0]!] }, ModelError],
  ['an input that is left out', 'TFLITE_INVALID', { ...relu, ops: [{ code: 19, inputs: [-1], outputs: [1] }] }, ModelError],
  ['a shape that the op does not give', 'TFLITE_SHAPE', { ...relu, tensors: [relu.tensors[0]!, { name: 'y', shape: [3] }] }, ModelError],
  [
    'elements that are no numbers',
    'TFLITE_TYPE',
    { ...relu, tensors: [{ name: 'x', shape: [2], type: 5 }, relu.tensors[1]!] },
    UnsupportedError,
  ],
  [
    'scales that do not fit',
    'TFLITE_QUANTIZATION',
    { ...relu, tensors: [{ name: 'x', shape: [2], type: 9, scale: [1, 2, 3] }, relu.tensors[1]!] },
    ModelError,
  ],
  [
    'a buffer that is too short',
    'TFLITE_BUFFER',
    { ...relu, tensors: [{ name: 'x', shape: [2], buffer: 1 }, relu.tensors[1]!], buffers: [[1, 2, 3]] },
    ModelError,
  ],
  [
    'a buffer that is not there',
    'TFLITE_BUFFER',
    { ...relu, tensors: [{ name: 'x', shape: [2], buffer: 9 }, relu.tensors[1]!] },
    ModelError,
  ],
  [
    'a buffer behind the end',
    'TFLITE_BROKEN',
    { ...relu, tensors: [{ name: 'x', shape: [2], buffer: 1 }, relu.tensors[1]!], buffers: [{ offset: 1e9, size: 8 }] },
    ModelError,
  ],
])('refuses %s', (_, code, spec, type) => {
  const error = errorOf(() => readTflite(write(spec), { file: 'net.tflite' }))
  expect(error).toBeInstanceOf(type)
  expect(error.code).toBe(code)
  expect(error.message).toMatch(/^net\.tflite: /)
})

it('names a custom op, its node and what to do', () => {
  const spec: Spec = { ...relu, ops: [{ code: 32, custom: 'Mystery', inputs: [0], outputs: [1] }] }
  expect(errorOf(() => readTflite(write(spec))).message).toBe("model: Mystery 'y' is a custom op; convert the model without it")
})

it('reads weights that lie behind the FlatBuffer, as in models of more than 2 GB', () => {
  const spec = (offset: number): Spec => ({
    tensors: [
      { name: 'x', shape: [2] },
      { name: 'w', shape: [2], buffer: 1 },
      { name: 'y', shape: [2] },
    ],
    buffers: [{ offset, size: 8 }],
    inputs: [0],
    outputs: [2],
    ops: [{ code: 55, inputs: [0, 1], outputs: [2] }],
  })
  const head = write(spec(1e6))
  const file = new Uint8Array(head.length + 8)
  file.set(write(spec(head.length)))
  file.set(new Uint8Array(Float32Array.of(3, 4).buffer), head.length)
  const [weight] = [...readTflite(file).graph.initializers]
  expect([...weight!.tensor!.toFloat32()]).toEqual([3, 4])
})

it.each([
  ['nothing', new Uint8Array()],
  ['a file that is cut after its header', caseOf('dilated').bytes.subarray(0, 9)],
  ['text', new TextEncoder().encode('{"modelTopology": {}}')],
  ['zeros', new Uint8Array(64)],
])('refuses %s', (_, bytes) => {
  expect(errorOf(() => readTflite(bytes)).code).toMatch(/^TFLITE_(MAGIC|BROKEN)$/)
})

it('says of another FlatBuffer that it is no such model', () => {
  const builder = new Builder()
  builder.startObject(0)
  builder.finish(builder.endObject(), 'ABCD')
  expect(errorOf(() => readTflite(builder.asUint8Array())).code).toBe('TFLITE_MAGIC')
})

it('says of a file that is not there where it looked', () => {
  expect(errorOf(() => readTfliteFile('/nowhere/net.tflite'))).toMatchObject({
    code: 'MODEL_MISSING',
    message: expect.stringContaining('/nowhere/net.tflite') as string,
  })
})

it('names the file that it read', () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'whittle-tflite-')), 'net.tflite')
  writeFileSync(file, write(relu))
  expect(readTfliteFile(file).files).toEqual([file])
})

it('refuses every cut of a model', () => {
  const { bytes } = caseOf('layouts')
  // What lies behind the last table may be missing.
  for (let length = 0; length < bytes.length - 64; length += 7) {
    const cut = bytes.slice(0, length)
    try {
      validate(readTflite(cut))
    } catch (error) {
      expect(error).toBeInstanceOf(WhittleError)
    }
  }
})

it('ends in a valid model or an error of ours, whatever bytes are changed', () => {
  const random = createRandom('tflite')
  let refused = 0
  for (let round = 0; round < 4000; round++) {
    const bytes = cases[random.integer(cases.length)]!.bytes.slice()
    const changes = 1 + random.integer(4)
    for (let change = 0; change < changes; change++) {
      const at = random.integer(bytes.length)
      bytes[at] = random.integer(3) === 0 ? [0, 1, 127, 128, 255][random.integer(5)]! : random.integer(256)
    }
    const before = performance.now()
    try {
      validate(readTflite(bytes))
    } catch (error) {
      if (!(error instanceof ModelError || error instanceof UnsupportedError)) throw error
      refused++
    }
    expect(performance.now() - before).toBeLessThan(2000)
  }
  expect(refused).toBeGreaterThan(100)
}, 60_000)
