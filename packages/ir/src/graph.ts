import { type Attribute, type AttributeLike, asAttribute, graphsOf } from './attribute.ts'
import type { ElementType } from './element-type.ts'
import { ModelError } from './errors.ts'
import type { Quantization } from './quantization.ts'
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
  /** The graph that defines it. */
  readonly graph: Graph

  /** @internal */ _producer: Node | undefined
  /** @internal */ _tensor: Tensor | undefined
  /** @internal */ readonly _uses: Use[] = []

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

  get isOutput(): boolean {
    return this.graph.outputs.includes(this)
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
    const found: Graph[] = []
    for (const attribute of this.attributes.values())
      if (attribute.type === 'graph' || attribute.type === 'graphs') found.push(...graphsOf(attribute))
    return found
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

  /** Puts another tensor in the place of an initializer's. The quantization that described the old one is dropped. */
  setTensor(value: Value, tensor: Tensor): void {
    if (!this.#initializers.has(value)) throw new ModelError('GRAPH_EDIT', `'${value.name}' is not an initializer of graph '${this.name}'`)
    setConstant(value, tensor)
    value.quantization = undefined
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
  }

  /** Replaces all outputs. */
  setOutputs(values: readonly Value[]): void {
    this.#outputs.splice(0, this.#outputs.length, ...values)
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
      if (index < 0) throw new ModelError('GRAPH_EDIT', `${spec.before.describe()} is not in graph '${this.name}'`)
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
    this.#nodes = this.#nodes.filter((other) => other !== node)
  }

  /**
   * Makes all who read `from` read `to`. Where `from` is an output of its graph, the output keeps its name: `to` takes it over.
   * @returns false, and changes nothing, where that is impossible: `to` is itself an input, a constant, an output or of another graph.
   */
  replaceUses(from: Value, to: Value): boolean {
    if (from === to) return true
    if (from.isOutput) {
      if (to.isOutput || !to._producer || to.graph !== from.graph) return false
      const name = from.name
      this.model.rename(from, this.model.uniqueName(`${name}_replaced`))
      this.model.rename(to, name)
      to.shape ??= from.shape
      to.elementType ??= from.elementType
      const outputs = from.graph.#outputs
      outputs.forEach((output, index) => {
        if (output === from) outputs[index] = to
      })
    }
    for (const { node, index } of [...from._uses]) this.setInput(node, index, to)
    return true
  }

  /**
   * Puts the nodes into topological order: each is moved, where need be, to just before the first that reads it. A sorted graph stays as
   * it is. Subgraphs are not sorted.
   * @throws {ModelError} naming a cycle's nodes.
   */
  sort(): void {
    const position = new Map(this.#nodes.map((node, index) => [node, index]))
    const sources = (node: Node): Node[] => {
      const producers = new Set<Node>()
      for (const { _producer: producer } of valuesRead(node)) if (producer && position.has(producer)) producers.add(producer)
      return [...producers].sort((a, b) => position.get(a)! - position.get(b)!).reverse()
    }
    const sorted = new Set<Node>()
    for (const root of this.#nodes) {
      if (sorted.has(root)) continue
      // Depth first, by hand: graphs are deeper than the call stack.
      const path = [root]
      const open = new Map([[root, sources(root)]])
      while (path.length > 0) {
        const node = path.at(-1)!
        const next = open.get(node)!.pop()
        if (!next) {
          sorted.add(node)
          open.delete(node)
          path.pop()
        } else if (open.has(next)) throw this.#cycle(path, next)
        else if (!sorted.has(next)) {
          open.set(next, sources(next))
          path.push(next)
        }
      }
    }
    this.#nodes = [...sorted]
  }

  #cycle(path: readonly Node[], from: Node): ModelError {
    const names = path.slice(path.indexOf(from)).map((node) => node.describe())
    const shown = names.length > 6 ? [...names.slice(0, 5), `${names.length - 5} more`] : names
    const what = names.length === 1 ? `${shown[0]} reads its own output` : `it goes through ${shown.join(', ')}`
    return new ModelError('GRAPH_CYCLE', `graph '${this.name}' has a cycle: ${what}`)
  }

  /** @internal Lets go of everything, uses of outer values included. */
  _clear(): void {
    this.#outputs.length = 0
    for (const node of [...this.#nodes].reverse()) {
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

/** What the file says of itself: carried through and written back. */
export interface ModelMetadata {
  producerName: string
  producerVersion: string
  domain: string
  modelVersion: number
  docString: string
  properties: Map<string, string>
}

/** A neural network: one graph, the operator sets that it uses, and what the file says of itself. */
export class Model {
  readonly graph: Graph
  /** Version by domain; '' is ai.onnx. */
  readonly opsets: Map<string, number>
  readonly metadata: ModelMetadata
  /** What the file says beyond that (model-local functions, training info); carried, not understood. */
  opaque: unknown
  readonly #names = new Set<string>()

  constructor(graphName = 'graph', opset = INNER_OPSET) {
    this.graph = new Graph(this, graphName)
    this.opsets = new Map([['', opset]])
    this.metadata = { producerName: '', producerVersion: '', domain: '', modelVersion: 0, docString: '', properties: new Map() }
  }

  /** `hint` where it is free, else `hint_1` and so on. The name is not reserved. */
  uniqueName(hint: string): string {
    if (!this.#names.has(hint)) return hint
    let suffix = 1
    while (this.#names.has(`${hint}_${suffix}`)) suffix++
    return `${hint}_${suffix}`
  }

  /** @throws {ModelError} when the name is taken. */
  rename(value: Value, name: string): void {
    if (value.name === name) return
    this._take(name, value.graph)
    this._release(value.name)
    value.name = name
  }

  /** Every graph, subgraphs after the node that owns them. */
  *graphs(from: Graph = this.graph): Generator<Graph> {
    yield from
    for (const node of from.nodes) for (const graph of node.subgraphs) yield* this.graphs(graph)
  }

  /** Every node, those of subgraphs after the node that owns them. */
  *nodes(): Generator<Node> {
    for (const graph of this.graphs()) yield* graph.nodes
  }

  /** Every initializer of every graph. */
  *initializers(): Generator<Value> {
    for (const graph of this.graphs()) yield* graph.initializers
  }

  /** A deep copy. Tensors are shared: they never change. */
  clone(): Model {
    const copy = new Model(this.graph.name)
    copy.opsets.clear()
    for (const [domain, version] of this.opsets) copy.opsets.set(domain, version)
    Object.assign(copy.metadata, this.metadata, { properties: new Map(this.metadata.properties) })
    copy.opaque = this.opaque
    copyGraph(this.graph, copy.graph, new Map())
    return copy
  }

  /** @internal */ _take(name: string, graph: Graph): void {
    if (this.#names.has(name)) throw new ModelError('NAME_TAKEN', `graph '${graph.name}' defines '${name}', which is defined already`)
    this.#names.add(name)
  }

  /** @internal */ _release(name: string): void {
    this.#names.delete(name)
  }
}

/** The version of ai.onnx that every model has inside Whittle: the reader upgrades to it. */
export const INNER_OPSET = 21

/** The values that a node reads, those that its subgraphs read from outside of them included. */
export function valuesRead(node: Node): Set<Value> {
  const read = new Set<Value>()
  for (const value of node.inputs) if (value) read.add(value)
  for (const graph of node.subgraphs) {
    for (const inner of graph.nodes) for (const value of valuesRead(inner)) if (value.graph !== graph) read.add(value)
    for (const output of graph.outputs) if (output.graph !== graph) read.add(output)
  }
  return read
}

function setConstant(value: Value, tensor: Tensor): void {
  value._tensor = tensor
  value.elementType = tensor.type
  value.shape = [...tensor.dims]
}

function removeUse(value: Value, node: Node, index: number): void {
  const at = value._uses.findIndex((use) => use.node === node && use.index === index)
  if (at >= 0) value._uses.splice(at, 1)
}

function copyGraph(from: Graph, to: Graph, values: Map<Value, Value>): void {
  const copyFacts = (source: Value, target: Value): void => {
    values.set(source, target)
    target.elementType = source.elementType
    target.shape = source.shape && [...source.shape]
    target.opaqueType = source.opaqueType
    target.quantization = source.quantization
  }
  to.opaque = from.opaque
  for (const input of from.inputs) {
    const copy = to.addInput(input.name)
    if (input.tensor) to.setInputDefault(copy, input.tensor)
    copyFacts(input, copy)
  }
  for (const value of from.initializers) if (!values.has(value)) copyFacts(value, to.addInitializer(value.name, value.tensor!))
  for (const node of from.nodes) {
    const copy = to.addNode({
      op: node.op,
      domain: node.domain,
      name: node.name,
      inputs: node.inputs.map((input) => input && mapped(values, input)),
      outputs: node.outputs.map((output) => output?.name ?? ''),
    })
    copy.opaque = node.opaque
    node.outputs.forEach((output, index) => output && copyFacts(output, copy.outputs[index]!))
    for (const [key, attribute] of node.attributes) {
      const copySubgraph = (graph: Graph): Graph => {
        const subgraph = to.addSubgraph(copy, graph.name)
        copyGraph(graph, subgraph, values)
        return subgraph
      }
      if (attribute.type === 'graph') copy.attributes.set(key, { type: 'graph', value: copySubgraph(attribute.value) })
      else if (attribute.type === 'graphs') copy.attributes.set(key, { type: 'graphs', value: attribute.value.map(copySubgraph) })
      else copy.attributes.set(key, attribute)
    }
  }
  for (const output of from.outputs) to.addOutput(mapped(values, output))
}

function mapped(values: Map<Value, Value>, value: Value): Value {
  const copy = values.get(value)
  if (!copy) throw new ModelError('GRAPH_ORDER', `'${value.name}' is read before it is defined`)
  return copy
}
