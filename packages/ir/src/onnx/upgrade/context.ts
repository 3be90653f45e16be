import type { ElementType } from '../../element-type.ts'
import { UnsupportedError, WhittleError } from '../../errors.ts'
import { type Node, type NodeSpec, type Value } from '../../graph.ts'
import { INNER_OPSET, type Model } from '../../model.ts'
import { inferShapes } from '../../ops/infer.ts'
import { Tensor } from '../../tensor.ts'

/** One change of meaning: nodes of files before opset `since` are rewritten so that they mean the same from it on. */
export interface Rule {
  readonly since: number
  /** Runs after all the others: it asks for shapes, which can be inferred only from upgraded nodes. */
  readonly late?: boolean
  /** The first input may be left out; otherwise a node without it is refused. */
  readonly optionalInput?: boolean
  /** Edits the node in place, or returns the one that stands in its place. Absent: there is none that means the same, says `removed`. */
  rewrite?(node: Node, context: UpgradeContext): Node | void
  readonly removed?: string
}

/** What a rule may use beside the node. */
export class UpgradeContext {
  readonly #model: Model
  readonly #from: number
  readonly #versions: ReadonlyMap<Node, number>
  #facts: ReadonlyMap<string, Value> | undefined

  constructor(model: Model, from: number, versions: ReadonlyMap<Node, number>) {
    this.#model = model
    this.#from = from
    this.#versions = versions
  }

  /** The version of ai.onnx that a node is of. */
  versionOf(node: Node): number {
    return this.#versions.get(node) ?? this.#from
  }

  /** Forgets what was inferred, since nodes have changed. */
  refresh(): void {
    this.#facts = undefined
  }

  /** The element type of a value, inferred where the file does not state it. */
  typeOf(value: Value): ElementType | undefined {
    return value.elementType ?? this.#inferred(value)?.elementType
  }

  rankOf(value: Value): number | undefined {
    return (value.shape ?? this.#inferred(value)?.shape)?.length
  }

  /** @throws {UnsupportedError} naming op, node and versions. */
  refuse(node: Node, why: string): never {
    throw new UnsupportedError(
      'UPGRADE_UNSUPPORTED',
      `${node.describe()} of opset ${this.versionOf(node)} cannot be upgraded to opset ${INNER_OPSET}: ${why}; export the model at opset ${INNER_OPSET}`,
    )
  }

  /** On a copy: what is inferred is not yet part of the model. A model whose shapes contradict each other is left for others to refuse. */
  #inferred(value: Value): Value | undefined {
    if (!this.#facts) {
      const copy = this.#model.clone()
      // What still broadcasts in the old way has the shape of its first input, and would contradict itself in the new one.
      for (const node of copy.nodes())
        if (node.domain === '' && node.attributes.has('broadcast') && node.inputs[0]) node.graph.setInput(node, 1, node.inputs[0])
      try {
        inferShapes(copy)
      } catch (error) {
        if (!(error instanceof WhittleError)) throw error
      }
      const facts = new Map<string, Value>()
      for (const graph of copy.graphs()) {
        for (const input of graph.inputs) facts.set(input.name, input)
        for (const node of graph.nodes) for (const output of node.outputs) if (output) facts.set(output.name, output)
      }
      this.#facts = facts
    }
    return this.#facts.get(value.name)
  }
}

/** Adds a constant beside `node`. */
export function constant(node: Node, hint: string, tensor: Tensor): Value {
  const label = node.outputs.find((output) => output !== undefined)?.name ?? node.op
  return node.graph.addInitializer(`${label}_${hint}`, tensor)
}

/** Makes an input of an attribute that holds integers; nothing where it is absent. */
export function intsToInput(node: Node, attribute: string, index: number): void {
  const values = node.ints(attribute)
  node.attributes.delete(attribute)
  if (values) node.graph.setInput(node, index, constant(node, attribute, Tensor.int64([values.length], values)))
}

/** Adds a node before `node`, in its graph; its first output. */
export function insert(node: Node, spec: Omit<NodeSpec, 'before' | 'outputs'>, hint: string): Value {
  const label = node.outputs.find((output) => output !== undefined)?.name ?? node.op
  return node.graph.addNode({ ...spec, outputs: [`${label}_${hint}`], before: node }).output
}

/** Lets `values` take the places, names and facts of the node's outputs, and removes it. */
export function replaceNode(node: Node, values: readonly (Value | undefined)[]): Node {
  const { graph } = node
  const names = node.outputs.map((output) => output?.name)
  node.outputs.forEach((output, index) => {
    const value = values[index]
    if (!output || !value) return
    value.elementType = output.elementType
    value.shape = output.shape
    value.opaqueType = output.opaqueType
    graph.replaceUses(output, value)
  })
  graph.removeNode(node)
  values.forEach((value, index) => value && names[index] && graph.model.rename(value, names[index]))
  return values[0]!.producer!
}
