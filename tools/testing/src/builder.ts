import { type AttributeLike, type Dim, type ElementType, type Graph, Model, type Node, type Random, Tensor, type Value } from '@whittle/ir'
import { createRandom, inferShapes } from '@whittle/ir'

/** What a node may be given beside its inputs and attributes. */
export interface NodeOptions {
  name?: string
  domain?: string
  /** Names of the outputs; '' leaves one out. */
  outputs?: string[]
}

/** Builds one graph; every method can be taken out of it. */
export interface GraphBuilder {
  readonly graph: Graph
  /** Seeded: the same model each time. */
  readonly rng: Random
  input(name: string, shape: Dim[], type?: ElementType): Value
  /** An initializer; numbers are float32. */
  constant(name: string, tensor: Tensor | number | readonly number[]): Value
  /** The same as the output of a `Constant` node. */
  constantNode(name: string, tensor: Tensor): Value
  /** A float32 tensor of normal numbers times `scale`, by default one over the square root of all but the first dim. */
  random(dims: readonly number[], scale?: number): Tensor
  /** An initializer of random numbers. */
  weight(name: string, dims: readonly number[], scale?: number): Value
  int64(values: readonly number[]): Tensor
  /** Adds a node and gives its first output. */
  node(op: string, inputs: (Value | undefined)[], attributes?: Record<string, AttributeLike>, options?: NodeOptions): Value
  /** Adds a node and gives all of its outputs. */
  nodes(op: string, inputs: (Value | undefined)[], attributes: Record<string, AttributeLike>, options: NodeOptions): Value[]
  /** Adds an `If`; each branch gives its one output. */
  branches(condition: Value, yes: (builder: GraphBuilder) => Value, no: (builder: GraphBuilder) => Value): Value
  /** Makes a value an output of the graph, under a name of its own where one is given. */
  output(value: Value, name?: string): Value
}

/** Builds a model in code, with its shapes inferred. */
export function buildModel(build: (builder: GraphBuilder) => void, seed = 'model'): Model {
  const model = new Model('main')
  build(builderOf(model.graph, createRandom(seed)))
  inferShapes(model)
  return model
}

function builderOf(graph: Graph, rng: Random): GraphBuilder {
  const { model } = graph
  const addNode = (
    op: string,
    inputs: (Value | undefined)[],
    attributes: Record<string, AttributeLike> = {},
    options: NodeOptions = {},
  ): Node => graph.addNode({ op, inputs, attributes, ...options, outputs: options.outputs ?? [`${op.toLowerCase()}_out`] })
  const random = (dims: readonly number[], scale?: number): Tensor => {
    const size = dims.reduce((product, dim) => product * dim, 1)
    const factor = scale ?? 1 / Math.sqrt(Math.max(1, size / (dims[0] ?? 1)))
    return Tensor.float32(
      dims,
      Float32Array.from({ length: size }, () => rng.normal() * factor),
    )
  }
  const constant = (name: string, tensor: Tensor | number | readonly number[]): Value => {
    if (typeof tensor === 'number') return graph.addInitializer(name, Tensor.float32([], [tensor]))
    return graph.addInitializer(name, tensor instanceof Tensor ? tensor : Tensor.float32([tensor.length], tensor))
  }
  return {
    graph,
    rng,
    random,
    constant,
    input: (name, shape, type = 'float32') => graph.addInput(name, type, shape),
    constantNode: (name, tensor) => addNode('Constant', [], { value: { type: 'tensor', value: tensor } }, { outputs: [name] }).output,
    weight: (name, dims, scale) => constant(name, random(dims, scale)),
    int64: (values) => Tensor.int64([values.length], values),
    node: (op, inputs, attributes, options) => addNode(op, inputs, attributes, options).output,
    nodes: (op, inputs, attributes, options) => addNode(op, inputs, attributes, options).outputs.filter((value) => value !== undefined),
    branches(condition, yes, no) {
      const node = addNode('If', [condition])
      for (const [name, build] of Object.entries({ then_branch: yes, else_branch: no })) {
        const subgraph = graph.addSubgraph(node, name)
        subgraph.addOutput(build(builderOf(subgraph, rng)))
        node.attributes.set(name, { type: 'graph', value: subgraph })
      }
      return node.output
    },
    output(value, name) {
      if (name !== undefined) model.rename(value, name)
      graph.addOutput(value)
      return value
    },
  }
}
