import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { type ElementType, Model, Tensor, WhittleError, createRandom, elementTypes, validate } from '@whittle/ir'
import { dataTypeOf, elementTypeOf, readOnnx, writeOnnx } from '@whittle/ir/onnx'
import { models, randomModel, runModel } from '@whittle/testing'
import * as pb from '../src/onnx/gen/onnx_pb.ts'

type Init<T> = Omit<Partial<T>, '$typeName' | '$unknown'>
const Type = pb.TensorProto_DataType
const AttributeType = pb.AttributeProto_AttributeType
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const entry = (key: string, value: string) => create(pb.StringStringEntryProtoSchema, { key, value })
const node = (opType: string, input: string[], output: string[], more: Init<pb.NodeProto> = {}) =>
  create(pb.NodeProtoSchema, { opType, input, output, ...more })
const attribute = (name: string, type: pb.AttributeProto_AttributeType, fields: Init<pb.AttributeProto>) =>
  create(pb.AttributeProtoSchema, { name, type, ...fields })
const tensor = (name: string, dataType: pb.TensorProto_DataType, dims: number[], fields: Init<pb.TensorProto>) =>
  create(pb.TensorProtoSchema, { name, dataType, dims: dims.map(BigInt), ...fields })

function value(name: string, dataType?: pb.TensorProto_DataType, dims?: (number | string)[]): pb.ValueInfoProto {
  if (dataType === undefined) return create(pb.ValueInfoProtoSchema, { name })
  const dim = dims?.map((item) =>
    create(pb.TensorShapeProto_DimensionSchema, {
      value:
        typeof item === 'number'
          ? { case: 'dimValue', value: BigInt(item) }
          : item === ''
            ? { case: undefined }
            : { case: 'dimParam', value: item },
    }),
  )
  const tensorType = create(pb.TypeProto_TensorSchema, { elemType: dataType, shape: dim && create(pb.TensorShapeProtoSchema, { dim }) })
  return create(pb.ValueInfoProtoSchema, { name, type: create(pb.TypeProtoSchema, { value: { case: 'tensorType', value: tensorType } }) })
}

const graph = (fields: Init<pb.GraphProto>) => create(pb.GraphProtoSchema, { name: 'main', ...fields })
const bytesOf = (fields: Init<pb.GraphProto>, model: Init<pb.ModelProto> = {}): Uint8Array =>
  toBinary(
    pb.ModelProtoSchema,
    create(pb.ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [create(pb.OperatorSetIdProtoSchema, { version: 21n })],
      graph: graph(fields),
      ...model,
    }),
  )
const protoOf = (model: Model): pb.ModelProto => fromBinary(pb.ModelProtoSchema, writeOnnx(model))

describe('tensors of every type are read from every field that may hold them', () => {
  test.each<[ElementType, number[], Init<pb.TensorProto>, number[]]>([
    ['float32', [2], { floatData: [1.5, -2] }, [1.5, -2]],
    ['float64', [2], { doubleData: [1e300, -2] }, [1e300, -2]],
    ['float16', [2], { int32Data: [0x3c00, 0xc000] }, [1, -2]],
    ['bfloat16', [2], { int32Data: [0x3f80, 0xc000] }, [1, -2]],
    ['int8', [2], { int32Data: [-128, 127] }, [-128, 127]],
    ['uint8', [2], { int32Data: [0, 255] }, [0, 255]],
    ['int16', [2], { int32Data: [-32768, 5] }, [-32768, 5]],
    ['uint16', [1], { int32Data: [65535] }, [65535]],
    ['int32', [], { int32Data: [-7] }, [-7]],
    ['uint32', [1], { uint64Data: [4294967295n] }, [4294967295]],
    ['int64', [2], { int64Data: [-5n, 6n] }, [-5, 6]],
    ['uint64', [1], { uint64Data: [9n] }, [9]],
    ['bool', [3], { int32Data: [1, 0, 1] }, [1, 0, 1]],
    ['int4', [3], { int32Data: [0xf1, 0x07] }, [1, -1, 7]],
    ['uint4', [3], { int32Data: [0xf1, 0x07] }, [1, 15, 7]],
    ['int4', [3], { rawData: Uint8Array.of(0xf1, 0x07) }, [1, -1, 7]],
    ['int2', [5], { int32Data: [0xe4, 0x02] }, [0, 1, -2, -1, -2]],
    ['uint2', [5], { int32Data: [0xe4, 0x02] }, [0, 1, 2, 3, 2]],
    ['uint2', [5], { rawData: Uint8Array.of(0xe4, 0x02) }, [0, 1, 2, 3, 2]],
    ['float8e8m0', [3], { int32Data: [0x7e, 0x7f, 0xfe] }, [0.5, 1, 2 ** 127]],
    ['float8e4m3fn', [2], { int32Data: [0x38, 0xfe] }, [1, -448]],
    ['float6e2m3', [5], { int32Data: [0x01, 0x1f, 0x3f, 0x08, 0x20] }, [0.125, 7.5, -7.5, 1, -0]],
    ['float6e3m2', [3], { rawData: Uint8Array.of(0xc1, 0xf7, 0x03) }, [0.0625, 28, -28]],
    ['float4e2m1', [3], { int32Data: [0x10, 0x07] }, [0, 0.5, 6]],
    ['float32', [0, 3], {}, []],
  ])('%s%j', (type, dims, fields, expected) => {
    const bytes = bytesOf({ initializer: [tensor('w', dataTypeOf(type) as pb.TensorProto_DataType, dims, fields)] })
    const check = (model: Model): void => {
      const [w] = [...model.graph.initializers]
      expect([w!.name, w!.tensor!.type, w!.tensor!.dims]).toEqual(['w', type, dims])
      expect(w!.tensor!.toNumbers()).toEqual(expected)
    }
    const model = readOnnx(bytes)
    check(model)
    check(readOnnx(writeOnnx(model)))
  })

  test.each(['int2', 'uint2', 'float8e8m0', 'float6e2m3'] as const)(
    '%s is written as it was: bytes, type and the version of the format',
    (type) => {
      const raw = Uint8Array.of(0xe4, 0x1b, 0x06)
      const dims = { int2: 10, uint2: 10, float8e8m0: 3, float6e2m3: 4 }
      const fields = {
        initializer: [tensor('w', dataTypeOf(type) as pb.TensorProto_DataType, [dims[type]], { rawData: raw })],
        input: [value('x', dataTypeOf(type) as pb.TensorProto_DataType, ['N'])],
      }
      const model = readOnnx(bytesOf(fields, { irVersion: 14n }))
      expect(model.graph.inputs[0]!.elementType).toBe(type)
      const written = protoOf(model)
      expect(written.irVersion).toBe(14n)
      expect(written.graph!.initializer[0]).toMatchObject({ dataType: dataTypeOf(type), rawData: raw })
      expect(written.graph!.input[0]!.type).toMatchObject({ value: { value: { elemType: dataTypeOf(type) } } })
    },
  )

  test('strings and complex numbers', () => {
    const model = readOnnx(
      bytesOf({
        initializer: [
          tensor('s', Type.STRING, [2], { stringData: [text('é'), text('')] }),
          tensor('c', Type.COMPLEX64, [1], { floatData: [1, 2] }),
        ],
      }),
    )
    const [s, c] = [...readOnnx(writeOnnx(model)).graph.initializers]
    expect(s!.tensor!.strings()).toEqual(['é', ''])
    expect(new Float32Array(c!.tensor!.bytes().slice().buffer)).toEqual(Float32Array.of(1, 2))
  })

  test('every element type has a number of its own', () => {
    expect(elementTypes.map((type) => elementTypeOf(dataTypeOf(type)))).toEqual(elementTypes)
    expect(elementTypeOf(0)).toBeUndefined()
  })
})

describe('inputs', () => {
  const initializer = [tensor('w', Type.FLOAT, [1], { floatData: [2] })]
  const fields = {
    input: [value('x', Type.FLOAT, [1]), value('w', Type.FLOAT, [1])],
    initializer,
    node: [node('Mul', ['x', 'w'], ['y'])],
    output: [value('y', Type.FLOAT, [1])],
  }

  test('that have an initializer are inputs with a default', async () => {
    const model = readOnnx(bytesOf(fields))
    expect(model.graph.inputs.map((input) => [input.name, input.tensor?.toNumbers()])).toEqual([
      ['x', undefined],
      ['w', [2]],
    ])
    const written = protoOf(model).graph!
    expect(written.input.map(({ name }) => name)).toEqual(['x', 'w'])
    expect(written.initializer.map(({ name }) => name)).toEqual(['w'])
    expect((await runModel(model, { x: Tensor.float32([1], [3]) })).y!.toNumbers()).toEqual([6])
  })

  test('that have an initializer are constants before IR version 4, which had to list them', () => {
    const model = readOnnx(bytesOf(fields, { irVersion: 3n }))
    expect(model.graph.inputs.map((input) => input.name)).toEqual(['x'])
    expect([...model.graph.initializers].map((item) => item.name)).toEqual(['w'])
  })

  test('keep the names of free dimensions; those without a name are named after their value', () => {
    const model = readOnnx(
      bytesOf({ input: [value('image/a', Type.FLOAT, ['N', '', -1, 4]), value('b', Type.FLOAT), value('c', Type.FLOAT, [])] }),
    )
    const shapes = [['N', 'image_a_dim1', 'image_a_dim2', 4], undefined, []]
    expect(model.graph.inputs.map((input) => input.shape)).toEqual(shapes)
    expect(readOnnx(writeOnnx(model)).graph.inputs.map((input) => input.shape)).toEqual(shapes)
  })
})

describe('attributes', () => {
  test('of every kind are read and written back', () => {
    const inner = graph({ name: 'inner', output: [value('v')], node: [node('Identity', ['x'], ['v'])] })
    const attributes = [
      attribute('f', AttributeType.FLOAT, { f: 1 }),
      attribute('i', AttributeType.INT, { i: -3n }),
      attribute('big', AttributeType.INT, { i: 2n ** 62n }),
      attribute('s', AttributeType.STRING, { s: text('é') }),
      attribute('t', AttributeType.TENSOR, { t: tensor('', Type.INT8, [1], { rawData: Uint8Array.of(255) }) }),
      attribute('g', AttributeType.GRAPH, { g: inner }),
      attribute('floats', AttributeType.FLOATS, { floats: [] }),
      attribute('ints', AttributeType.INTS, { ints: [1n, -(2n ** 63n)] }),
      attribute('strings', AttributeType.STRINGS, { strings: [text('a'), text('')] }),
      attribute('graphs', AttributeType.GRAPHS, { graphs: [inner, inner] }),
      attribute('binary', AttributeType.STRING, { s: Uint8Array.of(0xff, 0xfe) }),
      attribute('type', AttributeType.TYPE_PROTO, { tp: value('', Type.FLOAT, ['N']).type! }),
      attribute('future', 77 as pb.AttributeProto_AttributeType, { i: 4n }),
    ]
    const model = readOnnx(
      bytesOf({
        input: [value('x', Type.FLOAT, [1])],
        node: [node('Odd', ['x'], ['y'], { domain: 'com.example', attribute: attributes })],
      }),
    )
    const [odd] = model.graph.nodes
    expect([...odd!.attributes].map(([name, { type }]) => [name, type])).toEqual([
      ['f', 'float'],
      ['i', 'int'],
      ['big', 'int'],
      ['s', 'string'],
      ['t', 'tensor'],
      ['g', 'graph'],
      ['floats', 'floats'],
      ['ints', 'ints'],
      ['strings', 'strings'],
      ['graphs', 'graphs'],
      ['binary', 'opaque'],
      ['type', 'opaque'],
      ['future', 'opaque'],
    ])
    expect(odd!.attributes.get('big')).toEqual({ type: 'int', value: 2n ** 62n })
    expect(odd!.attributes.get('ints')).toEqual({ type: 'ints', value: [1, -(2n ** 63n)] })
    expect(odd!.subgraphs.map((sub) => sub.outputs[0]!.name)).toEqual(['v', 'v_1', 'v_2'])
    const written = protoOf(model).graph!.node[0]!.attribute
    const plain = (items: pb.AttributeProto[]) =>
      items.filter(({ name }) => !['g', 'graphs'].includes(name)).map((item) => toBinary(pb.AttributeProtoSchema, item))
    expect(plain(written)).toEqual(plain(protoOf(readOnnx(writeOnnx(model))).graph!.node[0]!.attribute))
    expect(written.find(({ name }) => name === 'binary')!.s).toEqual(Uint8Array.of(0xff, 0xfe))
    expect(written.find(({ name }) => name === 'type')!.tp!.value.case).toBe('tensorType')
    expect(written.find(({ name }) => name === 'f')!.type).toBe(AttributeType.FLOAT)
  })

  test('without a type, as in the first files, are told by their field', () => {
    const old = [create(pb.AttributeProtoSchema, { name: 'axis', i: 0n }), create(pb.AttributeProtoSchema, { name: 'alpha', f: 2 })]
    const [first] = readOnnx(bytesOf({ node: [node('Odd', [], ['y'], { domain: 'd', attribute: old })] })).graph.nodes
    expect([...first!.attributes.values()]).toEqual([
      { type: 'int', value: 0 },
      { type: 'float', value: 2 },
    ])
  })
})

describe('graphs', () => {
  test('whose nodes are in any order are sorted', () => {
    const model = readOnnx(
      bytesOf({
        input: [value('x')],
        node: [node('Neg', ['b'], ['c']), node('Abs', ['a'], ['b']), node('Exp', ['x'], ['a'])],
        output: [value('c')],
      }),
    )
    expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Exp', 'Abs', 'Neg'])
    validate(model)
  })

  test('keep inputs and outputs that are left out', () => {
    const model = readOnnx(
      bytesOf({ input: [value('x')], node: [node('Odd', ['', 'x', '', 'x', ''], ['', 'y', ''], { domain: 'd' })], output: [value('y')] }),
    )
    const written = protoOf(model).graph!.node[0]!
    expect(written.input).toEqual(['', 'x', '', 'x'])
    expect(written.output[1]).toBe('y')
    expect(written.output[0]).toBe('')
  })

  test('of sibling branches may share names; the second gets a suffix, and the main graph keeps its own', async () => {
    const branch = (name: string, op: string) =>
      attribute(name, AttributeType.GRAPH, {
        g: graph({ name, node: [node(op, ['x'], ['inner']), node('Abs', ['inner'], ['out'])], output: [value('out', Type.FLOAT, [1])] }),
      })
    const bytes = bytesOf({
      input: [value('c', Type.BOOL, []), value('x', Type.FLOAT, [1])],
      node: [
        node('If', ['c'], ['y'], { attribute: [branch('then_branch', 'Neg'), branch('else_branch', 'Exp')] }),
        node('Neg', ['y'], ['inner_1']),
      ],
      output: [value('inner_1', Type.FLOAT, [1])],
    })
    const model = readOnnx(bytes)
    validate(model)
    expect(model.graph.outputs.map(({ name }) => name)).toEqual(['inner_1'])
    expect([...model.nodes()].flatMap((item) => item.outputs.map((output) => output!.name))).toEqual([
      'y',
      'inner_1',
      'inner',
      'out',
      'inner_2',
      'out_1',
    ])
    for (const c of [0, 1]) {
      const inputs = { c: Tensor.of('bool', [], [c]), x: Tensor.float32([1], [-2]) }
      expect((await runModel(model, inputs)).inner_1!.toNumbers()).toEqual((await runModel(bytes, inputs)).inner_1!.toNumbers())
    }
  })

  test('that hand on a value of the graph around them get an Identity, which runtimes ask for', async () => {
    const branch = (name: string, output: string) =>
      attribute(name, AttributeType.GRAPH, { g: graph({ name, output: [value(output, Type.FLOAT, [1])] }) })
    const model = readOnnx(
      bytesOf({
        input: [value('c', Type.BOOL, []), value('x', Type.FLOAT, [1]), value('z', Type.FLOAT, [1])],
        node: [node('If', ['c'], ['y'], { attribute: [branch('then_branch', 'x'), branch('else_branch', 'z')] })],
        output: [value('y', Type.FLOAT, [1])],
      }),
    )
    validate(model)
    const inputs = { x: Tensor.float32([1], [1]), z: Tensor.float32([1], [2]) }
    expect((await runModel(model, { ...inputs, c: Tensor.of('bool', [], [0]) })).y!.toNumbers()).toEqual([2])
  })

  test('with a sparse initializer compute the same', async () => {
    const sparse = create(pb.SparseTensorProtoSchema, {
      values: tensor('w', Type.FLOAT, [2], { floatData: [5, 7] }),
      indices: tensor('', Type.INT64, [2], { int64Data: [1n, 3n] }),
      dims: [4n],
    })
    const model = readOnnx(
      bytesOf({
        input: [value('x', Type.FLOAT, [4])],
        sparseInitializer: [sparse],
        node: [node('Add', ['x', 'w'], ['y'])],
        output: [value('y', Type.FLOAT, [4])],
      }),
    )
    validate(model)
    expect((await runModel(model, { x: Tensor.float32([4], [1, 1, 1, 1]) })).y!.toNumbers()).toEqual([1, 6, 1, 8])
  })
})

describe('what the IR does not know is carried through', () => {
  const sequence = create(pb.TypeProtoSchema, {
    value: { case: 'sequenceType', value: create(pb.TypeProto_SequenceSchema, { elemType: value('', Type.FLOAT).type! }) },
  })
  const described = { ...value('x', Type.FLOAT, ['N', 3]), docString: 'a picture', metadataProps: [entry('colour', 'bgr')] }
  const functions = [
    create(pb.FunctionProtoSchema, {
      name: 'Twice',
      domain: 'com.example',
      input: ['a'],
      output: ['b'],
      node: [node('Add', ['a', 'a'], ['b'])],
      opsetImport: [create(pb.OperatorSetIdProtoSchema, { version: 13n })],
    }),
  ]
  const bytes = bytesOf(
    {
      docString: 'the graph',
      input: [described],
      node: [
        node('Twice', ['x'], ['t'], { domain: 'com.example', docString: 'doubles', metadataProps: [entry('a', 'b')] }),
        node('SequenceConstruct', ['t'], ['list']),
        node('SequenceAt', ['list', 'zero'], ['y']),
      ],
      initializer: [tensor('zero', Type.INT64, [], { int64Data: [0n] })],
      valueInfo: [create(pb.ValueInfoProtoSchema, { name: 'list', type: sequence })],
      output: [value('y', Type.FLOAT, ['N', 3])],
      metadataProps: [entry('graph', 'property')],
      quantizationAnnotation: [
        create(pb.TensorAnnotationSchema, { tensorName: 'x', quantParameterTensorNames: [entry('SCALE_TENSOR', 's')] }),
      ],
    },
    {
      producerName: 'exporter',
      producerVersion: '2.1',
      domain: 'org.example',
      modelVersion: 7n,
      docString: 'the model',
      metadataProps: [entry('labels', '["up","down"]')],
      functions,
      opsetImport: [
        create(pb.OperatorSetIdProtoSchema, { version: 13n }),
        create(pb.OperatorSetIdProtoSchema, { domain: 'com.example', version: 2n }),
      ],
    },
  )
  const model = readOnnx(bytes)
  const written = protoOf(model.clone())

  test('of the model: functions in the new opset, properties, versions', async () => {
    expect(model.metadata.properties.get('labels')).toBe('["up","down"]')
    expect(written.metadataProps).toMatchObject([{ key: 'labels', value: '["up","down"]' }])
    expect([written.producerName, written.producerVersion, written.domain, written.modelVersion, written.docString]).toEqual([
      'exporter',
      '2.1',
      'org.example',
      7n,
      'the model',
    ])
    expect(written.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([
      ['', 21n],
      ['com.example', 2n],
    ])
    expect(written.functions[0]!.opsetImport[0]!.version).toBe(21n)
    const result = await runModel(writeOnnx(model), { x: Tensor.float32([1, 3], [1, 2, 3]) })
    expect(result.y!.toNumbers()).toEqual([2, 4, 6])
  })

  test('of the graph, of values and of nodes', () => {
    const main = written.graph!
    expect(main.docString).toBe('the graph')
    expect(main.metadataProps).toMatchObject([{ key: 'graph', value: 'property' }])
    expect(main.quantizationAnnotation[0]!.quantParameterTensorNames).toMatchObject([{ key: 'SCALE_TENSOR', value: 's' }])
    expect(main.input[0]).toMatchObject({ name: 'x', docString: 'a picture', metadataProps: [{ key: 'colour', value: 'bgr' }] })
    expect(main.node[0]).toMatchObject({
      opType: 'Twice',
      domain: 'com.example',
      docString: 'doubles',
      metadataProps: [{ key: 'a', value: 'b' }],
    })
    expect(main.valueInfo.map((info) => [info.name, info.type!.value.case])).toEqual([['list', 'sequenceType']])
  })

  test('unknown fields of the format', () => {
    const extended = Uint8Array.of(...bytes, 0xca, 0x3e, 3, 1, 2, 3)
    expect(protoOf(readOnnx(extended)).$unknown).toMatchObject([{ no: 1001, wireType: 2 }])
  })
})

test.each(Object.keys(models) as (keyof typeof models)[])('the test model %s is the same after writing and reading', (name) => {
  const bytes = writeOnnx(models[name]())
  expect(writeOnnx(readOnnx(bytes))).toEqual(bytes)
})

test('weights that no file can hold are refused before they are read', () => {
  const model = new Model('main')
  const never = (): Uint8Array => {
    throw new Error('was read')
  }
  for (const name of ['a', 'b']) model.graph.addInitializer(name, Tensor.lazy('float32', [2 ** 28], never))
  expect(() => writeOnnx(model)).toThrowError(
    'the model takes 2147483724 bytes, and one ONNX file holds at most 2147483647; write it with writeOnnxFile, or compress it more',
  )
})

test('damaged files give one of our errors or a model, and nothing else', () => {
  const random = createRandom('damage')
  const seeds = [writeOnnx(models.branches()), writeOnnx(randomModel('damage')), writeOnnx(models.lstm())]
  let refused = 0
  for (let round = 0; round < 600; round++) {
    const bytes = seeds[round % seeds.length]!.slice()
    for (let change = random.integer(4); change >= 0; change--) bytes[random.integer(bytes.length)] = random.integer(256)
    const cut = random.next() < 0.2 ? bytes.subarray(0, random.integer(bytes.length)) : bytes
    try {
      writeOnnx(readOnnx(cut, { file: 'damaged.onnx' }))
    } catch (error) {
      refused++
      expect(error).toBeInstanceOf(WhittleError)
      expect((error as Error).message).toMatch(/^damaged\.onnx: /)
    }
  }
  expect(refused).toBeGreaterThan(100)
})
