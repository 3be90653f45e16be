import { create } from '@bufbuild/protobuf'
import { ModelError, UnsupportedError } from '../../errors.ts'
import { INNER_OPSET } from '../../model.ts'
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  SparseTensorProtoSchema,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../gen/onnx_pb.ts'
import type { Rule } from './context.ts'
import { definedIn, isOnnx, keyOf, nodesOf, sizeOf, versionOf } from './function-parts.ts'

/** Functions may call functions so deep; what calls itself comes here, too. */
const DEPTH = 64
/** Names and items of lists that all calls together may become: a function that calls another twice, and so on, has millions. */
const SIZE = 600_000

/** A model without the functions that the upgrade would have to rewrite, and the version of ai.onnx of each node that stood in one. */
export interface Inlined {
  readonly proto: ModelProto
  readonly versions: ReadonlyMap<NodeProto, number>
}

/**
 * Puts the bodies of functions in the place of their calls, where an op of the body changed its meaning up to `INNER_OPSET`: inside of a
 * function neither types nor attributes are known that the rewriting asks for. Functions that the upgrade leaves as they are stay.
 * @throws {ModelError} for a function that calls itself; {@link UnsupportedError} where the bodies are too many.
 */
export function inlineFunctions(proto: ModelProto, rules: Readonly<Record<string, readonly Rule[]>>): Inlined {
  const main = versionOf(proto.opsetImport)
  if (proto.functions.length === 0 || main === undefined || main >= INNER_OPSET) return { proto, versions: new Map() }
  const functions = changing(proto.functions, main, rules)
  if (functions.size === 0) return { proto, versions: new Map() }
  const inliner = new Inliner(proto, main, functions)
  const graph = inliner.graph(proto.graph!, [])
  const rest = proto.functions.filter((item) => functions.get(keyOf(item.domain, item.name, item.overload)) !== item)
  const opsetImport = [...inliner.opsets].map(([domain, version]) => create(OperatorSetIdProtoSchema, { domain, version }))
  return { proto: Object.assign(create(ModelProtoSchema), proto, { graph, functions: rest, opsetImport }), versions: inliner.versions }
}

type Functions = ReadonlyMap<string, FunctionProto>

/** The functions with an op that changes, and those that call one of them. */
function changing(all: readonly FunctionProto[], main: number, rules: Readonly<Record<string, readonly Rule[]>>): Functions {
  const found = new Map<string, FunctionProto>()
  const callers = new Map<string, [string, FunctionProto][]>()
  const queue: [string, FunctionProto][] = []
  for (const item of all) {
    const entry: [string, FunctionProto] = [keyOf(item.domain, item.name, item.overload), item]
    const from = versionOf(item.opsetImport) ?? main
    const nodes = nodesOf(item.node)
    if (nodes.some((node) => isOnnx(node.domain) && rules[node.opType]?.some(({ since }) => since > from))) queue.push(entry)
    for (const callee of new Set(nodes.map((node) => keyOf(node.domain, node.opType, node.overload)))) {
      const list = callers.get(callee)
      if (list) list.push(entry)
      else callers.set(callee, [entry])
    }
  }
  for (let entry = queue.pop(); entry; entry = queue.pop()) {
    const [key, item] = entry
    if (found.has(key)) continue
    found.set(key, item)
    for (const caller of callers.get(key) ?? []) queue.push(caller)
  }
  return found
}

/** A call, while its body is copied. */
interface Call {
  readonly node: NodeProto
  readonly body: FunctionProto
  readonly from: number
  readonly nameOf: (name: string) => string
}

class Inliner {
  readonly versions = new Map<NodeProto, number>()
  readonly opsets: Map<string, bigint>
  readonly #main: number
  readonly #functions: Functions
  readonly #local: ReadonlySet<string>
  readonly #names: Set<string>
  #count = 0
  #size = 0

  constructor(proto: ModelProto, main: number, functions: Functions) {
    this.opsets = new Map(proto.opsetImport.map(({ domain, version }) => [domain, version]))
    this.#main = main
    this.#functions = functions
    this.#local = new Set(proto.functions.map((item) => keyOf(item.domain, item.name, item.overload)))
    this.#names = definedIn(proto.graph!)
  }

  graph(graph: GraphProto, stack: readonly FunctionProto[]): GraphProto {
    return Object.assign(create(GraphProtoSchema), graph, { node: graph.node.flatMap((node) => this.#node(node, stack)) })
  }

  #node(node: NodeProto, stack: readonly FunctionProto[]): NodeProto[] {
    const body = this.#functions.get(keyOf(node.domain, node.opType, node.overload))
    if (node.attribute.some(({ g, graphs }) => g || graphs.length > 0)) {
      const attribute = node.attribute.map((item) => withGraphs(item, (graph) => this.graph(graph, stack)))
      const version = this.versions.get(node)
      node = Object.assign(create(NodeProtoSchema), node, { attribute })
      if (version !== undefined) this.versions.set(node, version)
    }
    return body ? this.#call(node, body, stack) : [node]
  }

  #call(node: NodeProto, body: FunctionProto, stack: readonly FunctionProto[]): NodeProto[] {
    if (stack.includes(body))
      throw new ModelError('FUNCTION_CYCLE', `function '${body.name}' calls itself, by ${stack.length} functions; export the model again`)
    if (stack.length >= DEPTH) this.#refuse(body, `is called by ${DEPTH} functions in each other`)
    const label = (node.name || node.output.find((name) => name !== '') || body.name).slice(0, 64)
    const names = new Map<string, string>()
    body.input.forEach((name, index) => names.set(name, node.input[index] ?? ''))
    const copies: [from: string, to: string][] = []
    body.output.forEach((name, index) => {
      const given = node.output[index] ?? ''
      if (given === '') return
      if (names.has(name)) copies.push([name, given])
      else names.set(name, given)
    })
    const nameOf = (name: string): string => {
      if (name === '') return ''
      let actual = names.get(name)
      if (actual === undefined) names.set(name, (actual = this.#fresh(`${label}/${name}`)))
      return actual
    }
    const call: Call = { node, body, from: versionOf(body.opsetImport) ?? this.#main, nameOf }
    const nodes = body.node.map((inner) => this.#copy(inner, call))
    for (const [from, to] of copies) nodes.push(create(NodeProtoSchema, { opType: 'Identity', input: [nameOf(from)], output: [to] }))
    return nodes.flatMap((inner) => this.#node(inner, [...stack, body]))
  }

  #copy(inner: NodeProto, call: Call): NodeProto {
    this.#size += sizeOf(inner)
    if (this.#size > SIZE) this.#refuse(call.body, 'and others are called too often')
    this.#import(inner, call.body)
    const node = Object.assign(create(NodeProtoSchema), inner, {
      input: inner.input.map(call.nameOf),
      output: inner.output.map(call.nameOf),
      attribute: inner.attribute.flatMap((attribute) => this.#attribute(attribute, call)),
    })
    this.versions.set(node, call.from)
    return node
  }

  /** Attributes of the call take the places of those that refer to them. */
  #attribute(attribute: AttributeProto, call: Call): AttributeProto[] {
    const { refAttrName, name } = attribute
    if (!refAttrName) return [withGraphs(attribute, (graph) => this.#copyGraph(graph, call))]
    const isMeant = (item: AttributeProto): boolean => item.name === refAttrName
    const given = call.node.attribute.find(isMeant) ?? call.body.attributeProto.find(isMeant)
    return given ? [Object.assign(create(AttributeProtoSchema), given, { name })] : []
  }

  #copyGraph(graph: GraphProto, call: Call): GraphProto {
    const info = (item: ValueInfoProto): ValueInfoProto =>
      Object.assign(create(ValueInfoProtoSchema), item, { name: call.nameOf(item.name) })
    return Object.assign(create(GraphProtoSchema), graph, {
      node: graph.node.map((node) => this.#copy(node, call)),
      input: graph.input.map(info),
      output: graph.output.map(info),
      valueInfo: graph.valueInfo.map(info),
      initializer: graph.initializer.map((item) => Object.assign(create(TensorProtoSchema), item, { name: call.nameOf(item.name) })),
      sparseInitializer: graph.sparseInitializer.map((item) => {
        const values = item.values && Object.assign(create(TensorProtoSchema), item.values, { name: call.nameOf(item.values.name) })
        return Object.assign(create(SparseTensorProtoSchema), item, { values })
      }),
    })
  }

  /** Other operator sets must be the model's. */
  #import({ domain, opType, overload }: NodeProto, body: FunctionProto): void {
    if (isOnnx(domain) || this.#local.has(keyOf(domain, opType, overload))) return
    const version = body.opsetImport.find((item) => item.domain === domain)?.version
    const known = this.opsets.get(domain)
    if (version === undefined || version === known) return
    if (known !== undefined) this.#refuse(body, `is of version ${version} of operator set '${domain}', and the model of ${known}`)
    this.opsets.set(domain, version)
  }

  #fresh(hint: string): string {
    let name = hint
    while (this.#names.has(name)) name = `${hint}_${++this.#count}`
    this.#names.add(name)
    return name
  }

  #refuse(body: FunctionProto, why: string): never {
    throw new UnsupportedError(
      'UPGRADE_FUNCTION',
      `function '${body.name}' has ops that cannot be upgraded to opset ${INNER_OPSET} inside a function, and ${why}; ` +
        `export the model without functions, or at opset ${INNER_OPSET}`,
    )
  }
}

function withGraphs(attribute: AttributeProto, change: (graph: GraphProto) => GraphProto): AttributeProto {
  if (!attribute.g && attribute.graphs.length === 0) return attribute
  return Object.assign(create(AttributeProtoSchema), attribute, {
    ...(attribute.g ? { g: change(attribute.g) } : {}),
    graphs: attribute.graphs.map(change),
  })
}
