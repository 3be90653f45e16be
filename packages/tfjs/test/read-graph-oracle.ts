import { type Dim, type Model, Tensor, createRandom } from '@whittle/ir'
import { randomInputs } from '@whittle/testing'
import { type Artifacts, type TfTensor, compare, read, tf, toTf } from './read-oracle.ts'

export interface GraphNode {
  name: string
  op: string
  input?: string[]
  attr?: Record<string, unknown>
}

/** A graph model in code: inputs by shape, constants by name, nodes, and which of them are outputs. */
export interface GraphCase {
  inputs: Record<string, readonly Dim[] | Tensor>
  constants?: Record<string, Tensor>
  nodes: GraphNode[]
  outputs: string[]
  library?: unknown
}

const DTYPES: Readonly<Record<string, string>> = { float32: 'DT_FLOAT', int32: 'DT_INT32', bool: 'DT_BOOL' }

export const attr = {
  i: (value: number) => ({ i: String(value) }),
  f: (value: number) => ({ f: value }),
  b: (value: boolean) => ({ b: value }),
  s: (value: string) => ({ s: Buffer.from(value).toString('base64') }),
  ints: (...values: number[]) => ({ list: { i: values.map(String) } }),
  words: (...values: string[]) => ({ list: { s: values.map((value) => Buffer.from(value).toString('base64')) } }),
  type: (value: string) => ({ type: DTYPES[value] ?? value }),
  func: (name: string) => ({ func: { name } }),
}

export const floats = (dims: number[], ...values: number[]): Tensor => Tensor.float32(dims, values)
export const ints = (...values: number[]): Tensor => Tensor.of('int32', [values.length], values)
export const int = (value: number): Tensor => Tensor.of('int32', [], [value])

/** Constants of normal numbers. */
export function noise(dims: number[], seed = dims.join()): Tensor {
  const random = createRandom(seed)
  return Tensor.float32(
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal() * 0.5),
  )
}

export function artifactsOf({ inputs, constants = {}, nodes, outputs, library }: GraphCase): Artifacts {
  const placeholders = Object.entries(inputs).map(([name, shape]) => ({
    name,
    op: 'Placeholder',
    attr: {
      dtype: attr.type(shape instanceof Tensor ? shape.type : 'float32'),
      shape: { shape: { dim: dimsOf(shape).map((dim) => ({ size: String(typeof dim === 'number' ? dim : -1) })) } },
    },
  }))
  const consts = Object.entries(constants).map(([name, tensor]) => ({
    name,
    op: 'Const',
    attr: { dtype: attr.type(tensor.type), value: { tensor: { dtype: DTYPES[tensor.type] } } },
  }))
  const weights = Object.entries(constants).map(([name, tensor]) => ({ name, shape: tensor.dims, dtype: tensor.type }))
  return {
    json: {
      format: 'graph-model',
      modelTopology: { node: [...placeholders, ...consts, ...nodes], versions: { producer: 1 }, ...(library ? { library } : {}) },
      signature: {
        inputs: Object.fromEntries(
          placeholders.map(({ name, attr: { dtype, shape } }) => [
            name,
            { name: `${name}:0`, dtype: dtype.type, tensorShape: shape.shape },
          ]),
        ),
        outputs: Object.fromEntries(outputs.map((name) => [name, { name: name.includes(':') ? name : `${name}:0` }])),
      },
      weightsManifest: [{ paths: ['weights.bin'], weights }],
    },
    weights: Buffer.concat(Object.values(constants).map((tensor) => tensor.bytes())),
  }
}

function dimsOf(shape: readonly Dim[] | Tensor): readonly Dim[] {
  return shape instanceof Tensor ? shape.dims : shape
}

/** Runs a graph model and what was read of it on the same inputs: random ones, or those that are given. */
export async function expectSameGraph(graph: GraphCase, dims: Record<string, number> = {}): Promise<Model> {
  const artifacts = artifactsOf(graph)
  const own = read(artifacts)
  const inputs = { ...randomInputs(own, createRandom('inputs'), { N: 2, ...dims }) }
  for (const [name, given] of Object.entries(graph.inputs)) if (given instanceof Tensor) inputs[name] = given
  const { modelTopology, signature, weightsManifest } = artifacts.json
  const weightSpecs = (weightsManifest as [{ weights: unknown[] }])[0].weights
  const weightData = artifacts.weights.buffer.slice(
    artifacts.weights.byteOffset,
    artifacts.weights.byteOffset + artifacts.weights.byteLength,
  )
  const oracle = await tf.loadGraphModel({
    load: () => Promise.resolve({ modelTopology, format: 'graph-model', signature, weightSpecs, weightData }),
  })
  const expected = await oracle.executeAsync(
    Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toTf(tensor)])),
    graph.outputs,
  )
  await compare(own, inputs, (Array.isArray(expected) ? expected : [expected]) as TfTensor[])
  return own
}

/** A graph of one node that reads inputs and constants in their order. */
export function node(
  op: string,
  attributes: Record<string, unknown>,
  inputs: Record<string, readonly Dim[] | Tensor>,
  constants: Record<string, Tensor> = {},
  order?: string[],
): GraphCase {
  const input = order ?? [...Object.keys(inputs), ...Object.keys(constants)]
  return { inputs, constants, nodes: [{ name: 'y', op, input, attr: attributes }], outputs: ['y'] }
}
