import { ModelError, WhittleError } from '../errors.ts'
import { type Graph, type Node, type Value } from '../graph.ts'
import { Model } from '../model.ts'
import { CarriedGraph, CarriedModel, CarriedNode } from './carried.ts'
import { decodeModel } from './decode.ts'
import { ExternalData, type OpenExternal } from './external.ts'
import type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from './gen/onnx_pb.ts'
import { readAttribute } from './read-attribute.ts'
import { readTensor } from './read-tensor.ts'
import { readType } from './read-type.ts'
import { sparseConstant } from './sparse.ts'
import { upgradeModel, upgradeRules } from './upgrade/index.ts'
import { inlineFunctions } from './upgrade/inline.ts'

export interface ReadOptions {
  /** Names the file in messages. */
  file?: string
  /** Gives the whole of an external data file; `location` is relative to the model and was checked to stay in its folder. */
  external?: (location: string) => Uint8Array
  /** False keeps the file's operator set; by default ai.onnx is upgraded to `INNER_OPSET`. */
  upgrade?: boolean
}

/**
 * Reads an ONNX model. Raw weights stay views of `bytes`, so these may not change afterwards.
 *
 * `Constant` nodes stay nodes. An initializer that is also an input is an input with a default, except in files before IR version 4:
 * those had to list every weight as an input, so there it is a constant. Names that siblings among subgraphs share get a suffix.
 * A free dimension without a name is named after its value and axis.
 * @throws {ModelError} when the file is no model or contradicts itself; {@link UnsupportedError} when this version cannot handle it.
 */
export function readOnnx(bytes: Uint8Array, options: ReadOptions = {}): Model {
  const { external } = options
  const open: OpenExternal | undefined = external && ((location) => fileOf(external(location)))
  return readModel(bytes, options.file ?? 'model', open, options.upgrade ?? true)
}

function fileOf(bytes: Uint8Array): ReturnType<OpenExternal> {
  return { size: bytes.length, read: (offset, length) => new Uint8Array(bytes.buffer, bytes.byteOffset + offset, length) }
}

/** @internal What both ways of reading share. */
export function readModel(bytes: Uint8Array, file: string, open: OpenExternal | undefined, upgrade: boolean): Model {
  // Not a Buffer, whose slice() is no copy.
  const decoded = decodeModel(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), file)
  const model = new Model(decoded.graph!.name)
  try {
    const { proto, versions } = upgrade
      ? inlineFunctions(decoded, upgradeRules)
      : { proto: decoded, versions: new Map<NodeProto, number>() }
    readHeader(proto, model, upgrade)
    const reader = new GraphReader(model, Number(proto.irVersion), file, new ExternalData(file, open), versions)
    reader.read(proto.graph!, model.graph, [])
    for (const graph of model.graphs()) graph.sort()
    if (upgrade) upgradeModel(model, reader.versions)
  } catch (error) {
    if (error instanceof WhittleError && !error.message.startsWith(file)) error.message = `${file}: ${error.message}`
    throw error
  }
  return model
}

function readHeader(proto: ModelProto, model: Model, upgrade: boolean): void {
  model.opsets.clear()
  for (const { domain, version } of proto.opsetImport) {
    if (version < 0n || version > Number.MAX_SAFE_INTEGER)
      throw new ModelError('MODEL_OPSET', `version ${version} of operator set '${domain || 'ai.onnx'}' cannot be; export the model again`)
    model.opsets.set(domain === 'ai.onnx' ? '' : domain, Number(version))
  }
  Object.assign(model.metadata, {
    producerName: proto.producerName,
    producerVersion: proto.producerVersion,
    domain: proto.domain,
    modelVersion: Number(proto.modelVersion),
    docString: proto.docString,
    properties: new Map(proto.metadataProps.map(({ key, value }) => [key, value])),
  })
  const { graph: _graph, opsetImport: _opsets, metadataProps: _props, ...rest } = proto
  model.opaque = new CarriedModel(rest, upgrade ? undefined : (model.opsets.get('') ?? 0))
}

/** Names of one graph and of those around it, innermost first. */
type Scopes = readonly ReadonlyMap<string, Value>[]

class GraphReader {
  /** Of nodes that stood in a function of another version of ai.onnx. */
  readonly versions = new Map<Node, number>()
  readonly #versions: ReadonlyMap<NodeProto, number>
  readonly #model: Model
  readonly #irVersion: number
  readonly #file: string
  readonly #external: ExternalData

  constructor(model: Model, irVersion: number, file: string, external: ExternalData, versions: ReadonlyMap<NodeProto, number>) {
    this.#versions = versions
    this.#model = model
    this.#irVersion = irVersion
    this.#file = file
    this.#external = external
  }

  /** All values first, then what reads them: nodes may stand in any order, and subgraphs may read what comes later. */
  read(proto: GraphProto, graph: Graph, outer: Scopes): void {
    graph.name = proto.name
    const values = new Map<string, Value>()
    const define = (name: string, make: (free: string) => Value): Value => {
      if (values.has(name))
        throw new ModelError('GRAPH_NAME_TWICE', `graph '${graph.name}' defines '${name}' twice; export the model again`)
      if (name === '')
        throw new ModelError('GRAPH_NAME_EMPTY', `graph '${graph.name}' has an input or initializer without a name; export the model again`)
      const value = make(this.#model.uniqueName(name))
      values.set(name, value)
      return value
    }
    this.#readConstants(proto, graph, define, values)
    const nodes = proto.node.map((node) => [node, this.#addNode(node, graph, define)] as const)
    for (const info of proto.valueInfo) {
      const value = values.get(info.name)
      if (value?.producer) readType(value, info.type)
    }
    const scopes = [values, ...outer]
    for (const [nodeProto, node] of nodes) this.#connect(nodeProto, node, graph, scopes)
    const renamed = new Map<string, ValueInfoProto>()
    for (const info of [...proto.input, ...proto.valueInfo]) {
      const value = values.get(info.name)
      if (value && !renamed.has(value.name)) renamed.set(value.name, info)
    }
    for (const info of proto.output) {
      const value = find(info.name, scopes)
      if (!value)
        throw new ModelError(
          'GRAPH_OUTPUT_MISSING',
          `output '${info.name}' of graph '${graph.name}' is given by no node; export the model again`,
        )
      // What an input that is given out is, may be said of the output alone.
      if (value.graph === graph && (value.producer || !(value.elementType ?? value.opaqueType))) readType(value, info.type)
      // A subgraph that hands on an outer value does it by an Identity, which runtimes ask for as well.
      const given = value.graph === graph ? value : graph.addNode({ op: 'Identity', inputs: [value], outputs: [info.name] }).output
      graph.addOutput(given)
      renamed.set(given.name, info)
    }
    graph.opaque = carriedGraph(proto, renamed)
  }

  #readConstants(
    proto: GraphProto,
    graph: Graph,
    define: (name: string, make: (free: string) => Value) => Value,
    values: Map<string, Value>,
  ): void {
    const constants = new Map(proto.initializer.map((tensor) => [tensor.name, tensor]))
    if (constants.size < proto.initializer.length) {
      const twice = proto.initializer.find((tensor) => constants.get(tensor.name) !== tensor)!
      throw new ModelError('GRAPH_NAME_TWICE', `graph '${graph.name}' defines '${twice.name}' twice; export the model again`)
    }
    for (const info of proto.input) {
      if (this.#irVersion < 4 && constants.has(info.name)) continue
      readType(
        define(info.name, (free) => graph.addInput(free)),
        info.type,
      )
    }
    for (const [name, tensorProto] of constants) {
      const tensor = readTensor(tensorProto, this.#place(`initializer '${name}'`))
      const input = values.get(name)
      if (input) graph.setInputDefault(input, tensor)
      else define(name, (free) => graph.addInitializer(free, tensor))
    }
    for (const sparse of proto.sparseInitializer) define(sparse.values?.name ?? '', (free) => sparseConstant(graph, free, sparse))
  }

  #addNode(proto: NodeProto, graph: Graph, define: (name: string, make: (free: string) => Value) => Value): Node {
    const outputs = [...proto.output]
    while (outputs.at(-1) === '') outputs.pop()
    const domain = proto.domain === 'ai.onnx' ? '' : proto.domain
    const node = graph.addNode({
      op: proto.opType,
      domain,
      name: proto.name,
      inputs: [],
      outputs: outputs.map((name) => name && this.#model.uniqueName(name)),
    })
    outputs.forEach((name, index) => name && define(name, () => node.outputs[index]!))
    const version = this.#versions.get(proto)
    if (version !== undefined) this.versions.set(node, version)
    const { input: _i, output: _o, attribute: _a, name: _n, opType: _t, domain: _d, ...rest } = proto
    if (Object.keys(rest).some((key) => key !== '$typeName' && !isEmpty(rest[key as keyof typeof rest])))
      node.opaque = new CarriedNode(rest)
    return node
  }

  #connect(proto: NodeProto, node: Node, graph: Graph, scopes: Scopes): void {
    proto.input.forEach((name, index) => {
      if (name === '') return
      const value = find(name, scopes)
      if (!value)
        throw new ModelError(
          'NODE_INPUT_MISSING',
          `${node.describe()} reads '${name}', which no node, input or initializer gives; export the model again`,
        )
      graph.setInput(node, index, value)
    })
    for (const attribute of proto.attribute) {
      if (node.attributes.has(attribute.name))
        throw new ModelError('NODE_ATTRIBUTE_TWICE', `${node.describe()} has two attributes '${attribute.name}'; export the model again`)
      const place = this.#place(`attribute '${attribute.name}' of ${node.describe()}`)
      const readGraph = (inner: GraphProto): Graph => {
        const subgraph = graph.addSubgraph(node, inner.name)
        this.read(inner, subgraph, scopes)
        return subgraph
      }
      node.attributes.set(attribute.name, readAttribute(attribute, place, readGraph))
    }
  }

  #place(what: string): { file: string; what: string; external: ExternalData } {
    return { file: this.#file, what, external: this.#external }
  }
}

function find(name: string, scopes: Scopes): Value | undefined {
  for (const scope of scopes) {
    const value = scope.get(name)
    if (value) return value
  }
  return undefined
}

function carriedGraph(proto: GraphProto, values: ReadonlyMap<string, ValueInfoProto>): CarriedGraph {
  const { node: _n, name: _a, initializer: _i, sparseInitializer: _s, input: _in, output: _o, valueInfo: _v, ...rest } = proto
  return new CarriedGraph(rest, values)
}

function isEmpty(field: unknown): boolean {
  return field === undefined || field === '' || (Array.isArray(field) && field.length === 0)
}
