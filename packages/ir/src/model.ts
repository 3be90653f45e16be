import { copyGraph } from './copy-graph.ts'
import { ModelError } from './errors.ts'
import { Graph, type Node, type Value } from './graph.ts'

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
  /** The first suffix of a name that may be free: subgraphs by the thousand may share names. */
  readonly #suffixes = new Map<string, number>()

  constructor(graphName = 'graph', opset = INNER_OPSET) {
    this.graph = new Graph(this, graphName)
    this.opsets = new Map([['', opset]])
    this.metadata = { producerName: '', producerVersion: '', domain: '', modelVersion: 0, docString: '', properties: new Map() }
  }

  /** `hint` where it is free, else `hint_1` and so on. The name is not reserved. */
  uniqueName(hint: string): string {
    if (!this.#names.has(hint)) return hint
    let suffix = this.#suffixes.get(hint) ?? 1
    while (this.#names.has(`${hint}_${suffix}`)) suffix++
    this.#suffixes.set(hint, suffix)
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
    const [, hint, suffix] = /^(.*)_([1-9]\d*)$/s.exec(name) ?? []
    if (hint !== undefined && Number(suffix) < (this.#suffixes.get(hint) ?? 0)) this.#suffixes.set(hint, Number(suffix))
  }
}

/** The version of ai.onnx that every model has inside Whittle: the reader upgrades to it. */
export const INNER_OPSET = 21
