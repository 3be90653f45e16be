import {
  type AttributeLike,
  type Dim,
  type ElementType,
  type Graph,
  ModelError,
  type Node,
  Tensor,
  UnsupportedError,
  type Value,
  constantOf,
  opRow,
  permuted,
} from '@whittle/ir'
import { KnownFacts } from './facts.ts'
import { madeFrom } from './origin.ts'

type Attributes = Record<string, AttributeLike>

/** Puts ONNX nodes into a graph, and knows the type and shape of every value at once. */
export class Emitter {
  graph: Graph
  readonly #facts = new KnownFacts()
  readonly #constants = new Map<string, Value>()
  #scope = ''
  /** The nodes of the layer or node that is being read. */
  #made = new Set<Node>()

  constructor(graph: Graph) {
    this.graph = graph
  }

  /** The layer or node that is being read: names of nodes and values begin with it, and errors name it. */
  get scope(): string {
    return this.#scope
  }

  /** Emits what a layer or node is, under its name; the values it gives take that name where they are its own. */
  named<T extends readonly Value[]>(scope: string, names: readonly string[], emit: () => T): T {
    const [before, outer] = [this.#scope, this.#made]
    this.#scope = scope
    this.#made = new Set()
    try {
      const values = emit()
      values.forEach((value, index) => {
        const name = names[index]
        if (name && value.producer && this.#made.has(value.producer) && value.name !== name)
          this.graph.model.rename(value, this.graph.model.uniqueName(name))
      })
      return values
    } finally {
      this.#scope = before
      this.#made = outer
    }
  }

  /** Emits into a subgraph. */
  within<T>(graph: Graph, emit: () => T): T {
    const before = this.graph
    this.graph = graph
    try {
      return emit()
    } finally {
      this.graph = before
    }
  }

  input(name: string, type: ElementType, shape: readonly Dim[], graph = this.graph): Value {
    const value = graph.addInput(graph.model.uniqueName(name), type, [...shape])
    this.#facts.set(value, { type, shape })
    return value
  }

  /** A node with one output. */
  node(op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): Value {
    return this.nodes(op, inputs, attributes, 1)[0]!
  }

  nodes(op: string, inputs: readonly (Value | undefined)[], attributes: Attributes, outputs: number): Value[] {
    const name = this.#scope ? `${this.#scope}/${op}` : op
    const node = this.graph.addNode({
      op,
      name,
      inputs: [...inputs],
      attributes,
      outputs: Array.from({ length: outputs }, (_, index) => (index === 0 ? name : `${name}:${index}`)),
    })
    this.#made.add(node)
    this.infer(node)
    return node.outputs.map((value) => value!)
  }

  /** Learns the types and shapes of a node that was put in by hand. */
  infer(node: Node): void {
    const row = opRow(node)
    if (!row?.infer) throw new UnsupportedError('TFJS_OP', `${node.describe()}: its shape cannot be told`)
    this.#facts.infer(node, (facts) => row.infer!(node, facts))
  }

  /** An initializer. The same tensor under the same name is one value. */
  constant(name: string, tensor: Tensor): Value {
    const key = `${name}:${tensor.type}:${tensor.dims.join()}`
    const known = this.#constants.get(key)
    if (known?.tensor === tensor) return known
    const value = this.graph.model.graph.addInitializer(name, tensor)
    this.#constants.set(key, value)
    this.#facts.set(value, { type: tensor.type, shape: tensor.dims })
    return value
  }

  /** A constant that is made once for each form: `F_0/kernel` as ONNX wants it. */
  derived(name: string, form: string, make: () => Tensor): Value {
    const key = `${form} of ${name}`
    let value = this.#constants.get(key)
    if (!value) {
      const tensor = make()
      value = madeFrom(this.graph.model.graph.addInitializer(name, tensor), name)
      this.#constants.set(key, value)
      this.#facts.set(value, { type: tensor.type, shape: tensor.dims })
    }
    return value
  }

  /** A 1-D constant of int64. */
  ints(values: readonly number[]): Value {
    return this.derived(`int64_${values.join('_').slice(0, 40)}`, `ints ${values.join()}`, () => Tensor.int64([values.length], values))
  }

  /** A scalar constant. */
  scalar(value: number, type: ElementType = 'float32'): Value {
    return this.derived(`${type}_${value}`, `scalar ${value} ${type}`, () => Tensor.of(type, [], [value]))
  }

  type(value: Value): ElementType {
    const type = this.#facts.get(value).type
    if (!type) throw new UnsupportedError('TFJS_SHAPE', `${this.at}: the element type of '${value.name}' cannot be told`)
    return type
  }

  shape(value: Value): readonly Dim[] {
    const shape = this.#facts.get(value).shape
    if (!shape)
      throw new UnsupportedError(
        'TFJS_SHAPE',
        `${this.at}: the number of dimensions of '${value.name}' cannot be told; convert the model with fixed input shapes`,
      )
    return shape
  }

  rank(value: Value): number {
    return this.shape(value).length
  }

  /** The elements of a small tensor of whole numbers, some of them perhaps symbolic; undefined where they are not known. */
  content(value: Value): readonly Dim[] | undefined {
    return this.#facts.get(value).content
  }

  /** The elements of a value that must be known when the model is read. */
  numbers(value: Value, what: string): number[] {
    const numbers = this.known(value)
    if (!numbers)
      throw new UnsupportedError(
        'TFJS_NOT_CONSTANT',
        `${this.at}: its ${what} is computed while the model runs; Whittle reads constants there`,
      )
    return numbers
  }

  /** The elements where all of them are known. */
  known(value: Value): number[] | undefined {
    const tensor = constantOf(value)
    if (tensor && tensor.type !== 'string') return tensor.toNumbers()
    const content = this.content(value)
    return content?.every((item) => typeof item === 'number') ? (content as number[]) : undefined
  }

  /** A dimension that must be known. */
  fixed(value: Value, axis: number): number {
    const dim = this.shape(value).at(axis)
    if (typeof dim !== 'number')
      throw new UnsupportedError(
        'TFJS_SHAPE',
        `${this.at}: dimension ${axis} of '${value.name}' must be fixed; convert the model with fixed input shapes`,
      )
    return dim
  }

  get at(): string {
    return this.#scope ? `'${this.#scope}'` : 'the model'
  }

  /** Refuses what the model asks for, naming the layer or node. */
  refuse(why: string): UnsupportedError {
    return new UnsupportedError('TFJS_UNSUPPORTED', `${this.at}: ${why}`)
  }

  /** Says that the model contradicts itself, naming the layer or node. */
  fail(why: string): ModelError {
    return new ModelError('TFJS_INVALID', `${this.at}: ${why}; convert the model again`)
  }

  axis(axis: number, rank: number): number {
    const at = axis < 0 ? axis + rank : axis
    if (!Number.isInteger(at) || at < 0 || at >= rank) throw this.fail(`there is no axis ${axis} in a tensor of ${rank} dimensions`)
    return at
  }

  /** Constants are permuted here and now. */
  transpose(value: Value, perm: readonly number[]): Value {
    if (perm.every((axis, index) => axis === index)) return value
    if (perm.length !== this.rank(value) || new Set(perm).size !== perm.length || perm.some((axis) => !(axis >= 0 && axis < perm.length)))
      throw this.fail(`a tensor of ${this.rank(value)} dimensions cannot be transposed by [${perm.join()}]`)
    if (value.tensor && !value.isInput) return this.derived(value.name, `transposed ${perm.join()}`, () => permuted(value.tensor!, perm))
    return this.node('Transpose', [value], { perm: [...perm] })
  }

  /** A reshape; constants are reshaped here and now. At most one dimension is read off the rest when the model runs, or all are kept. */
  reshape(value: Value, shape: readonly Dim[]): Value {
    const from = this.shape(value)
    if (from.length === shape.length && from.every((dim, axis) => dim === shape[axis])) return value
    if (value.tensor && !value.isInput && shape.every((dim) => typeof dim === 'number')) {
      const dims = shape
      return this.derived(value.name, `reshaped ${dims.join()}`, () => value.tensor!.reshape(dims))
    }
    return this.node('Reshape', [value, this.dims(value, shape)])
  }

  /** A shape as the second input of Reshape. */
  dims(value: Value, shape: readonly Dim[]): Value {
    const from = this.shape(value)
    let free = 0
    const numbers = shape.map((dim, axis) => {
      if (typeof dim === 'number') return dim
      if (dim === from[axis]) return 0
      free++
      return -1
    })
    const hasZero = shape.includes(0)
    if (free <= 1 && !(hasZero && numbers.some((dim, axis) => dim === 0 && shape[axis] !== 0))) return this.ints(numbers)
    // One -1 in the place of the only free dimension is as good as a copy of it.
    const symbols = shape.filter((dim) => typeof dim === 'string')
    if (symbols.length === 1) return this.ints(shape.map((dim) => (typeof dim === 'number' ? dim : -1)))
    throw this.refuse(`the shape [${shape.join()}] depends on more than one free dimension; convert the model with fixed input shapes`)
  }

  unsqueeze(value: Value, axes: readonly number[]): Value {
    const rank = this.rank(value) + axes.length
    const at = axes.map((axis) => this.axis(axis, rank))
    if (value.tensor && !value.isInput) {
      const dims = [...value.tensor.dims]
      for (const axis of [...at].sort((a, b) => a - b)) dims.splice(axis, 0, 1)
      return this.reshape(value, dims)
    }
    return this.node('Unsqueeze', [value, this.ints(at)])
  }

  squeeze(value: Value, axes: readonly number[]): Value {
    if (axes.length === 0) return value
    const at = axes.map((axis) => this.axis(axis, this.rank(value)))
    if (value.tensor && !value.isInput)
      return this.reshape(
        value,
        value.tensor.dims.filter((_, axis) => !at.includes(axis)),
      )
    return this.node('Squeeze', [value, this.ints(at)])
  }

  cast(value: Value, type: ElementType): Value {
    if (this.type(value) === type) return value
    const onnx = { float32: 1, int32: 6, int64: 7, bool: 9 }[type as 'float32']
    if (onnx === undefined) throw this.refuse(`elements cannot be converted to ${type}`)
    return this.node('Cast', [value], { to: onnx })
  }

  /** A tensor of whole numbers as 1-D int64, constant where it is known. */
  int64(value: Value): Value {
    const known = this.known(value)
    if (known) return this.ints(known)
    return this.cast(this.rank(value) === 0 ? this.unsqueeze(value, [0]) : value, 'int64')
  }
}
