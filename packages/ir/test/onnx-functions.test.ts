import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Node, Tensor, WhittleError, createRandom, validate } from '@whittle/ir'
import { readOnnx, writeOnnx } from '@whittle/ir/onnx'
import { runModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import * as pb from '../src/onnx/gen/onnx_pb.ts'

type Init<T> = Omit<Partial<T>, '$typeName' | '$unknown'>
const Type = pb.AttributeProto_AttributeType

const node = (opType: string, input: string[], output: string[], attribute: pb.AttributeProto[] = [], domain = '') =>
  create(pb.NodeProtoSchema, { opType, input, output, attribute, domain })
const call = (opType: string, input: string[], output: string[], attribute: pb.AttributeProto[] = []) =>
  node(opType, input, output, attribute, 'local')
const float = (name: string, f: number) => create(pb.AttributeProtoSchema, { name, type: Type.FLOAT, f })
const int = (name: string, i: number) => create(pb.AttributeProtoSchema, { name, type: Type.INT, i: BigInt(i) })
const ints = (name: string, items: number[]) => create(pb.AttributeProtoSchema, { name, type: Type.INTS, ints: items.map(BigInt) })
const ref = (name: string, type: pb.AttributeProto_AttributeType, refAttrName = name) =>
  create(pb.AttributeProtoSchema, { name, type, refAttrName })
const graphOf = (name: string, fields: Init<pb.GraphProto>) =>
  create(pb.AttributeProtoSchema, { name, type: Type.GRAPH, g: create(pb.GraphProtoSchema, { name, ...fields }) })
const opsets = (version: number) => [
  create(pb.OperatorSetIdProtoSchema, { version: BigInt(version) }),
  create(pb.OperatorSetIdProtoSchema, { domain: 'local', version: 1n }),
]
const fn = (name: string, input: string[], output: string[], nodes: pb.NodeProto[], more: Init<pb.FunctionProto> = {}) =>
  create(pb.FunctionProtoSchema, { name, domain: 'local', input, output, node: nodes, ...more })

function value(name: string, dims?: number[]): pb.ValueInfoProto {
  const dim = dims?.map((item) => create(pb.TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(item) } }))
  const tensor = create(pb.TypeProto_TensorSchema, { elemType: 1, shape: dim && create(pb.TensorShapeProtoSchema, { dim }) })
  return create(pb.ValueInfoProtoSchema, { name, type: create(pb.TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }) })
}

/** `y = …(x)` for x of 2×3×4. */
function bytesOf(version: number, nodes: pb.NodeProto[], functions: pb.FunctionProto[], own = version): Uint8Array {
  const graph = create(pb.GraphProtoSchema, { name: 'main', input: [value('x', [2, 3, 4])], node: nodes, output: [value('y')] })
  for (const item of functions) if (item.opsetImport.length === 0) item.opsetImport = opsets(own)
  return toBinary(pb.ModelProtoSchema, create(pb.ModelProtoSchema, { irVersion: 8n, opsetImport: opsets(version), graph, functions }))
}

const random = createRandom('functions')
const x = Tensor.float32(
  [2, 3, 4],
  Array.from({ length: 24 }, () => 2 * random.normal()),
)
const called = (nodes: Iterable<Node>): string[] => [...nodes].filter(({ domain }) => domain === 'local').map(({ op }) => op)

async function expectEqual(bytes: Uint8Array): Promise<void> {
  const model = readOnnx(bytes)
  validate(model)
  expect(model.opsets.get('')).toBe(21)
  const [before, after] = [await runModel(bytes, { x }), await runModel(writeOnnx(model), { x })]
  expect(Object.keys(after)).toEqual(Object.keys(before))
  expect([after.y!.type, after.y!.dims]).toEqual([before.y!.type, before.y!.dims])
  expect(after.y!.toNumbers()).toEqual(before.y!.toNumbers())
}

const squash = fn('Squash', ['a'], ['b'], [
  node('Softmax', ['a'], ['t'], [ref('axis', Type.INT)]),
  node('Clip', ['t'], ['b'], [ref('max', Type.FLOAT, 'most'), float('min', 0.01)]),
], { attribute: ['axis'], attributeProto: [float('most', 0.3)] }) // prettier-ignore

describe('a function whose ops changed stands in the place of its calls, and gives the same outputs', () => {
  test.each<[string, number, pb.NodeProto[], pb.FunctionProto[]]>([
    ['once', 9, [call('Squash', ['x'], ['y'])], [squash]],
    ['attributes of the call, and those that it leaves out', 9, [
      call('Squash', ['x'], ['t'], [int('axis', 2)]), call('Squash', ['t'], ['u'], [int('axis', 0), float('most', 0.05)]), node('Add', ['t', 'u'], ['y']),
    ], [squash]], // prettier-ignore
    ['in a function', 9, [call('Outer', ['x'], ['y'])], [
      fn('Outer', ['t'], ['b'], [call('Squash', ['t'], ['u'], [int('axis', 2)]), node('Mul', ['u', 't'], ['b'])]), squash,
    ]], // prettier-ignore
    ['names that the model has, too', 11, [node('Neg', ['x'], ['t']), call('Norm', ['t'], ['u']), node('Add', ['t', 'u'], ['y'])], [
      fn('Norm', ['x'], ['y'], [node('Neg', ['x'], ['t']), node('ReduceSum', ['t'], ['u'], [ints('axes', [1])]), node('Sub', ['x', 'u'], ['y'])]),
    ]], // prettier-ignore
    ['in the branch of an If, with an If in it', 12, [
      node('ReduceMax', ['x'], ['m'], [int('keepdims', 0)]), node('Cast', ['m'], ['c'], [int('to', 9)]),
      node('If', ['c'], ['y'], [
        graphOf('then_branch', { node: [call('Choose', ['x', 'c'], ['p'])], output: [value('p')] }),
        graphOf('else_branch', { node: [node('Neg', ['x'], ['q'])], output: [value('q')] }),
      ]),
    ], [
      fn('Choose', ['a', 'c'], ['b'], [node('If', ['c'], ['b'], [
        graphOf('then_branch', { node: [node('Softmax', ['a'], ['p'])], output: [value('p')] }),
        graphOf('else_branch', { node: [node('Exp', ['a'], ['q'])], output: [value('q')] }),
      ])]),
    ]], // prettier-ignore
  ])('%s', async (_title, version, nodes, functions) => {
    const bytes = bytesOf(version, nodes, functions)
    expect(called(readOnnx(bytes).nodes())).toEqual([])
    expect(fromBinary(pb.ModelProtoSchema, writeOnnx(readOnnx(bytes))).functions).toEqual([])
    await expectEqual(bytes)
  })

  test('also where it is of an older opset than the model: its ops mean what they meant there', async () => {
    // Softmax of opset 9 is over all axes from the first on, that of 13 along the last.
    const nodes = [call('Old', ['x'], ['t']), node('Softmax', ['x'], ['u']), node('Sub', ['t', 'u'], ['y'])]
    const old = bytesOf(13, nodes, [fn('Old', ['a'], ['b'], [node('Softmax', ['a'], ['b'])])], 9)
    const flat = [
      node('Flatten', ['x'], ['f']),
      node('Softmax', ['f'], ['s']),
      node('Shape', ['x'], ['h']),
      node('Reshape', ['s', 'h'], ['t']),
    ]
    const expected = await runModel(bytesOf(13, [...flat, ...nodes.slice(1)], []), { x })
    const given = await runModel(writeOnnx(readOnnx(old)), { x })
    expect(given.y!.toNumbers()).toEqual(expected.y!.toNumbers())
  })

  test('also where an output is an input, an input is left out and nobody takes an output', async () => {
    const body = [
      node('Exp', ['a'], ['c']),
      node('Unsqueeze', ['c'], ['s'], [ints('axes', [0])]),
      node('Squeeze', ['s'], ['d'], [ints('axes', [0])]),
      node('Clip', ['d', 'n'], ['e']),
    ]
    const bytes = bytesOf(
      12,
      [call('Two', ['x'], ['t', '', 'u']), node('Add', ['t', 'u'], ['y'])],
      [fn('Two', ['a', 'n'], ['a', 'd', 'e'], body)],
    )
    const expected = await runModel(bytesOf(12, [node('Exp', ['x'], ['u']), node('Add', ['x', 'u'], ['y'])], []), { x })
    const model = readOnnx(bytes)
    validate(model)
    expect((await runModel(writeOnnx(model), { x })).y!.toNumbers()).toEqual(expected.y!.toNumbers())
  })

  test('and one of a newer opset is left as it is', () => {
    const bytes = bytesOf(12, [call('New', ['x'], ['y'])], [fn('New', ['a'], ['b'], [node('Softmax', ['a'], ['b'])])], 13)
    expect(called(readOnnx(bytes).nodes())).toEqual(['New'])
  })
})

test('a function whose ops mean the same stays a function, and so does every one without an upgrade', async () => {
  const twice = fn('Twice', ['a'], ['b'], [node('Add', ['a', 'a'], ['b'])])
  const bytes = bytesOf(9, [call('Twice', ['x'], ['t']), call('Squash', ['t'], ['y'])], [twice, squash])
  const model = readOnnx(bytes)
  expect(called(model.nodes())).toEqual(['Twice'])
  expect(fromBinary(pb.ModelProtoSchema, writeOnnx(model)).functions.map(({ name }) => name)).toEqual(['Twice'])
  expect(called(readOnnx(bytes, { upgrade: false }).nodes())).toEqual(['Twice', 'Squash'])
  await expectEqual(bytes)
})

describe('functions that would not end are refused by name', () => {
  const clip = node('Clip', ['a'], ['b'])
  const errorOf = (functions: pb.FunctionProto[]): WhittleError => {
    try {
      readOnnx(bytesOf(9, [call('f0', ['x'], ['y'])], functions), { file: 'f.onnx' })
    } catch (error) {
      if (error instanceof WhittleError) return error
      throw error
    }
    throw new Error('nothing was thrown')
  }
  const chain = (length: number, times: number) =>
    Array.from({ length }, (_, level) => {
      const calls = Array.from({ length: times }, (_, index) => call(`f${level + 1}`, ['a'], [index === 0 ? 'b' : `c${index}`]))
      return fn(`f${level}`, ['a'], ['b'], level === length - 1 ? [clip] : calls)
    })

  test('one that calls itself', () => {
    const error = errorOf([
      fn('f0', ['a'], ['b'], [node('Clip', ['a'], ['t']), call('f1', ['t'], ['b'])]),
      fn('f1', ['a'], ['b'], [call('f0', ['a'], ['b'])]),
    ])
    expect(error.code).toBe('FUNCTION_CYCLE')
    expect(error.message).toMatch(/^f\.onnx: function 'f0' calls itself/)
  })

  test('a long chain of calls, and one that doubles', () => {
    expect(errorOf(chain(5000, 1)).message).toMatch(
      /^f\.onnx: function 'f64' has ops .* and is called by 64 functions in each other; export/,
    )
    expect(errorOf(chain(40, 2)).message).toMatch(/^f\.onnx: function 'f\d+' has ops .* and others are called too often; export/)
  })
})
