import { type Dim, type Graph, ModelError, UnsupportedError, type Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import { Fields, wrong } from '../json.ts'
import type { Weights } from '../manifest.ts'
import { NodeAttributes, elementType, shapeOf } from './attributes.ts'
import type { NodeCall } from './call.ts'
import { nodeRule } from './table.ts'

/** Functions in functions, deeper than any converter writes them. */
const DEEPEST = 20

/** Nodes of all calls of functions together: a few functions that call each other twice are exponentially many. */
const MOST_NODES = 200_000

interface NodeDef {
  readonly name: string
  readonly op: string
  readonly inputs: readonly Reference[]
  readonly fields: Fields
}

/** `conv:0`, or in a function `conv:output:0`. */
interface Reference {
  readonly node: string
  readonly output: number
}

/** The nodes of a graph, and what those that were read give. */
interface Scope {
  readonly nodes: ReadonlyMap<string, NodeDef>
  readonly values: ReadonlyMap<string, readonly Value[]>
}

interface FunctionDef {
  readonly nodes: ReadonlyMap<string, NodeDef>
  readonly inputs: readonly string[]
  readonly outputs: readonly Reference[]
}

/** Reads a GraphDef in JSON into the emitter's graph. */
export function readGraphModel(e: Emitter, file: Fields, topology: Fields, weights: Weights): void {
  const reader = new GraphReader(e, topology, weights)
  const nodes = nodesOf(topology.items('node'))
  const signature = signatureOf(file)
  const values = new Map<string, readonly Value[]>()
  const named = new Map(signature?.inputs.map(({ key, reference }) => [reference.node, key]) ?? [])
  const placeholders = [...nodes.values()].filter(({ op }) => op === 'Placeholder')
  const order = [...named.keys()]
  placeholders.sort((a, b) => (order.indexOf(a.name) + 1 || Infinity) - (order.indexOf(b.name) + 1 || Infinity) || 0)
  for (const node of placeholders)
    values.set(node.name, [reader.input(node, named.get(node.name) ?? node.name, signature?.shapes.get(node.name))])
  const outputs = signature?.outputs ?? ends(nodes).map((node) => ({ key: node, reference: { node, output: 0 } }))
  if (outputs.length === 0) throw new ModelError('TFJS_OUTPUTS', 'the model has no outputs; convert the model again')
  reader.run(
    outputs.map(({ reference }) => reference),
    nodes,
    values,
    '',
  )
  for (const { key, reference } of outputs) e.graph.addOutput(reader.output(valueAt(values, reference), key))
}

class GraphReader {
  readonly #e: Emitter
  readonly #weights: Weights
  readonly #functions = new Map<string, FunctionDef>()
  readonly #open: string[] = []
  #count = 0

  constructor(e: Emitter, topology: Fields, weights: Weights) {
    this.#e = e
    this.#weights = weights
    if (!topology.has('library')) return
    for (const item of topology.fields('library').items('function', [])) {
      const signature = item.fields('signature')
      const ret = item.has('ret') ? item.fields('ret') : undefined
      this.#functions.set(signature.string('name'), {
        nodes: nodesOf(item.items('nodeDef', [])),
        inputs: signature.items('inputArg', []).map((argument) => argument.string('name')),
        outputs: signature.items('outputArg', []).map((argument) => {
          const name = argument.string('name')
          return referenceOf(ret?.has(name) ? ret.string(name) : name, `output '${name}' of function '${signature.string('name')}'`)
        }),
      })
    }
  }

  input(node: NodeDef, name: string, signed: number[] | undefined): Value {
    const attributes = new NodeAttributes(node.fields, `input '${node.name}'`)
    const shape = attributes.shape('shape') ?? signed
    if (!shape)
      throw new UnsupportedError(
        'TFJS_SHAPE',
        `input '${node.name}' does not say how many dimensions it has; convert the model with an input shape`,
      )
    const dims = shape.map((size, axis): Dim => (size >= 0 ? size : axis === 0 ? 'N' : `${name}_dim${axis}`))
    return this.#e.input(name, attributes.type('dtype', 'float32'), dims)
  }

  /** An output under its own name; one that is an input, a constant or given already goes through an Identity. */
  output(value: Value, name: string): Value {
    const { graph } = this.#e
    const own =
      !value.producer || value.isOutput || value.graph !== graph
        ? this.#e.named(name, [], () => [this.#e.node('Identity', [value])])[0]!
        : value
    if (own.name !== name) graph.model.rename(own, graph.model.uniqueName(name))
    return own
  }

  /** Runs nodes and what they depend on; without recursion, for a graph may be as deep as its file is long. */
  run(goals: readonly Reference[], nodes: ReadonlyMap<string, NodeDef>, values: Map<string, readonly Value[]>, prefix: string): void {
    const stack = goals.map(({ node }) => node).reverse()
    const open = new Set<string>()
    while (stack.length > 0) {
      const name = stack.at(-1)!
      if (values.has(name)) {
        stack.pop()
        continue
      }
      const node = nodes.get(name)
      if (!node) throw new ModelError('TFJS_NODE_MISSING', `a node reads '${name}', which the graph does not have; convert the model again`)
      const waiting = node.inputs.filter((input) => !values.has(input.node))
      if (waiting.length === 0) {
        values.set(name, this.#node(node, { nodes, values }, prefix))
        open.delete(name)
        stack.pop()
        continue
      }
      if (open.has(name))
        throw new ModelError(
          'TFJS_CYCLE',
          `node '${name}' reads what it gives; loops of control flow 1 cannot be read, convert the model with control flow 2`,
        )
      open.add(name)
      for (const input of waiting) stack.push(input.node)
    }
  }

  #node(node: NodeDef, values: Scope, prefix: string): readonly Value[] {
    const e = this.#e
    const name = prefix + node.name
    if (++this.#count > MOST_NODES)
      throw new ModelError('TFJS_LARGE', `the functions of the model make more than ${MOST_NODES} nodes; convert the model again`)
    if (node.op === 'Const') return [e.named(name, [], () => [e.constant(node.name, this.#weights.get(node.name))])[0]!]
    if (node.op === 'NoOp') return []
    const rule = nodeRule(node.op)
    if (!rule)
      throw new UnsupportedError(
        'TFJS_OP',
        `node '${name}' is a '${node.op}', which Whittle cannot read; change the model so that it does without`,
      )
    return e.named(name, [name, ...Array.from({ length: 64 }, (_, index) => `${name}:${index + 1}`)], () => {
      const result = rule(this.#call(node, name, values))
      return Array.isArray(result) ? (result as readonly Value[]) : [result as Value]
    })
  }

  #call(node: NodeDef, name: string, { nodes, values }: Scope): NodeCall {
    const e = this.#e
    const inputs = node.inputs.map((reference) => valueAt(values, reference))
    const input = (index: number): Value => {
      const value = inputs[index]
      if (!value) throw e.fail(`a '${node.op}' needs more than ${inputs.length} inputs`)
      return value
    }
    return {
      e,
      name,
      op: node.op,
      inputs,
      attributes: new NodeAttributes(node.fields, `node '${name}'`),
      input,
      numbers: (index, what) => e.numbers(input(index), what),
      number: (index, what) => {
        const numbers = e.numbers(input(index), what)
        if (numbers.length !== 1) throw e.fail(`its ${what} is not one number`)
        return numbers[0]!
      },
      source: (index) => {
        const reference = node.inputs[index]
        const before = reference?.output === 0 ? nodes.get(reference.node) : undefined
        return before && this.#call(before, name, { nodes, values })
      },
      outputsOf: (called) => this.#function(called).outputs.length,
      inline: (called, graph, given) => this.#inline(called, graph, given, name),
    }
  }

  #function(name: string): FunctionDef {
    const found = this.#functions.get(name)
    if (!found) throw this.#e.fail(`the model has no function '${name}'`)
    return found
  }

  /** The function's nodes go into `graph`, its arguments are values around it. */
  #inline(name: string, graph: Graph, inputs: readonly Value[], prefix: string): Value[] {
    const called = this.#function(name)
    if (this.#open.includes(name) || this.#open.length >= DEEPEST)
      throw this.#e.refuse(`function '${name}' calls itself, or functions lie too deep in each other`)
    if (called.inputs.length > inputs.length)
      throw this.#e.fail(`function '${name}' takes ${called.inputs.length} inputs and is given ${inputs.length}`)
    this.#open.push(name)
    const values = new Map(called.inputs.map((argument, index) => [argument, [inputs[index]!] as readonly Value[]]))
    this.#e.within(graph, () => this.run(called.outputs, called.nodes, values, `${prefix}/${name}/`))
    this.#open.pop()
    return called.outputs.map((reference) => valueAt(values, reference))
  }
}

function nodesOf(items: readonly Fields[]): Map<string, NodeDef> {
  const nodes = new Map<string, NodeDef>()
  for (const fields of items) {
    const name = fields.string('name')
    if (nodes.has(name)) throw new ModelError('TFJS_NODE_TWICE', `the graph has two nodes '${name}'; convert the model again`)
    const inputs = fields.list('input', []).flatMap((input) => {
      // What begins with ^ only says that it runs before.
      if (typeof input === 'string' && input.startsWith('^')) return []
      return [referenceOf(input, `an input of node '${name}'`)]
    })
    nodes.set(name, { name, op: fields.string('op'), inputs, fields })
  }
  return nodes
}

function referenceOf(text: unknown, what: string): Reference {
  if (typeof text !== 'string' || text === '') throw wrong(what, 'the name of a node', text)
  const parts = text.split(':')
  const output = parts.length > 1 ? Number(parts.at(-1)) : 0
  if (!Number.isInteger(output) || output < 0) throw wrong(what, 'the name of a node', text)
  return { node: parts[0]!, output }
}

function valueAt(values: ReadonlyMap<string, readonly Value[]>, { node, output }: Reference): Value {
  const value = values.get(node)?.[output]
  if (!value) throw new ModelError('TFJS_NODE_MISSING', `node '${node}' has no output ${output}; convert the model again`)
  return value
}

/** The nodes that nobody reads: the outputs of a model without a signature. */
function ends(nodes: ReadonlyMap<string, NodeDef>): string[] {
  const read = new Set([...nodes.values()].flatMap(({ inputs }) => inputs.map(({ node }) => node)))
  return [...nodes.values()]
    .filter(({ name, op }) => !read.has(name) && !['Placeholder', 'Const', 'NoOp'].includes(op))
    .map(({ name }) => name)
}

interface Port {
  readonly key: string
  readonly reference: Reference
}

/** Public names: the keys of the signature, without the `:0` that they may end in. */
function signatureOf(file: Fields): { inputs: Port[]; outputs: Port[]; shapes: Map<string, number[] | undefined> } | undefined {
  const metadata = file.has('userDefinedMetadata') ? file.fields('userDefinedMetadata') : undefined
  const signature = file.has('signature') ? file.fields('signature') : metadata?.has('signature') ? metadata.fields('signature') : undefined
  if (!signature?.has('outputs')) return undefined
  const shapes = new Map<string, number[] | undefined>()
  const ports = (kind: 'inputs' | 'outputs'): Port[] => {
    if (!signature.has(kind)) return []
    const all = signature.fields(kind)
    return all.keys().map((key) => {
      const port = all.fields(key)
      const reference = referenceOf(port.string('name', key), `'name' of ${port.at}`)
      if (port.has('dtype')) elementType(port.raw('dtype'), `the type of '${key}'`)
      if (kind === 'inputs' && port.has('tensorShape'))
        shapes.set(reference.node, shapeOf(port.raw('tensorShape'), `the shape of '${key}'`))
      return { key: key.replace(/:0$/, ''), reference }
    })
  }
  return { inputs: ports('inputs'), outputs: ports('outputs'), shapes }
}
