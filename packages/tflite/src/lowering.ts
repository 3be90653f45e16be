import {
  type AttributeLike,
  type Dim,
  type ElementType,
  type Graph,
  ModelError,
  type Node,
  Tensor,
  type Value,
  permuted,
} from '@whittle/ir'
import type { Op } from './op.ts'
import { TO_FIRST, TO_LAST } from './orders.ts'
import { type Affine, type TensorInfo, constantTensor } from './tensor.ts'

/** Whether a tensor's channels come last, as in the file, or first, as ONNX's convolutions want them. */
export type Layout = 'last' | 'first'

interface Held {
  last?: Value
  first?: Value
  /** The layout in which it was made. */
  layout?: Layout
  /** Of a quantized tensor: the integers, in its own layout. */
  integers?: Value
  constant?: Tensor | undefined
}

type Attributes = Record<string, AttributeLike>

const ACTIVATION_TYPES: readonly ElementType[] = ['int8', 'uint8', 'int16']

/**
 * Puts ONNX nodes into a graph. Each tensor of the file is held in the layout in which it was made, and is transposed once where another
 * is asked for: what is between two convolutions stays channels-first.
 */
export class Lowering {
  readonly graph: Graph
  readonly infos: readonly TensorInfo[]
  /** The node of the file that is being lowered. */
  op!: Op
  readonly #held = new Map<number, Held>()
  readonly #constants = new Map<string, Value>()
  readonly #outputs: ReadonlySet<number>
  /** How many nodes have a name. */
  readonly #names = new Map<string, number>()
  readonly #makers = new Map<Node, Op | undefined>()

  constructor(graph: Graph, infos: readonly TensorInfo[], outputs: readonly number[]) {
    this.graph = graph
    this.infos = infos
    this.#outputs = new Set(outputs)
  }

  info(ref: number): TensorInfo {
    const info = this.infos[ref]
    if (!info)
      throw new ModelError('TFLITE_INVALID', `${this.op?.label ?? 'the model'}: there is no tensor ${ref}; convert the model again`)
    return info
  }

  /** -1 is a free dimension. */
  dims(ref: number): readonly number[] {
    return this.info(ref).dims
  }

  rank(ref: number): number {
    return this.dims(ref).length
  }

  /** A dimension that must be known. */
  fixed(ref: number, axis: number): number {
    const dim = this.dims(ref).at(axis)
    if (dim === undefined) throw this.op.fail(`tensor '${this.info(ref).name}' has no axis ${axis}`)
    if (dim < 0)
      throw this.op.refuse(`dimension ${axis} of '${this.info(ref).name}' must be fixed; convert the model with fixed input shapes`)
    return dim
  }

  fixedDims(ref: number): number[] {
    return this.dims(ref).map((_, axis) => this.fixed(ref, axis))
  }

  axis(axis: number, rank: number): number {
    const at = axis < 0 ? axis + rank : axis
    if (!(at >= 0 && at < rank)) throw this.op.fail(`there is no axis ${axis} in a tensor of ${rank} dimensions`)
    return at
  }

  /** Real numbers behind 8 or 16 bits that the model computes with. */
  isQuantized(ref: number): boolean {
    const { affine, type } = this.info(ref)
    return affine !== undefined && ACTIVATION_TYPES.includes(type)
  }

  addInput(ref: number): void {
    const { name, type, dims } = this.info(ref)
    if (this.#held.has(ref)) throw new ModelError('TFLITE_INVALID', `tensor '${name}' is an input twice; convert the model again`)
    const model = this.graph.model
    const shape = dims.map((dim, axis): Dim => (dim < 0 ? `${name}_dim${axis}` : dim))
    const value = this.graph.addInput(model.uniqueName(name), type, shape)
    this.#held.set(ref, { layout: 'last', last: this.isQuantized(ref) ? this.#inputNumbers(value, ref) : value, integers: value })
  }

  #inputNumbers(value: Value, ref: number): Value {
    const { affine, type } = this.info(ref)
    if (type !== 'int8') return this.dequantize(value, ref)
    const grid = unsigned(affine!)
    return this.node('DequantizeLinear', [this.#shifted(value, 128, grid.type), ...this.#scales(grid.affine, grid.type)])
  }

  addOutput(ref: number): void {
    const held = this.#hold(ref)
    const { name } = this.info(ref)
    let value = this.isQuantized(ref) ? this.#integersLast(held, ref) : this.last(ref)
    if (!value.producer || value.isOutput || value.graph !== this.graph) value = this.node('Identity', [value])
    if (value.name !== name) this.graph.model.rename(value, this.graph.model.uniqueName(name))
    this.graph.addOutput(value)
  }

  #integersLast(held: Held, ref: number): Value {
    if (held.constant) return (held.integers ??= this.initializer(`${this.info(ref).name}_constant`, held.constant))
    const integers = held.integers ?? this.#missing(ref)
    const last = held.layout === 'first' ? this.node('Transpose', [integers], { perm: [...TO_LAST] }) : integers
    return this.info(ref).type === 'int8' && integers.producer ? this.#shifted(last, -128, 'int8') : last
  }

  /** Between int8 and uint8. */
  #shifted(integers: Value, by: number, type: ElementType): Value {
    return this.cast(this.node('Add', [this.cast(integers, 'int32'), this.scalar(by, 'int32')]), type)
  }

  #missing(ref: number): never {
    throw new ModelError(
      'TFLITE_ORDER',
      `${this.op?.label ?? 'the model'}: tensor '${this.info(ref).name}' is read, and no node before gives it; convert the model again`,
    )
  }

  #hold(ref: number): Held {
    const known = this.#held.get(ref)
    if (known) return known
    const info = this.info(ref)
    if (info.isVariable)
      throw this.op.refuse(
        `'${info.name}' keeps its value from run to run, which Whittle does not read here; make the state an input and an output`,
      )
    const constant = constantTensor(info) ?? this.#missing(ref)
    const held: Held = { constant }
    this.#held.set(ref, held)
    return held
  }

  /** The constant that a tensor is: integers where it is quantized. */
  constant(ref: number): Tensor | undefined {
    const known = this.#held.get(ref)
    if (known) return known.constant
    return this.info(ref).bytes ? this.#hold(ref).constant : undefined
  }

  /** Makes an output of a node a constant. */
  setConstant(ref: number, constant: Tensor): void {
    this.#held.set(ref, { constant })
  }

  /** The numbers of a constant that must be known when the model is read. */
  numbers(ref: number, what: string): number[] {
    const constant = this.constant(ref)
    if (!constant)
      throw this.op.refuse(`its ${what} ('${this.info(ref).name}') is computed while the model runs; Whittle reads constants there`)
    return constant.toNumbers()
  }

  /** Whether the tensor was made channels-first. */
  isFirst(ref: number): boolean {
    return this.#held.get(ref)?.layout === 'first'
  }

  last(ref: number): Value {
    const held = this.#hold(ref)
    if (held.constant) return this.weight(ref)
    held.last ??= this.node('Transpose', [held.first], { perm: [...TO_LAST] })
    return held.last
  }

  first(ref: number): Value {
    if (this.rank(ref) !== 4) throw this.op.fail(`'${this.info(ref).name}' has ${this.rank(ref)} dimensions, and 4 are needed`)
    const held = this.#hold(ref)
    if (held.constant) return this.weight(ref, { perm: TO_FIRST })
    held.first ??= this.node('Transpose', [held.last], { perm: [...TO_FIRST] })
    return held.first
  }

  in(ref: number, layout: Layout): Value {
    return layout === 'first' ? this.first(ref) : this.last(ref)
  }

  /** A constant under another order of axes or other dims; integers come behind a DequantizeLinear. */
  weight(ref: number, form: { perm?: readonly number[]; dims?: readonly number[]; axis?: number } = {}): Value {
    const { name, affine } = this.info(ref)
    const tensor = this.constant(ref)
    if (!tensor) return this.#missing(ref)
    if (affine && tensor.type === 'int64') return this.derived(`real ${ref}`, name, () => realBias(tensor, affine))
    const key = `${ref} ${form.perm?.join()} ${form.dims?.join()}`
    let value = this.#constants.get(key)
    if (value) return value
    const turned = form.perm ? permuted(tensor, form.perm) : tensor
    value = this.initializer(this.#outputs.has(ref) ? `${name}_constant` : name, form.dims ? turned.reshape(form.dims) : turned)
    if (affine && tensor.type !== 'float32')
      value = this.dequantize(value, ref, form.axis ?? form.perm?.indexOf(affine.axis) ?? affine.axis)
    this.#constants.set(key, value)
    return value
  }

  dequantize(value: Value, ref: number, axis?: number): Value {
    const { affine, type } = this.info(ref)
    const attributes: Attributes = affine!.scale.length > 1 ? { axis: axis ?? affine!.axis } : {}
    return this.node('DequantizeLinear', [value, ...this.#scales(affine!, value.elementType ?? type)], attributes)
  }

  #scales(affine: Affine, type: ElementType): Value[] {
    const dims = affine.scale.length > 1 ? [affine.scale.length] : []
    const scale = this.derived(`scale ${affine.scale.join()}`, 'scale', () => Tensor.float32(dims, affine.scale))
    // A bias of int32 may have none, and back ends refuse it.
    if (type === 'int32') return [scale]
    const points = affine.zeroPoint
    return [scale, this.derived(`zero ${points.join()} ${type}`, 'zero_point', () => Tensor.of(type, dims, points))]
  }

  /** Says what a tensor of the file is. A quantized one is rounded to its grid. */
  give(ref: number, value: Value, layout: Layout = 'last'): void {
    if (this.#held.has(ref)) throw this.op.fail(`it gives tensor '${this.info(ref).name}', which is given already`)
    const held: Held = { layout }
    const name = layout === 'first' && this.#outputs.has(ref) ? `${this.info(ref).name}_channels_first` : this.info(ref).name
    if (this.isQuantized(ref)) {
      const { affine, type } = this.info(ref)
      if (affine!.scale.length > 1)
        throw this.op.refuse(`'${this.info(ref).name}' has a scale for each channel while the model runs; convert the model again`)
      const grid = type === 'int8' ? unsigned(affine!) : { affine: affine!, type }
      const scales = this.#scales(grid.affine, grid.type)
      held.integers = this.node('QuantizeLinear', [value, ...scales])
      this.#name(held.integers, type === 'int8' && this.#outputs.has(ref) ? `${name}_unsigned` : name)
      value = this.node('DequantizeLinear', [held.integers, ...scales])
    } else this.#name(value, name)
    held[layout] = value
    this.#held.set(ref, held)
  }

  #name(value: Value, name: string): void {
    if (value.producer && !value.isOutput && this.#makers.get(value.producer) === this.op && value.name !== name)
      this.graph.model.rename(value, this.graph.model.uniqueName(name))
  }

  /** Reads `ref` as it is held, and gives the output in the same layout. */
  keep(ref: number, output: number, emit: (value: Value, layout: Layout) => Value): void {
    const layout: Layout = this.isFirst(ref) && this.rank(output) === 4 ? 'first' : 'last'
    this.give(output, emit(this.in(ref, layout), layout), layout)
  }

  /** Inputs that broadcast to the output: channels-first where one was made so. */
  together(refs: readonly number[], output: number, emit: (values: Value[], layout: Layout) => Value): void {
    const fits = (ref: number): boolean =>
      this.rank(ref) === 4 || (this.rank(ref) <= 4 && (this.constant(ref) !== undefined || this.rank(ref) === 0))
    const layout: Layout = this.rank(output) === 4 && refs.some((ref) => this.isFirst(ref)) && refs.every(fits) ? 'first' : 'last'
    this.give(
      output,
      emit(
        refs.map((ref) => (layout === 'first' ? this.#broadcastFirst(ref) : this.last(ref))),
        layout,
      ),
      layout,
    )
  }

  #broadcastFirst(ref: number): Value {
    const constant = this.constant(ref)
    if (this.rank(ref) === 4) return this.first(ref)
    if (!constant || constant.size === 1 || this.rank(ref) === 0) return this.last(ref)
    const dims = [...Array.from({ length: 4 - constant.dims.length }, () => 1), ...constant.dims]
    const turned = TO_FIRST.map((axis) => dims[axis]!)
    const { affine } = this.info(ref)
    if (dims.filter((dim) => dim !== 1).length > 1) {
      if (affine) throw this.op.refuse(`'${this.info(ref).name}' is a quantized constant of ${constant.dims.length} dimensions`)
      return this.derived(`${ref} first`, this.info(ref).name, () => permuted(constant.reshape(dims), TO_FIRST))
    }
    return this.weight(ref, { dims: turned, axis: affine ? turned.findIndex((dim) => dim !== 1) : undefined })
  }

  /** The place of an axis of the file in a layout. */
  axisIn(axis: number, layout: Layout): number {
    return layout === 'first' ? TO_FIRST.indexOf(axis) : axis
  }

  /** What was given by nodes, for the check of shapes. */
  *given(): Generator<{ ref: number; value: Value; layout: Layout }> {
    for (const [ref, { layout, first, last, constant }] of this.#held) {
      const value = layout === 'first' ? first : last
      if (layout && value && !constant) yield { ref, value, layout }
    }
  }

  /** A node with one output. */
  node(op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): Value {
    return this.nodes(op, inputs, attributes, 1).output
  }

  nodes(op: string, inputs: readonly (Value | undefined)[], attributes: Attributes, outputs: number): Node {
    const of = this.infos[this.op?.outputs[0] ?? -1]?.name
    const hint = of === undefined ? op : `${of}/${op}`
    const count = this.#names.get(hint) ?? 0
    this.#names.set(hint, count + 1)
    const node = this.graph.addNode({
      op,
      // onnxruntime wants them unique.
      name: count === 0 ? hint : `${hint}_${count}`,
      inputs: [...inputs],
      attributes,
      outputs: Array.from({ length: outputs }, () => `${op}_output`),
    })
    this.#makers.set(node, this.op)
    return node
  }

  initializer(name: string, tensor: Tensor): Value {
    return this.graph.model.graph.addInitializer(name, tensor)
  }

  /** A constant that is made once. */
  derived(key: string, name: string, make: () => Tensor): Value {
    let value = this.#constants.get(key)
    if (!value) this.#constants.set(key, (value = this.initializer(name, make())))
    return value
  }

  /** A 1-D constant of int64. */
  ints(values: readonly number[]): Value {
    return this.derived(`ints ${values.join()}`, `ints_${values.join('_').slice(0, 40)}`, () => Tensor.int64([values.length], values))
  }

  scalar(value: number, type: ElementType = 'float32'): Value {
    return this.derived(`scalar ${value} ${type}`, `${type}_${value}`, () => Tensor.of(type, [], [value]))
  }

  cast(value: Value, type: ElementType): Value {
    const onnx = ONNX_TYPES[type]
    if (onnx === undefined) throw this.op.refuse(`elements cannot be converted to ${type}`)
    return this.node('Cast', [value], { to: onnx })
  }

  /** A tensor of whole numbers as 1-D int64, constant where it is known. */
  int64(ref: number): Value {
    const constant = this.constant(ref)
    if (constant) return this.ints(constant.toNumbers())
    const value = this.rank(ref) === 0 ? this.node('Unsqueeze', [this.last(ref), this.ints([0])]) : this.last(ref)
    return this.info(ref).type === 'int64' ? value : this.cast(value, 'int64')
  }

  reshape(value: Value, dims: readonly number[]): Value {
    return this.node('Reshape', [value, this.ints(dims)])
  }
}

/**
 * The same grid with 128 added to each integer. Between two nodes that is as good, int8 kernels want it (unsigned activations with signed
 * weights), and onnxruntime, which would do the same, fails at it from opset 21 on.
 */
function unsigned({ scale, zeroPoint, axis }: Affine): { affine: Affine; type: ElementType } {
  return { affine: { scale, zeroPoint: zeroPoint.map((point) => point + 128), axis }, type: 'uint8' }
}

/** The bias of a layer that computes with 16 bits: DequantizeLinear takes no int64. */
function realBias(tensor: Tensor, { scale }: Affine): Tensor {
  return Tensor.float32(
    tensor.dims,
    tensor.toNumbers().map((item, index) => item * (scale[index] ?? scale[0]!)),
  )
}

const ONNX_TYPES: Partial<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
}
