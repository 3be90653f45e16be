import { fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Model, ModelError, OptionError, Tensor, createRandom, validate } from '@whittle/ir'
import { readOnnx, readOnnxFile, writeOnnx, writeOnnxFile } from '@whittle/ir/onnx'
import { fixture, models, runModel } from '@whittle/testing'
import { ModelProtoSchema } from '../src/onnx/gen/onnx_pb.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'whittle-large-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Adds weights to its input, one after the other. */
function sum(tensors: Tensor[]): Model {
  const model = new Model('sum')
  let value = model.graph.addInput('x', 'float32', [1])
  tensors.forEach((tensor, index) => {
    const weight = model.graph.addInitializer(`w${index}`, tensor)
    value = model.graph.addNode({ op: 'Add', inputs: [value, weight], outputs: [`y${index}`] }).output
  })
  value.elementType = 'float32'
  value.shape = [...tensors[0]!.dims]
  model.graph.addOutput(value)
  return model
}

const weights = (model: Model): Tensor[] => [...model.initializers()].map((value) => value.tensor!)
const numbers = (length: number, seed = 'w'): Tensor => {
  const random = createRandom(seed)
  return Tensor.float32(
    [length],
    Float32Array.from({ length }, () => random.normal()),
  )
}

describe('one file', () => {
  test.each(['direction', 'recogniser', 'voice'] as const)('%s: the pieces are the bytes that the protobuf library gives', (name) => {
    const written = writeOnnx(readOnnx(readFileSync(fixture(name))))
    expect(Buffer.compare(toBinary(ModelProtoSchema, fromBinary(ModelProtoSchema, written)), written)).toBe(0)
  })

  test('writeOnnxFile gives the bytes of writeOnnx, and names the file', () => {
    const { model } = readOnnxFile(fixture('recogniser'))
    const path = join(folder, 'net.onnx')
    expect(writeOnnxFile(path, model)).toEqual({ files: [path] })
    expect(Buffer.compare(readFileSync(path), writeOnnx(model))).toBe(0)
    expect(readdirSync(folder)).toEqual(['net.onnx'])
  })

  test('a real model of 10.8 MB is read without a copy: every weight is a view of one buffer', () => {
    const { model } = readOnnxFile(fixture('recogniser'))
    const tensors = model.graph.nodes.flatMap((node) => {
      const value = node.attributes.get('value')
      return value?.type === 'tensor' && value.value.size > 0 ? [value.value] : []
    })
    const buffers = new Set(tensors.map((tensor) => tensor.bytes().buffer))
    expect(tensors.length).toBeGreaterThan(100)
    expect([...buffers].map((buffer) => buffer.byteLength)).toEqual([statSync(fixture('recogniser')).size])
  })

  test('a failure leaves the file that was there, and no other', () => {
    const path = join(folder, 'net.onnx')
    writeFileSync(path, 'before')
    const broken = Tensor.lazy('float32', [4096], () => {
      throw new ModelError('EXTERNAL_CHANGED', 'gone')
    })
    expect(() => writeOnnxFile(path, sum([broken]))).toThrowError('gone')
    expect(readFileSync(path, 'utf8')).toBe('before')
    expect(readdirSync(folder)).toEqual(['net.onnx'])
  })

  test('a folder that is not there is named', () => {
    const path = join(folder, 'lost', 'net.onnx')
    expect(() => writeOnnxFile(path, models.mlp())).toThrowError(OptionError)
    expect(() => writeOnnxFile(path, models.mlp())).toThrowError(`${path}: the file cannot be written (ENOENT`)
  })
})

describe('external data', () => {
  test('computes the same in onnxruntime, constants of nodes included', async () => {
    for (const make of [models.mlp, models.constantNodes]) {
      const model = make()
      const path = join(folder, 'net.onnx')
      const { files } = writeOnnxFile(path, model, { externalData: { threshold: 1 } })
      expect(files).toEqual([path, join(folder, 'net.onnx.data')])
      const input = model.graph.inputs[0]!
      const dims = input.shape!.map((dim) => (dim === 'N' ? 2 : Number(dim)))
      const inputs = { [input.name]: numbers(dims.reduce((a, b) => a * b)).reshape(dims) }
      const expected = await runModel(writeOnnx(model), inputs)
      const found = await runModel(writeOnnx(readOnnxFile(path).model), inputs)
      const { InferenceSession, Tensor: OrtTensor } = await import('onnxruntime-node')
      const session = await InferenceSession.create(path)
      const direct = await session.run({ [input.name]: new OrtTensor('float32', inputs[input.name]!.toFloat32(), dims) })
      for (const [name, tensor] of Object.entries(expected)) {
        expect(found[name]!.toFloat32()).toEqual(tensor.toFloat32())
        // Stock onnxruntime fuses as it likes, and so rounds differently.
        const computed = direct[name]!.data as Float32Array
        expect(Math.max(...tensor.toFloat32().map((item, index) => Math.abs(item - computed[index]!)))).toBeLessThan(1e-5)
      }
    }
  })

  test('is aligned, the same each time, shared by equal tensors, and leaves small tensors in the model', () => {
    const [shared, large] = [numbers(300), numbers(2 ** 18, 'large')]
    const model = sum([numbers(4), shared, numbers(300, 'other'), large, shared])
    const path = join(folder, 'net.onnx')
    writeOnnxFile(path, model, { externalData: { location: 'weights.bin' } })
    const first = [readFileSync(path), readFileSync(join(folder, 'weights.bin'))]
    const proto = fromBinary(ModelProtoSchema, first[0]!)
    const entries = proto.graph!.initializer.map((tensor) => tensor.externalData.map(({ key, value }) => `${key}=${value}`).join(' '))
    expect(entries).toEqual([
      '',
      'location=weights.bin offset=0 length=1200',
      'location=weights.bin offset=1216 length=1200',
      'location=weights.bin offset=65536 length=1048576',
      'location=weights.bin offset=0 length=1200',
    ])
    writeOnnxFile(path, model, { externalData: { location: 'weights.bin' } })
    expect(readFileSync(path).equals(first[0]!)).toBe(true)
    expect(readFileSync(join(folder, 'weights.bin')).equals(first[1]!)).toBe(true)
    expect(weights(readOnnxFile(path).model).map((tensor) => tensor.toFloat32())).toEqual(
      weights(model).map((tensor) => tensor.toFloat32()),
    )
  })

  test('can be replaced by its own edited model, and what was read before says that it is stale', () => {
    const path = join(folder, 'net.onnx')
    writeOnnxFile(path, sum([numbers(300), numbers(300, 'b')]), { externalData: {} })
    const { model } = readOnnxFile(path)
    const [first, second] = [...model.graph.initializers]
    model.graph.setTensor(first!, numbers(500, 'c'))
    writeOnnxFile(path, model, { externalData: {} })
    const again = weights(readOnnxFile(path).model)
    expect(again[0]!.toFloat32()).toEqual(numbers(500, 'c').toFloat32())
    expect(again[1]!.toFloat32()).toEqual(numbers(300, 'b').toFloat32())
    expect(() => second!.tensor!.bytes()).toThrowError(/net\.onnx\.data changed after the model was read; read the model again$/)
  })

  test.each(['../w.bin', '/tmp/w.bin', 'net.onnx'])('is not written to %s', (location) => {
    expect(() => writeOnnxFile(join(folder, 'net.onnx'), models.mlp(), { externalData: { location } })).toThrowError(OptionError)
    expect(readdirSync(folder)).toEqual([])
  })
})

test('a model of more than 2 GiB is read, edited, written and read again, a tensor at a time', () => {
  const count = 34
  const length = 2 ** 24
  const path = join(folder, 'large.onnx')
  const zeros = new Uint8Array(length * 4)
  const holes = sum(Array.from({ length: count }, () => Tensor.lazy('float32', [length], () => zeros)))
  writeOnnxFile(path, holes)
  const data = `${path}.data`
  expect(statSync(data).size).toBe(count * length * 4)
  const handle = openSync(data, 'r+')
  writeSync(handle, Uint8Array.of(0, 0, 128, 63), 0, 4, (count * length - 1) * 4)
  ftruncateSync(handle, count * length * 4)
  closeSync(handle)

  const { model, files } = readOnnxFile(path)
  expect(files).toEqual([path, data])
  validate(model)
  const [first] = model.graph.initializers
  model.graph.setTensor(first!, Tensor.float32([1], [7]))
  const before = process.memoryUsage().arrayBuffers
  const copy = join(folder, 'copy.onnx')
  writeOnnxFile(copy, model, { externalData: {} })
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(count * length)
  const again = weights(readOnnxFile(copy).model)
  expect(again.map((tensor) => tensor.size)).toEqual([1, ...Array.from({ length: count - 1 }, () => length)])
  expect(again[0]!.toNumbers()).toEqual([7])
  expect([again.at(-1)!.toFloat32()[length - 1], again.at(-1)!.toFloat32()[0]]).toEqual([1, 0])
  expect(statSync(data).blocks * 512 + statSync(`${copy}.data`).blocks * 512).toBeLessThan(2 ** 22)
})
