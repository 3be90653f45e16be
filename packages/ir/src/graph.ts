import { type Attribute, type AttributeLike, asAttribute, graphsOf } from './attribute.ts'
import type { ChannelDistribution } from './distribution.ts'
import type { ElementType } from './element-type.ts'
import { ModelError } from './errors.ts'
import type { Model } from './model.ts'
import type { Quantization } from './quantization.ts'
import { sortNodes } from './sort-nodes.ts'
import type { Tensor } from './tensor.ts'

/** A number, or a symbolic expression such as `N` or `2*N`. */
export type Dim = number | string

/** One place where a value is read: the `index`th input of `node`. */
export interface Use {
  readonly node: Node
  readonly index: number
}

/** An edge of a graph: what a node gives, what the graph is given, or a constant. Edit it through the methods of {@link Graph}. */
export class Value {
  /** Unique in the model. */
  name: string
  /** Unknown until it was read from the file or inferred. */
  elementType: ElementType | undefined
  /** Undefined: the rank is unknown. */
  shape: Dim[] | undefined
  /** What the file says of a value that is no tensor (a sequence, a map, an optional); carried, not understood. */
  opaqueType: unknown
  /** Written by `quantize`, read by the compiler's lowering. */
  quantization: Quantization | undefined
  /** Written by `simplify`, read by `quantize` where it has no data. An edit of the node that gives the value drops it. */
  distribution: ChannelDistribution | undefined
  /** The graph that defines it. */
  readonly graph: Graph

  /** @internal */ _producer: Node | undefined
  /** @internal */ _tensor: Tensor | undefined
  /** @internal */ readonly _uses: Use[] = []
  /** @internal The graphs that give it out, one entry an output. */ readonly _givers: Graph[] = []

  /** @internal Values are made by a {@link Graph}. */
  constructor(graph: Graph, name: string) {
    this.graph = graph
    this.name = name
  }

  /** The node whose output this is; undefined for inputs and initializers. */
  get producer(): Node | undefined {
    return this._producer
  }

  /** The constant's value; undefined for all but initializers. */
  get tensor(): Tensor | undefined {
    return this._tensor
  }

  /** Every input of a node that reads this value, in subgraphs too, in the order in which they were made. */
  get uses(): readonly Use[] {
    return this._uses
  }

  get isInput(): boolean {
    return this.graph.inputs.includes(this)
  }

  /** Whether a graph gives it out: its own, or a subgraph that gives out a value from around it. */
  get isOutput(): boolean {
    return this._givers.length > 0
  }
}

/** An operation. Edit inputs and outputs through the methods of {@link Graph}; attributes may be edited in place. */
export class Node {
  readonly op: string
  /** '' is ai.onnx. */
  readonly domain: string
  /** May be empty; need not be unique. Messages use {@link describe}. */
  name: string
  readonly attributes: Map<string, Attribute>
  readonly graph: Graph
  /** What the file says beyond that; carried, not understood. */
  opaque: unknown

  /** @internal */ readonly _inputs: (Value | undefined)[] = []
  /** @internal */ readonly _outputs: (Value | undefined)[] = []

  /** @internal Nodes are made by a {@link Graph}. */
  constructor(graph: Graph, op: string, domain: string, name: string, attributes: Map<string, Attribute>) {
    this.graph = graph
    this.op = op
    this.domain = domain
    this.name = name
    this.attributes = attributes
  }

  /** Undefined where an optional input is left out. */
  get inputs(): readonly (Value | undefined)[] {
    return this._inputs
  }

  /** Undefined where an optional output is left out. */
  get outputs(): readonly (Value | undefined)[] {
    return this._outputs
  }

  /** The first output. @throws {ModelError} when it was left out. */
  get output(): Value {
    const value = this._outputs[0]
    if (!value) throw new ModelError('NODE_OUTPUT', `${this.describe()} has no first output`)
    return value
  }

  /** The op as the op table names it: `Conv`, `com.microsoft.MatMulNBits`. */
  get type(): string {
    return this.domain === '' ? this.op : `${this.domain}.${this.op}`
  }

  int(name: string, fallback: number): number
  int(name: string): number | undefined
  int(name: string, fallback?: number): number | undefined {
    const attribute = this.attributes.get(name)
    return attribute?.type === 'int' ? Number(attribute.value) : fallback
  }

  ints(name: string): number[] | undefined {
    const attribute = this.attributes.get(name)
    return attribute?.type === 'ints' ? attribute.value.map(Number) : undefined
  }

  float(name: string, fallback: number): number {
    const attribute = this.attributes.get(name)
    return attribute?.type === 'float' ? attribute.value : fallback
  }

  string(name: string, fallback: string): string {
    const attribute = this.attributes.get(name)
    return attribute?.type === 'string' ? attribute.value : fallback
  }

  /** The graphs in this node's attributes. */
  get subgraphs(): Graph[] {
    return [...this.attributes.values()].flatMap((attribute) =>
      attribute.type === 'graph' || attribute.type === 'graphs' ? graphsOf(attribute) : [],
    )
  }

  /** For messages: `Conv 'conv1'`, or by its output where it has no name. */
  describe(): string {
    const label = this.name || this._outputs.find((output) => output !== undefined)?.name || '?'
    return `${this.type} '${label}'`
  }
}

/** What {@link Graph.addNode} takes. */
export interface NodeSpec {
  op: string
  domain?: string
  name?: string
  inputs: (Value | undefined)[]
  /** Names of the outputs; '' leaves an optional one out. By default one output, named after the op. Taken names get a suffix. */
  outputs?: string[]
  attributes?: Record<string, AttributeLike> | Map<string, Attribute>
  /** Puts the node before this one; by default at the end. */
  before?: Node
}

/** Nodes in topological order, and the values that they read and give. */
export class Graph {
  name: string
  readonly model: Model
  /** The node whose attribute owns this graph; undefined for the model's own. */
  owner: Node | undefined
  /** What the file says beyond that; carried, not understood. */
  opaque: unknown

  readonly #inputs: Value[] = []
  readonly #outputs: Value[] = []
  readonly #initializers = new Set<Value>()
  #nodes: Node[] = []
  /** Nodes that were removed and still are in `#nodes`: they leave it together, so that removing many takes linear time. */
  readonly #removed = new Set<Node>()

  /** @internal Graphs are made by {@link Model} and {@link Graph.addSubgraph}. */
  constructor(model: Model, name: string, owner?: Node) {
    this.model = model
    this.name = name
    this.owner = owner
  }

  get inputs(): readonly Value[] {
    return this.#inputs
  }

  get outputs(): readonly Value[] {
    return this.#outputs
  }

  /** In topological order. A copy is not made: take one before you edit while iterating. */
  get nodes(): readonly Node[] {
    if (this.#removed.size > 0) {
      this.#nodes = this.#nodes.filter((node) => !this.#removed.has(node))
      this.#removed.clear()
    }
    return this.#nodes
  }

  /** The constants, in the order in which they were added. */
  get initializers(): ReadonlySet<Value> {
    return this.#initializers
  }

  addInput(name: string, elementType?: ElementType, shape?: Dim[]): Value {
    const value = this.#newValue(name)
    value.elementType = elementType
    value.shape = shape
    this.#inputs.push(value)
    return value
  }

  /** Adds a constant. A taken name gets a suffix. */
  addInitializer(name: string, tensor: Tensor): Value {
    const value = this.#newValue(this.model.uniqueName(name))
    this.#initializers.add(value)
    setConstant(value, tensor)
    return value
  }

  /** Puts another tensor in the place of an initializer's. What described the old one, or what those who read it give, is dropped. */
  setTensor(value: Value, tensor: Tensor): void {
    if (!this.#initializers.has(value)) throw new ModelError('GRAPH_EDIT', `'${value.name}' is not an initializer of graph '${this.name}'`)
    setConstant(value, tensor)
    value.quantization = undefined
    for (const { node } of value._uses) forget(node)
  }

  /** @throws {ModelError} when it is still used. */
  removeInitializer(value: Value): void {
    if (value._uses.length > 0 || value.isOutput)
      throw new ModelError('GRAPH_EDIT', `initializer '${value.name}' cannot be removed: it is still used`)
    if (this.#initializers.delete(value)) {
      value._tensor = undefined
      const input = this.#inputs.indexOf(value)
      if (input < 0) this.model._release(value.name)
    }
  }

  /** Gives a graph input a default value (ONNX allows an initializer of the same name), or makes a constant of one that has it. */
  setInputDefault(value: Value, tensor: Tensor): void {
    this.#initializers.add(value)
    setConstant(value, tensor)
  }

  /** Removes an input: with a default it stays as a constant, else it must be unused. */
  removeInput(value: Value): void {
    const index = this.#inputs.indexOf(value)
    if (index < 0) throw new ModelError('GRAPH_EDIT', `'${value.name}' is not an input of graph '${this.name}'`)
    if (!value._tensor && (value._uses.length > 0 || value.isOutput))
      throw new ModelError('GRAPH_EDIT', `input '${value.name}' cannot be removed: it is still used`)
    this.#inputs.splice(index, 1)
    if (!value._tensor) this.model._release(value.name)
  }

  addOutput(value: Value): void {
    this.#outputs.push(value)
    value._givers.push(this)
  }

  /** Replaces all outputs. */
  setOutputs(values: readonly Value[]): void {
    for (const value of this.#outputs) value._givers.splice(value._givers.indexOf(this), 1)
    this.#outputs.length = 0
    for (const value of values) this.addOutput(value)
  }

  /** Adds a node and the values that it gives. */
  addNode(spec: NodeSpec): Node {
    const attributes =
      spec.attributes instanceof Map
        ? new Map(spec.attributes)
        : new Map(Object.entries(spec.attributes ?? {}).map(([key, value]) => [key, asAttribute(value)]))
    const node = new Node(this, spec.op, spec.domain ?? '', spec.name ?? '', attributes)
    spec.inputs.forEach((value, index) => {
      node._inputs.push(value)
      value?._uses.push({ node, index })
    })
    for (const name of spec.outputs ?? [`${spec.op}_output`]) {
      if (name === '') {
        node._outputs.push(undefined)
        continue
      }
      const value = this.#newValue(this.model.uniqueName(name))
      value._producer = node
      node._outputs.push(value)
    }
    if (spec.before) {
      const index = this.#nodes.indexOf(spec.before)
      if (index < 0 || this.#removed.has(spec.before))
        throw new ModelError('GRAPH_EDIT', `${spec.before.describe()} is not in graph '${this.name}'`)
      this.#nodes.splice(index, 0, node)
    } else this.#nodes.push(node)
    return node
  }

  /** Makes a graph that an attribute of `owner` can own. The caller puts it there. */
  addSubgraph(owner: Node, name: string): Graph {
    return new Graph(this.model, name, owner)
  }

  /** Replaces the `index`th input of `node`; trailing inputs that are left out are dropped. */
  setInput(node: Node, index: number, value: Value | undefined): void {
    this.#connect(node, index, value)
    forget(node)
  }

  #connect(node: Node, index: number, value: Value | undefined): void {
    const before = node._inputs[index]
    if (before) removeUse(before, node, index)
    while (node._inputs.length <= index) node._inputs.push(undefined)
    node._inputs[index] = value
    value?._uses.push({ node, index })
    while (node._inputs.length > 0 && node._inputs.at(-1) === undefined) node._inputs.pop()
  }

  /** Removes a node whose outputs nobody reads, the subgraphs that it owns with it. @throws {ModelError} when one is read. */
  removeNode(node: Node): void {
    for (const output of node._outputs)
      if (output && (output._uses.length > 0 || output.isOutput))
        throw new ModelError('GRAPH_EDIT', `${node.describe()} cannot be removed: '${output.name}' is still used`)
    for (const graph of node.subgraphs) graph._clear()
    node._inputs.forEach((value, index) => value && removeUse(value, node, index))
    node._inputs.length = 0
    for (const output of node._outputs) if (output) this.model._release(output.name)
    this.#removed.add(node)
  }

  /**
   * Makes all who read `from` read `to`, and subgraphs that give it out give out `to`. Where `from` is an output of its own graph, the output
   * keeps its name: `to` takes it over.
   * @returns false, and changes nothing, where that is impossible: `to` is itself an input, a constant, an output or of another graph.
   */
  replaceUses(from: Value, to: Value): boolean {
    if (from === to) return true
    const own = from.graph
    if (from._givers.includes(own)) {
      if (to._givers.includes(to.graph) || !to._producer || to.graph !== own) return false
      const name = from.name
      this.model.rename(from, this.model.uniqueName(`${name}_replaced`))
      this.model.rename(to, name)
      to.shape ??= from.shape
      to.elementType ??= from.elementType
    }
    for (const giver of new Set(from._givers)) giver.setOutputs(giver.outputs.map((output) => (output === from ? to : output)))
    // It stands for the same, so that what is known of those who read it still holds.
    for (const { node, index } of [...from._uses]) this.#connect(node, index, to)
    return true
  }

  /**
   * Puts the nodes into topological order: each is moved, where need be, to just before the first that reads it. A sorted graph stays as
   * it is. Subgraphs are not sorted.
   * @throws {ModelError} naming a cycle's nodes.
   */
  sort(): void {
    this.#nodes = sortNodes(this)
  }

  /** @internal Lets go of everything, uses of outer values included. */
  _clear(): void {
    this.setOutputs([])
    for (const node of [...this.nodes].reverse()) {
      for (const output of node._outputs) if (output) output._uses.length = 0
      this.removeNode(node)
    }
    for (const value of [...this.#initializers, ...this.#inputs]) this.model._release(value.name)
    this.#initializers.clear()
    this.#inputs.length = 0
  }

  #newValue(name: string): Value {
    this.model._take(name, this)
    return new Value(this, name)
  }
}

function setConstant(value: Value, tensor: Tensor): void {
  value._tensor = tensor
  value.elementType = tensor.type
  value.shape = [...tensor.dims]
}

/** What was known of a node's outputs may hold no longer. */
function forget(node: Node): void {
  for (const output of node._outputs) if (output) output.distribution = undefined
}

function removeUse(value: Value, node: Node, index: number): void {
  const at = value._uses.findIndex((use) => use.node === node && use.index === index)
  if (at >= 0) value._uses.splice(at, 1)
}
