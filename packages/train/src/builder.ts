import { type AttributeLike, type Dim, type Graph, type Node, Tensor, type Value } from '@whittle/ir'

/** A float attribute, which a whole number would not be by itself. */
export const float = (value: number): AttributeLike => ({ type: 'float', value })

/** Adds nodes to a graph, constants shared. What it gives has no shape: rules ask the values of the forward pass for theirs. */
export class Builder {
  readonly graph: Graph
  readonly #constants = new Map<string, Value>()
  readonly #shapes = new Map<Value, Value>()

  constructor(graph: Graph) {
    this.graph = graph
  }

  /** Adds a node and gives its first output. */
  op(op: string, inputs: (Value | undefined)[], attributes: Record<string, AttributeLike> = {}): Value {
    return this.nodes(op, inputs, attributes, 1)[0]!
  }

  /** Adds a node with that many outputs. */
  nodes(op: string, inputs: (Value | undefined)[], attributes: Record<string, AttributeLike>, count: number): Value[] {
    const outputs = Array.from({ length: count }, () => `gradient_${op}`)
    return this.graph.addNode({ op, inputs, attributes, outputs }).outputs.filter((value) => value !== undefined)
  }

  /** A float32 scalar. */
  scalar(value: number): Value {
    return this.#constant(`${Object.is(value, -0) ? '-0' : value}`, () => Tensor.float32([], [value]))
  }

  /** A float32 vector. */
  floats(values: readonly number[]): Value {
    return this.#constant(`[${values.join()}]`, () => Tensor.float32([values.length], values))
  }

  /** An int64 vector: a shape, axes. */
  ints(values: readonly number[]): Value {
    return this.#constant(`ints ${values.join()}`, () => Tensor.int64([values.length], values))
  }

  /** An int64 scalar. */
  int(value: number): Value {
    return this.#constant(`int ${value}`, () => Tensor.int64([], [value]))
  }

  #constant(key: string, tensor: () => Tensor): Value {
    const known = this.#constants.get(key)
    if (known) return known
    const value = this.graph.addInitializer('gradient_constant', tensor())
    this.#constants.set(key, value)
    return value
  }

  add = (a: Value, b: Value | number): Value => this.op('Add', [a, this.#value(b)])
  sub = (a: Value | number, b: Value | number): Value => this.op('Sub', [this.#value(a), this.#value(b)])
  mul = (a: Value, b: Value | number): Value => this.op('Mul', [a, this.#value(b)])
  div = (a: Value | number, b: Value | number): Value => this.op('Div', [this.#value(a), this.#value(b)])
  neg = (a: Value): Value => this.op('Neg', [a])
  greater = (a: Value, b: Value | number): Value => this.op('Greater', [a, this.#value(b)])
  less = (a: Value, b: Value | number): Value => this.op('Less', [a, this.#value(b)])
  equal = (a: Value, b: Value): Value => this.op('Equal', [a, b])
  where = (condition: Value, a: Value | number, b: Value | number): Value => this.op('Where', [condition, this.#value(a), this.#value(b)])

  #value(value: Value | number): Value {
    return typeof value === 'number' ? this.scalar(value) : value
  }

  toFloat = (a: Value): Value => this.op('Cast', [a], { to: FLOAT })
  toInt64 = (a: Value): Value => this.op('Cast', [a], { to: INT64 })
  toInt32 = (a: Value): Value => this.op('Cast', [a], { to: INT32 })

  transpose(value: Value, perm: number[]): Value {
    return perm.every((axis, index) => axis === index) ? value : this.op('Transpose', [value], { perm })
  }

  /** The sum along axes; of none, the value itself. */
  sum(value: Value, axes: readonly number[], keepdims = true): Value {
    return axes.length === 0 ? value : this.op('ReduceSum', [value, this.ints(axes)], { keepdims: keepdims ? 1 : 0 })
  }

  mean(value: Value, axes: readonly number[]): Value {
    return this.op('ReduceMean', [value, this.ints(axes)], { keepdims: 1 })
  }

  unsqueeze(value: Value, axes: readonly number[]): Value {
    return axes.length === 0 ? value : this.op('Unsqueeze', [value, this.ints(axes)])
  }

  /** Reshapes to dims of which any may be 0 (copied) or -1. */
  reshape(value: Value, dims: readonly number[]): Value {
    return this.op('Reshape', [value, this.ints(dims)])
  }

  concat(values: Value[], axis = 0): Value {
    return values.length === 1 ? values[0]! : this.op('Concat', values, { axis })
  }

  /** The shape of a value of the forward pass, an int64 vector: a constant where it is known. */
  shapeOf(value: Value): Value {
    const fixed = fixedShape(value)
    if (fixed) return this.ints(fixed)
    const known = this.#shapes.get(value) ?? this.op('Shape', [value])
    this.#shapes.set(value, known)
    return known
  }

  /** Some dims of a value of the forward pass, an int64 vector. */
  dimsOf(value: Value, start: number, end: number): Value {
    const fixed = fixedShape(value, start, end)
    return fixed ? this.ints(fixed) : this.op('Shape', [value], { start, end })
  }

  /** Elements of a value of the forward pass, a float32 scalar. */
  sizeOf(value: Value): Value {
    const fixed = fixedShape(value)
    return fixed ? this.scalar(product(fixed)) : this.toFloat(this.op('Size', [value]))
  }

  /** How many elements of `many` there are for one of `few`: a number where that is known. */
  ratio(many: Value, few: Value): Value | number {
    const [a, b] = [fixedShape(many), fixedShape(few)]
    return a && b ? product(a) / product(b) : this.div(this.sizeOf(many), this.sizeOf(few))
  }

  reshapeLike(value: Value, like: Value): Value {
    const shape = like.shape
    // One free dimension is what the others leave.
    if (shape && shape.filter((dim) => typeof dim === 'string').length === 1 && !shape.includes(0))
      return this.reshape(
        value,
        shape.map((dim) => (typeof dim === 'number' ? dim : -1)),
      )
    return this.op('Reshape', [value, this.shapeOf(like)])
  }

  expandLike(value: Value, like: Value): Value {
    return this.op('Expand', [value, this.shapeOf(like)])
  }

  flatten(value: Value): Value {
    return this.reshape(value, [-1])
  }

  /** Zeros of the shape of a value of the forward pass. */
  zerosLike(value: Value): Value {
    return this.op('ConstantOfShape', [this.shapeOf(value)], { value: Tensor.float32([1], [0]) })
  }
}

const FLOAT = 1
const INT32 = 6
const INT64 = 7

export function product(dims: readonly number[]): number {
  return dims.reduce((all, dim) => all * dim, 1)
}

/** The dims of a value, or those from `start` to `end`; undefined where one is free or the rank is unknown. */
export function fixedShape(value: Value | undefined, start = 0, end?: number): number[] | undefined {
  const dims = value?.shape?.slice(start, end)
  return dims?.every((dim) => typeof dim === 'number') ? dims : undefined
}

/** The shape of a value whose rank is known, which {@link Rule}s may count on. */
export function shapeOf(value: Value | undefined): Dim[] {
  if (!value?.shape) throw new Error(`the rank of '${value?.name}' is not known`)
  return value.shape
}

/** Gives a value that was added the shape of one of the forward pass, which it is known to have. */
export function shapedLike(value: Value, like: Value): Value {
  value.shape ??= like.shape
  return value
}

/** The whole numbers from `from` up to `to`, without it: axes. */
export const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)

/** An axis counted from the front. */
export const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** Whether an output of a node is read or given out. */
export const isUsed = (node: Node, output: number): boolean => {
  const value = node.outputs[output]
  return value !== undefined && (value.uses.length > 0 || value.isOutput)
}
