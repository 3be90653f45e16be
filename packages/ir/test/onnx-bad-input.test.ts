import { create, toBinary } from '@bufbuild/protobuf'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ModelError, UnsupportedError, WhittleError } from '@whittle/ir'
import { readOnnx, readOnnxFile } from '@whittle/ir/onnx'
import { fixture } from '@whittle/testing'
import * as pb from '../src/onnx/gen/onnx_pb.ts'

type Init<T> = Omit<Partial<T>, '$typeName' | '$unknown'>
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const node = (opType: string, input: string[], output: string[], name = ''): pb.NodeProto =>
  create(pb.NodeProtoSchema, { opType, input, output, name })
const value = (name: string): pb.ValueInfoProto => create(pb.ValueInfoProtoSchema, { name })
const tensor = (fields: Init<pb.TensorProto>): pb.TensorProto =>
  create(pb.TensorProtoSchema, { name: 'w', dataType: pb.TensorProto_DataType.FLOAT, dims: [2n, 3n], ...fields })

function graphBytes(graph: Init<pb.GraphProto>, model: Init<pb.ModelProto> = {}): Uint8Array {
  const proto = create(pb.ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [create(pb.OperatorSetIdProtoSchema, { version: 13n })],
    graph: create(pb.GraphProtoSchema, { name: 'main', ...graph }),
    ...model,
  })
  return toBinary(pb.ModelProtoSchema, proto)
}

/** `y = Add(x, w)`, the weight being `w`. */
function weightBytes(fields: Init<pb.TensorProto>): Uint8Array {
  return graphBytes({ input: [value('x')], output: [value('y')], node: [node('Add', ['x', 'w'], ['y'])], initializer: [tensor(fields)] })
}

function errorOf(run: () => unknown): WhittleError {
  try {
    run()
  } catch (error) {
    if (error instanceof WhittleError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

function expectError(run: () => unknown, kind: typeof WhittleError, code: string, message: string): void {
  const error = errorOf(run)
  expect(error.message).toBe(message)
  expect(error.code).toBe(code)
  expect(error).toBeInstanceOf(kind)
  expect(error.message).not.toContain('\n')
}

const file = 'models/net.onnx'
const read = (bytes: Uint8Array) => () => readOnnx(bytes, { file })

describe('a file that is no model says so', () => {
  test('an empty file', () => {
    expectError(read(new Uint8Array()), ModelError, 'MODEL_EMPTY', `${file}: the file is empty; export or download the model again`)
  })

  test.each([0.1, 0.5, 0.999])('a file cut off at %d of its length', (part) => {
    const whole = readFileSync(fixture('direction'))
    const cut = whole.subarray(0, Math.floor(whole.length * part))
    const message = `${file}: the file is cut off or damaged (${cut.length} bytes); export or download the model again`
    expectError(read(cut), ModelError, 'MODEL_TRUNCATED', message)
  })

  test('a file cut off before its graph', () => {
    const whole = graphBytes({}, { producerName: 'exporter' })
    const cut = whole.subarray(0, 2)
    const message = `${file}: the file holds no graph, so it is no ONNX model, or it is cut off; export or download the model again`
    expectError(read(cut), ModelError, 'MODEL_NO_GRAPH', message)
  })

  test('a text file', () => {
    const message = `${file}: the file is text, not an ONNX model; give the binary .onnx file`
    expectError(read(text('this is no model\n')), ModelError, 'MODEL_TEXT', message)
    expectError(read(text('{"format": "graph-model"}')), ModelError, 'MODEL_TEXT', message)
  })

  test('a Git LFS pointer', () => {
    const pointer = text('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32\nsize 12345\n')
    const message = `${file}: the file is a Git LFS pointer, not the model; run \`git lfs pull\``
    expectError(read(pointer), ModelError, 'MODEL_LFS_POINTER', message)
  })

  test('a web page', () => {
    const message = `${file}: the file is a web page, not a model; download the model itself (the "raw" link)`
    expectError(read(text('\n<!DOCTYPE html>\n<html><title>Sign in</title></html>')), ModelError, 'MODEL_HTML', message)
  })

  test('bytes of another format', () => {
    const message = /^models\/net\.onnx: not an ONNX model \(.+\); give the \.onnx file that the exporter wrote$/
    expect(errorOf(read(Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0))).message).toMatch(message)
  })

  test('a message without an operator set', () => {
    const message = `${file}: the model names no operator set, so its ops have no meaning; export it again`
    expectError(read(graphBytes({}, { opsetImport: [] })), ModelError, 'MODEL_NO_OPSET', message)
  })

  test('a model for training', () => {
    const bytes = graphBytes({}, { trainingInfo: [create(pb.TrainingInfoProtoSchema)] })
    const message = `${file}: the model holds training information; export it for inference`
    expectError(read(bytes), UnsupportedError, 'MODEL_TRAINING', message)
  })
})

describe('a graph that contradicts itself names the place', () => {
  test('a cycle', () => {
    const bytes = graphBytes({ node: [node('Add', ['b', 'b'], ['a'], 'first'), node('Neg', ['a'], ['b'], 'second')], output: [value('b')] })
    const message = `${file}: graph 'main' has a cycle: it goes through Add 'first', Neg 'second'`
    expectError(read(bytes), ModelError, 'GRAPH_CYCLE', message)
  })

  test('a node that reads itself', () => {
    const message = `${file}: graph 'main' has a cycle: Neg 'a' reads its own output`
    expectError(read(graphBytes({ node: [node('Neg', ['a'], ['a'])] })), ModelError, 'GRAPH_CYCLE', message)
  })

  test('a missing input', () => {
    const message = `${file}: Neg 'n' reads 'lost', which no node, input or initializer gives; export the model again`
    expectError(read(graphBytes({ node: [node('Neg', ['lost'], ['a'], 'n')] })), ModelError, 'NODE_INPUT_MISSING', message)
  })

  test('a missing output', () => {
    const message = `${file}: output 'y' of graph 'main' is given by no node; export the model again`
    expectError(read(graphBytes({ output: [value('y')] })), ModelError, 'GRAPH_OUTPUT_MISSING', message)
  })

  test('a name that is given twice', () => {
    const bytes = graphBytes({ input: [value('x')], node: [node('Neg', ['x'], ['a']), node('Abs', ['x'], ['a'])] })
    expectError(read(bytes), ModelError, 'GRAPH_NAME_TWICE', `${file}: graph 'main' defines 'a' twice; export the model again`)
  })
})

describe('a tensor whose size disagrees with its bytes names both', () => {
  test('raw data', () => {
    const message = `${file}: initializer 'w' is declared as float32[2,3], which takes 24 bytes, and the file holds 20; export the model again`
    expectError(read(weightBytes({ rawData: new Uint8Array(20) })), ModelError, 'TENSOR_SIZE', message)
  })

  test('numbers', () => {
    const message = `${file}: initializer 'w' is declared as float32[2,3], which takes 24 bytes, and the file holds 4; export the model again`
    expectError(read(weightBytes({ floatData: [1] })), ModelError, 'TENSOR_SIZE', message)
  })

  test('strings', () => {
    const bytes = weightBytes({ dataType: pb.TensorProto_DataType.STRING, stringData: [text('a')] })
    const message = `${file}: initializer 'w' is declared as string[2,3], which takes 6 strings, and the file holds 1; export the model again`
    expectError(read(bytes), ModelError, 'TENSOR_SIZE', message)
  })

  test('a tensor in an attribute', () => {
    const constant = node('Constant', [], ['c'], 'k')
    constant.attribute = [create(pb.AttributeProtoSchema, { name: 'value', type: pb.AttributeProto_AttributeType.TENSOR, t: tensor({}) })]
    const message = `${file}: attribute 'value' of Constant 'k' is declared as float32[2,3], which takes 24 bytes, and the file holds 0; export the model again`
    expectError(read(graphBytes({ node: [constant] })), ModelError, 'TENSOR_SIZE', message)
  })

  test('a negative dimension', () => {
    const message = `${file}: initializer 'w' has a negative dimension in [2,-3]; export the model again`
    expectError(read(weightBytes({ dims: [2n, -3n] })), ModelError, 'TENSOR_DIMS', message)
  })

  test('absurd dimensions take no memory', () => {
    const message = `${file}: initializer 'w' has absurd dimensions [1099511627776,1099511627776]; export the model again`
    expectError(read(weightBytes({ dims: [2n ** 40n, 2n ** 40n] })), ModelError, 'TENSOR_DIMS', message)
    expect(errorOf(read(weightBytes({ dims: [2n ** 40n] }))).message).toContain('takes 4398046511104 bytes, and the file holds 0')
  })

  test('an element type of the future', () => {
    const message = `${file}: initializer 'w' has element type 99, which this version does not know; export the model with another type`
    expectError(read(weightBytes({ dataType: 99 as pb.TensorProto_DataType })), UnsupportedError, 'TENSOR_TYPE', message)
  })
})

describe('external data', () => {
  let root: string
  let folder: string
  let path: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'whittle-onnx-'))
    folder = join(root, 'models')
    path = join(folder, 'net.onnx')
    mkdirSync(folder)
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  function write(entries: Record<string, string>): void {
    const externalData = Object.entries(entries).map(([key, item]) => create(pb.StringStringEntryProtoSchema, { key, value: item }))
    writeFileSync(path, weightBytes({ dataLocation: pb.TensorProto_DataLocation.EXTERNAL, externalData }))
  }
  const numbers = Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7)

  test('is read where it lies, and the file is named', () => {
    write({ location: 'data/net.bin', offset: '4', length: '24' })
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'data/net.bin'), numbers)
    const { model, files } = readOnnxFile(path)
    expect([...model.graph.initializers][0]!.tensor!.toNumbers()).toEqual([1, 2, 3, 4, 5, 6])
    expect(files).toEqual([path, join(folder, 'data/net.bin')])
  })

  test('is taken from the caller of readOnnx', () => {
    write({ location: 'net.bin' })
    const external = (location: string) => (location === 'net.bin' ? new Uint8Array(numbers.buffer) : new Uint8Array())
    const model = readOnnx(readFileSync(path), { external })
    expect([...model.graph.initializers][0]!.tensor!.toNumbers()).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('that nobody gave says who reads it', () => {
    write({ location: 'net.bin' })
    const message = `${file}: initializer 'w' lies in the file 'net.bin', and only the model's bytes were given; read it with readOnnxFile`
    expectError(read(readFileSync(path)), ModelError, 'EXTERNAL_NOT_GIVEN', message)
  })

  test.each(['../secret.bin', 'a/../../secret.bin', '/etc/passwd', 'C:\\secret.bin', '..\\secret.bin', '.'])(
    'outside the folder is refused: %s',
    (location) => {
      writeFileSync(join(root, 'secret.bin'), numbers)
      write({ location })
      const message = `${path}: initializer 'w' points to '${location}', outside the model's folder; put the data beside the model and export it again`
      expectError(() => readOnnxFile(path), ModelError, 'EXTERNAL_OUTSIDE', message)
    },
  )

  test('behind a link out of the folder is refused', () => {
    writeFileSync(join(root, 'secret.bin'), numbers)
    symlinkSync(join(root, 'secret.bin'), join(folder, 'net.bin'))
    write({ location: 'net.bin' })
    const message = `${path}: 'net.bin' links to ${join(root, 'secret.bin')}, outside the model's folder; copy the data beside the model`
    expectError(() => readOnnxFile(path), ModelError, 'EXTERNAL_OUTSIDE', message)
  })

  test('that is missing', () => {
    write({ location: 'net.bin' })
    const message = `${path}: its weights are in 'net.bin', and ${join(folder, 'net.bin')} cannot be opened; put the file beside the model`
    expectError(() => readOnnxFile(path), ModelError, 'EXTERNAL_MISSING', message)
  })

  test('that is too short', () => {
    writeFileSync(join(folder, 'net.bin'), numbers)
    write({ location: 'net.bin', offset: '16' })
    const message = `${path}: initializer 'w' needs bytes 16 to 40 of 'net.bin', which has only 32; download or export the data again`
    expectError(() => readOnnxFile(path), ModelError, 'EXTERNAL_SHORT', message)
  })

  test('whose length disagrees with the dims', () => {
    write({ location: 'net.bin', length: '20' })
    const message = `${path}: initializer 'w' takes 24 bytes by its dims, and its external data are declared with 20; export the model again`
    expectError(() => readOnnxFile(path), ModelError, 'TENSOR_SIZE', message)
  })

  test('whose offset is no number', () => {
    write({ location: 'net.bin', offset: '-4' })
    const message = `${path}: initializer 'w' has an offset or a length that is no whole number of bytes; export the model again`
    expectError(() => readOnnxFile(path), ModelError, 'EXTERNAL_RANGE', message)
  })

  test('a model of more than 2 GiB is refused before it is read', () => {
    writeFileSync(path, '')
    truncateSync(path, 2 ** 31)
    const message = `${path}: the file has 2147483648 bytes, and an ONNX file holds at most 2147483647; export the model with its weights as external data`
    expectError(() => readOnnxFile(path), UnsupportedError, 'MODEL_TOO_LARGE', message)
  })

  test('a model that is not there', () => {
    expectError(() => readOnnxFile(path), ModelError, 'MODEL_MISSING', `${path}: there is no such file; check the path`)
  })
})
