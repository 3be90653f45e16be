import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { type Attribute, type Dim, type ElementType, Model, ModelError, Tensor, WhittleError, inferShapes, problemsOf } from '@whittle/ir'
import { readOnnx, writeOnnx } from '@whittle/ir/onnx'
import * as pb from '../src/onnx/gen/onnx_pb.ts'

// Each was found by tools/fuzz, or stands for what it found.

type Input = readonly [type: ElementType, shape: Dim[]] | Tensor

function oneNode(op: string, inputs: Input[], attributes: Record<string, Attribute> = {}, domain = ''): Model {
  const model = new Model('main')
  const values = inputs.map((input, index) =>
    input instanceof Tensor ? model.graph.addInitializer(`w${index}`, input) : model.graph.addInput(`x${index}`, input[0], [...input[1]]),
  )
  const node = model.graph.addNode({ op, domain, inputs: values, outputs: ['y'], attributes: new Map(Object.entries(attributes)) })
  model.graph.addOutput(node.output)
  return model
}

/** `y = op(x)` with what `change` does to the file's message. */
function file(change: (model: pb.ModelProto, node: pb.NodeProto) => void): Uint8Array {
  const node = create(pb.NodeProtoSchema, { opType: 'Neg', input: ['x'], output: ['y'] })
  const [x, y] = ['x', 'y'].map((name) => create(pb.ValueInfoProtoSchema, { name }))
  const model = create(pb.ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [create(pb.OperatorSetIdProtoSchema, { version: 13n })],
    graph: create(pb.GraphProtoSchema, { name: 'main', node: [node], input: [x!], output: [y!] }),
  })
  change(model, node)
  return toBinary(pb.ModelProtoSchema, model)
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

describe('a rank that only the file claims takes no memory', () => {
  const huge: Input = ['int64', [2 ** 31]]
  test.each([
    ['Reshape', [['float32', [4]], huge]],
    ['Expand', [['float32', [4]], huge]],
    ['ConstantOfShape', [huge]],
    ['Col2Im', [['float32', [1, 4, 4]], huge, ['int64', [2]]]],
  ] as [string, Input[]][])('%s', (op, inputs) => {
    const model = oneNode(op, inputs)
    inferShapes(model)
    expect(model.graph.outputs[0]!.shape).toBeUndefined()
  })

  test('Slice', () => {
    const message = /^Slice 'y': 2147483648 starts for 2 axes/
    expect(errorOf(() => inferShapes(oneNode('Slice', [['float32', [4, 1]], huge, huge]))).message).toMatch(message)
  })

  test('Scan', () => {
    const model = oneNode('Scan', [['float32', [4]]], { num_scan_inputs: { type: 'int', value: 2 ** 31 } })
    const node = model.graph.nodes[0]!
    node.attributes.set('body', { type: 'graph', value: model.graph.addSubgraph(node, 'body') })
    expect(errorOf(() => inferShapes(model)).code).toBe('SHAPE_CONFLICT')
  })
})

test.each([
  ['Einsum', [], ''],
  ['SequenceConstruct', [], ''],
  ['Concat', [], ''],
  ['QLinearConv', [['uint8', [1]]], ''],
  ['QAttention', [['float32', []]], 'com.microsoft'],
] as [string, Input[], string][])('%s with inputs that are none of its own ends in a model or an error of ours', (op, inputs, domain) => {
  try {
    inferShapes(oneNode(op, inputs, {}, domain))
  } catch (error) {
    expect(error).toBeInstanceOf(ModelError)
    expect((error as Error).message).toContain(op)
  }
})

test.each(['toString', 'constructor', '__proto__', 'hasOwnProperty'])('an op called %s is an op that nobody knows', (name) => {
  const model = readOnnx(file((_, node) => (node.opType = name)))
  expect(model.graph.nodes[0]!.op).toBe(name)
  inferShapes(model)
})

test('a second attribute of the same name, which would hide the subgraph of the first, is refused', () => {
  const bytes = file((_, node) => {
    const branch = create(pb.AttributeProtoSchema, {
      name: 'then_branch',
      type: pb.AttributeProto_AttributeType.GRAPH,
      g: create(pb.GraphProtoSchema),
    })
    node.attribute = [branch, branch]
  })
  expect(errorOf(() => readOnnx(bytes)).message).toBe("model: Neg 'y' has two attributes 'then_branch'; export the model again")
})

test.each([-1n, 2n ** 63n - 1n])('version %s of an operator set is refused', (version) => {
  const error = errorOf(() => readOnnx(file((model) => (model.opsetImport[0]!.version = version))))
  expect(error.message).toBe(`model: version ${version} of operator set 'ai.onnx' cannot be; export the model again`)
})

test('a model version beyond what a number holds is written back', () => {
  const bytes = file((model) => (model.modelVersion = 2n ** 63n - 1n))
  const written = writeOnnx(readOnnx(bytes))
  expect(writeOnnx(readOnnx(written))).toEqual(written)
})

test('names with line breaks and names as long as a file give a message of one short line', () => {
  const name = `a\nb\0${'c'.repeat(10_000)}`
  const { message } = errorOf(() => readOnnx(file((_, node) => (node.input = [name]))))
  expect(message).toContain("Neg 'y' reads 'a\\u000ab\\u0000ccc")
  expect(message).toMatch(/gives; export the model again$/)
  expect(message).toMatch(/^.{1,2100}$/)
})

test('loops in loops whose shapes never stay come to an end', () => {
  const model = new Model('main')
  const [count, condition] = [model.graph.addInput('m', 'int64', []), model.graph.addInput('go', 'bool', [])]
  let graph = model.graph
  let outer = graph.addInput('x', 'float32', [1])
  const depth = 12
  for (let level = 0; level < depth; level++) {
    const loop = graph.addNode({ op: 'Loop', inputs: [count, condition, outer], outputs: [`y${level}`] })
    graph.addOutput(loop.output)
    if (graph !== model.graph) graph.setOutputs([graph.inputs[1]!, loop.output])
    graph = graph.addSubgraph(loop, `body${level}`)
    loop.attributes.set('body', { type: 'graph', value: graph })
    graph.addInput(`i${level}`, 'int64', [])
    graph.addInput(`c${level}`, 'bool', [])
    outer = graph.addInput(`v${level}`)
  }
  graph.setOutputs([
    graph.inputs[1]!,
    graph.addNode({ op: 'Concat', inputs: [outer, outer], attributes: { axis: 0 }, outputs: ['twice'] }).output,
  ])
  try {
    inferShapes(model)
  } catch (error) {
    expect(error).toBeInstanceOf(ModelError)
  }
})

describe('a file of very many small parts, which would take hundreds of times its size in memory', () => {
  const many = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)
  const attributes = (items: Partial<pb.AttributeProto>) => (_: pb.ModelProto, node: pb.NodeProto) => {
    node.attribute = [create(pb.AttributeProtoSchema, { name: 'a', ...items } as object)]
  }
  const empty = new Uint8Array()
  test.each([
    ['GraphProto.node', (model) => (model.graph!.node = many(200_000, create(pb.NodeProtoSchema)))],
    ['GraphProto.node', (model) => (model.graph!.node = many(250_000, create(pb.NodeProtoSchema, { opType: 'a' })))],
    ['NodeProto.attribute', (_, node) => (node.attribute = many(200_000, create(pb.AttributeProtoSchema)))],
    ['GraphProto.initializer', (model) => (model.graph!.initializer = many(200_000, create(pb.TensorProtoSchema)))],
    ['GraphProto.value_info', (model) => (model.graph!.valueInfo = many(2_000_000, create(pb.ValueInfoProtoSchema)))],
    ['AttributeProto.graphs', attributes({ type: 10, graphs: many(100_000, create(pb.GraphProtoSchema)) })],
    ['AttributeProto.strings', attributes({ type: 8, strings: many(3_000_000, empty) })],
    ['ModelProto.metadata_props', (model) => (model.metadataProps = many(4_000_000, create(pb.StringStringEntryProtoSchema)))],
    ['ModelProto.functions', (model) => (model.functions = many(200_000, create(pb.FunctionProtoSchema)))],
  ] as [string, (model: pb.ModelProto, node: pb.NodeProto) => unknown][])('is refused before it does: %s', (where, change) => {
    const bytes = file(change)
    const before = process.memoryUsage()
    const error = errorOf(() => readOnnx(bytes))
    const after = process.memoryUsage()
    expect(error.code).toBe('MODEL_PARTS')
    expect(error.message).toMatch(new RegExp(`^model: the file has ${bytes.length} bytes, and its \\d+ or more entries of ${where} `))
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(16 * 2 ** 20)
  })

  test('is refused where it is cut off, too, and where the parts are of no known kind', () => {
    const bytes = file((model) => (model.graph!.node = many(200_000, create(pb.NodeProtoSchema))))
    expect(errorOf(() => readOnnx(bytes.subarray(0, -1))).code).toBe('MODEL_PARTS')
    const parts = Uint8Array.from(many(1_000_000, [0x98, 0x06, 0]).flat())
    expect(errorOf(() => readOnnx(Buffer.concat([file(() => {}), parts]))).message).toContain('entries of ModelProto.unknown fields')
  })

  test('is a model while it is as large as models are: 20,000 nodes with all that exporters write', () => {
    const shape = create(pb.TensorShapeProtoSchema, {
      dim: many(4, create(pb.TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: 1n } })),
    })
    const type = create(pb.TypeProtoSchema, {
      value: { case: 'tensorType', value: create(pb.TypeProto_TensorSchema, { elemType: 1, shape }) },
    })
    const bytes = file((model) => {
      const names = Array.from({ length: 20_000 }, (_, index) => `${index}`)
      model.graph!.node = names.map((name) => create(pb.NodeProtoSchema, { opType: 'Neg', input: ['x'], output: [name] }))
      model.graph!.valueInfo = names.map((name) => create(pb.ValueInfoProtoSchema, { name, type }))
      model.graph!.output = [create(pb.ValueInfoProtoSchema, { name: '1' })]
    })
    expect(readOnnx(bytes).graph.nodes).toHaveLength(20_000)
  })
})

test('a value that one node reads 50,000 times, and 50,000 outputs, are checked and written in linear time', () => {
  const names = Array.from({ length: 50_000 }, (_, index) => `y${index}`)
  const bytes = file((model, node) => {
    node.opType = 'Sum'
    node.input = names.map(() => 'x')
    model.graph!.node.push(...names.map((name) => create(pb.NodeProtoSchema, { opType: 'Neg', input: ['x'], output: [name] })))
    model.graph!.output.push(...names.map((name) => create(pb.ValueInfoProtoSchema, { name })))
  })
  const model = readOnnx(bytes)
  expect(problemsOf(model)).toEqual([])
  expect(readOnnx(writeOnnx(model)).graph.outputs).toHaveLength(50_001)
})

test('subgraphs by the thousand that share names are read and checked in linear time', () => {
  const [x, y] = ['x', 'y'].map((name) => create(pb.ValueInfoProtoSchema, { name }))
  const inner = create(pb.NodeProtoSchema, { opType: 'Neg', input: ['x'], output: ['y'] })
  const graph = create(pb.GraphProtoSchema, { node: [inner], output: [y!] })
  const bytes = file((model, node) => {
    node.output = ['z']
    node.attribute = [create(pb.AttributeProtoSchema, { name: 'branches', type: 10, graphs: Array.from({ length: 20_000 }, () => graph) })]
    model.graph!.input = [x!]
    model.graph!.output = [create(pb.ValueInfoProtoSchema, { name: 'z' })]
  })
  const model = readOnnx(bytes)
  expect(problemsOf(model)).toEqual([])
  expect(model.graph.nodes[0]!.subgraphs[19_999]!.outputs[0]!.name).toBe('y_19999')
})

test('shapes and tensors of more dimensions than anything can run are refused by name', () => {
  const shape = create(pb.TensorShapeProtoSchema, {
    dim: Array.from({ length: 65 }, () => create(pb.TensorShapeProto_DimensionSchema, {})),
  })
  const type = create(pb.TypeProtoSchema, {
    value: { case: 'tensorType', value: create(pb.TypeProto_TensorSchema, { elemType: 1, shape }) },
  })
  const typed = file((model) => (model.graph!.input[0]!.type = type))
  expect(() => readOnnx(typed)).toThrow("'x' has 65 dimensions, more than 64; export the model again")
  const dims = Array.from({ length: 65 }, () => 1n)
  const tensor = create(pb.TensorProtoSchema, { name: 'w', dims, dataType: 1, rawData: new Uint8Array(4) })
  const initialized = file((model) => model.graph!.initializer.push(tensor))
  expect(() => readOnnx(initialized)).toThrow("initializer 'w' has 65 dimensions, more than 64")
})

test('an input without a type that is an output with one has it, and is written the same twice', () => {
  const type = create(pb.TypeProtoSchema, { value: { case: 'tensorType', value: create(pb.TypeProto_TensorSchema, { elemType: 1 }) } })
  const bytes = file((model) => {
    model.graph!.node = []
    model.graph!.output = [create(pb.ValueInfoProtoSchema, { name: 'x', type })]
  })
  const model = readOnnx(bytes)
  expect(model.graph.inputs[0]!.elementType).toBe('float32')
  const written = writeOnnx(model)
  expect(writeOnnx(readOnnx(written))).toEqual(written)
})
