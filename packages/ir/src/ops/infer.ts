import { type ElementType, bitsOf, kindOf } from '../element-type.ts'
import { ModelError, OptionError } from '../errors.ts'
import type { Dim, Graph, Node, Value } from '../graph.ts'
import type { Model } from '../model.ts'
import type { Tensor } from '../tensor.ts'
import { constantOf } from './constant.ts'
import { sameDim, substituteDim } from './dim.ts'
import type { Container, Facts, ValueFact } from './row.ts'
import { opRow } from './table.ts'

/** What {@link inferShapes} may be told. */
export interface InferOptions {
  /** By name: what a symbolic dimension is, or the whole shape of a model input. */
  dims?: Readonly<Record<string, number | readonly (number | string)[]>>
}

/** A loop's body is visited until its shapes stay, so loops in loops multiply. */
const MOST_VISITS = 10_000

/** Constants of more elements are not read as shapes. */
const CONTENT_LIMIT = 128

/**
 * Sets the element type and the shape of every value, in subgraphs too. Shapes that are computed in the graph (`Shape`, `Gather`,
 * `Concat`, ...) are followed. What is inferred replaces what the file states; the names that the file gives to free dimensions of the
 * model's outputs stay.
 * @returns the nodes of which an output's type or shape could not be told, with the reason.
 * @throws {ModelError} SHAPE_CONFLICT naming the node and the shapes that cannot be.
 * @throws {OptionError} when `dims` names nothing of the model, or does not fit an input.
 */
export function inferShapes(model: Model, options: InferOptions = {}): { unknown: { at: string; why: string }[] } {
  const inference = new Inference(bindingsOf(model, options))
  inference.visit(model.graph)
  inference.write(model)
  return { unknown: [...inference.unknown].map(([node, why]) => ({ at: node.describe(), why })) }
}

class Inference {
  readonly unknown = new Map<Node, string>()
  readonly facts = new Map<Value, ValueFact>()
  #visits = 0
  readonly #bindings: Readonly<Record<string, Dim>>

  constructor(bindings: Readonly<Record<string, Dim>>) {
    this.#bindings = bindings
  }

  /** Infers a graph; `inputs` are what its owner knows of its inputs. */
  visit(graph: Graph, inputs?: readonly (ValueFact | undefined)[]): ValueFact[] {
    if (++this.#visits > MOST_VISITS)
      throw new ModelError('SHAPE_LOOPS', `graph '${graph.name}': the loops in loops around it come to no end; export the model again`)
    graph.inputs.forEach((input, index) => {
      const given = inputs?.[index]
      const stated = this.#stated(input)
      const shape = (given?.shape ?? stated.shape)?.map((dim, axis) => (dim === '' ? freshDim(input, axis) : dim))
      this.facts.set(input, { ...given, type: given?.type ?? stated.type, shape, holds: given?.holds ?? stated.holds })
    })
    for (const value of graph.initializers)
      if (!value.isInput) this.facts.set(value, { type: value.tensor!.type, shape: value.tensor!.dims })
    for (const node of graph.nodes) this.#node(node)
    return graph.outputs.map((output) => this.fact(output))
  }

  fact(value: Value): ValueFact {
    const known = this.facts.get(value)
    const tensor = known?.content ? undefined : constantOf(value)
    if (known && tensor && tensor.size <= CONTENT_LIMIT) known.content = numbersOf(tensor)
    return known ?? { type: undefined, shape: undefined }
  }

  /** Puts the facts on the values. */
  write(model: Model): void {
    const symbols = new Set(model.graph.inputs.flatMap((input) => this.facts.get(input)?.shape ?? []))
    for (const [value, fact] of this.facts) {
      if ((value.tensor && !value.isInput) || fact.holds) continue
      const isModelOutput = model.graph.outputs.includes(value) && !value.isInput
      if (isModelOutput) this.#checkOutput(value, fact)
      value.elementType = fact.type ?? value.elementType
      const stated = this.#stated(value).shape
      if (!fact.shape) value.shape = stated && [...stated]
      else
        value.shape =
          isModelOutput && stated
            ? fact.shape.map((dim, axis) => named(dim, stated[axis]!, freshDim(value, axis), symbols))
            : [...fact.shape]
    }
  }

  #node(node: Node): void {
    this.unknown.delete(node)
    for (const output of node.outputs) if (output) this.facts.set(output, { type: undefined, shape: undefined })
    const row = opRow(node)
    if (row?.infer) this.#apply(row.infer, node)
    else for (const graph of node.subgraphs) this.visit(graph)
    for (const output of node.outputs) {
      if (!output) continue
      const fact = this.facts.get(output)!
      if ((fact.type && fact.shape) || fact.holds) continue
      const stated = this.#stated(output)
      const known = { ...fact, type: fact.type ?? stated.type, shape: fact.shape ?? stated.shape, holds: stated.holds }
      this.facts.set(output, known)
      if (!known.holds && (!known.type || !known.shape)) this.unknown.set(node, this.#why(node, row !== undefined))
    }
  }

  /** Rules rely on the arity that the op has; a node of another one trips them. */
  #apply(infer: (node: Node, facts: Facts) => void, node: Node): void {
    const facts = new NodeFacts(node, this)
    try {
      infer(node, facts)
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error
      facts.fail(`the inputs or attributes are not those of a ${node.type} (${error.message})`)
    }
  }

  #why(node: Node, hasRow: boolean): string {
    if (!hasRow) return 'the op table does not have this op'
    const missing = node.inputs.find((input) => input && !this.fact(input).shape && !this.fact(input).holds)
    if (missing) return `the shape of its input '${missing.name}' is not known`
    return 'its shape depends on values that are known only when the model runs'
  }

  /** What the file (or an earlier inference) says, with pinned dimensions filled in. */
  #stated(value: Value): ValueFact {
    const shape = value.shape?.map((dim) => substituteDim(dim, this.#bindings))
    return { type: value.elementType, shape, holds: containerOf(value) }
  }

  #checkOutput(value: Value, fact: ValueFact): void {
    const stated = this.#stated(value)
    const typesDiffer = fact.type && stated.type && fact.type !== stated.type
    const shapesDiffer =
      fact.shape &&
      stated.shape &&
      (fact.shape.length !== stated.shape.length ||
        fact.shape.some((dim, axis) => typeof dim === 'number' && typeof stated.shape![axis] === 'number' && dim !== stated.shape![axis]))
    if (!typesDiffer && !shapesDiffer) return
    throw new ModelError(
      'SHAPE_CONFLICT',
      `output '${value.name}' is declared as ${show(stated)}, and ${value.producer?.describe() ?? 'the graph'} gives ${show(fact)}; ` +
        'export the model again, or correct the declaration',
    )
  }
}

/** What a rule sees of one node. */
class NodeFacts implements Facts {
  readonly #node: Node
  readonly #inference: Inference

  constructor(node: Node, inference: Inference) {
    this.#node = node
    this.#inference = inference
  }

  type(input: number): ElementType | undefined {
    return this.#fact(input)?.type
  }

  shape(input: number): readonly Dim[] | undefined {
    return this.#fact(input)?.shape
  }

  content(input: number): readonly Dim[] | undefined {
    return this.#fact(input)?.content
  }

  constant(input: number): Tensor | undefined {
    return constantOf(this.#node.inputs[input])
  }

  set(output: number, type: ElementType | undefined, shape: readonly Dim[] | undefined, content?: readonly Dim[]): void {
    const value = this.#node.outputs[output]
    if (!value) return
    // A rule that looks for an axis beyond the rank finds nothing there.
    if (shape?.some((dim) => dim === undefined || Number.isNaN(dim))) this.fail('the ranks of its inputs do not fit the op')
    const kept = content && content.length <= CONTENT_LIMIT ? content : undefined
    this.#inference.facts.set(value, { type, shape: shape && [...shape], content: kept })
  }

  fact(input: number): ValueFact | undefined {
    return this.#fact(input)
  }

  setFact(output: number, fact: ValueFact): void {
    const value = this.#node.outputs[output]
    if (!value) return
    if (fact.holds) this.#inference.facts.set(value, { type: undefined, shape: undefined, holds: fact.holds })
    else this.set(output, fact.type, fact.shape, fact.content)
  }

  fresh(output: number, axis: number): Dim {
    const value = this.#node.outputs[output] ?? this.#node.outputs.find((other) => other !== undefined)
    return value ? freshDim(value, axis) : `_dim${axis}`
  }

  subgraph(graph: Graph, inputs?: readonly (ValueFact | undefined)[]): ValueFact[] {
    return this.#inference.visit(graph, inputs)
  }

  unknown(why: string): void {
    this.#inference.unknown.set(this.#node, why)
  }

  fail(problem: string): never {
    const inputs = this.#node.inputs.map((input) => (input ? `'${input.name}' ${show(this.#inference.fact(input))}` : 'none'))
    throw new ModelError('SHAPE_CONFLICT', `${this.#node.describe()}: ${problem}; its inputs are ${inputs.join(', ')}`)
  }

  #fact(input: number): ValueFact | undefined {
    const value = this.#node.inputs[input]
    return value && this.#inference.fact(value)
  }
}

/** A symbol for a dimension that only running the model tells: the one that readers give to free dimensions without a name. */
function freshDim(value: Value, axis: number): string {
  return `${value.name}_dim${axis}`
}

/** An output's dimension: the file's name for it, where that does not contradict what is inferred. */
function named(inferred: Dim, stated: Dim, fresh: Dim, inputSymbols: ReadonlySet<Dim>): Dim {
  if (typeof inferred === 'number' || stated === '' || stated === fresh) return inferred
  if (typeof stated === 'number') return inferred === fresh ? stated : inferred
  return inputSymbols.has(stated) && !sameDim(stated, inferred) ? inferred : stated
}

function numbersOf(tensor: Tensor): number[] | undefined {
  const isSmall = kindOf(tensor.type) === 'float' && bitsOf(tensor.type) <= 8
  return tensor.type === 'string' || tensor.type.startsWith('complex') || isSmall ? undefined : tensor.toNumbers()
}

/** What the file says that a sequence or an optional holds: the reader's carried types tell it. */
function containerOf(value: Value): Container | undefined {
  const carried = value.opaqueType
  return typeof carried === 'object' && carried !== null && 'holds' in carried ? (carried.holds as Container | undefined) : undefined
}

function show(fact: ValueFact): string {
  return `${fact.type ?? 'unknown'}[${fact.shape ? fact.shape.join(',') : '?'}]`
}

function bindingsOf(model: Model, options: InferOptions): Record<string, Dim> {
  const bindings: Record<string, Dim> = {}
  const inputs = model.graph.inputs.filter((input) => !input.tensor)
  const symbols = new Set(
    [...inputs, ...model.graph.outputs].flatMap((value) => value.shape ?? []).filter((dim) => typeof dim === 'string'),
  )
  for (const [name, given] of Object.entries(options.dims ?? {})) {
    if (typeof given === 'number') {
      if (!symbols.has(name) || !Number.isInteger(given) || given < 0)
        throw new OptionError(
          'DIMS_INVALID',
          `dims: '${name}' = ${given} does not fit; free dimensions are ${[...symbols].map((symbol) => `'${symbol}'`).join(', ') || 'none'}`,
        )
      bindings[name] = given
      continue
    }
    const input = inputs.find((value) => value.name === name)
    if (!input)
      throw new OptionError(
        'DIMS_INVALID',
        `dims: the model has no input '${name}'; it has ${inputs.map((value) => `'${value.name}'`).join(', ')}`,
      )
    const stated = input.shape ?? given
    const fits = stated.length === given.length && stated.every((dim, axis) => typeof dim === 'string' || dim === given[axis])
    if (!fits)
      throw new OptionError('DIMS_INVALID', `dims: input '${name}' is [${stated.join(',')}], which [${given.join(',')}] does not fit`)
    stated.forEach((dim, axis) => {
      if (typeof dim === 'string' && dim !== '' && dim !== given[axis]) bindings[dim] = given[axis]!
    })
    input.shape = [...given]
  }
  return bindings
}
