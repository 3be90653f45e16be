import { type Node, Tensor, type Value } from '@whittle/ir'
import { boundsOf } from './activation.ts'
import { type Order, type ProgramWriter, type Ref, lastOf, memoryType, unsupported } from './writer.ts'

/** Ops of one input that a kernel computes as it is. */
export const UNARY: Readonly<Record<string, string>> = {
  Abs: 'Abs',
  Acos: 'Acos',
  Acosh: 'Acosh',
  Asin: 'Asin',
  Asinh: 'Asinh',
  Atan: 'Atan',
  Atanh: 'Atanh',
  Ceil: 'Ceil',
  Cos: 'Cos',
  Cosh: 'Cosh',
  Erf: 'Erf',
  Exp: 'Exp',
  Floor: 'Floor',
  Log: 'Log',
  Neg: 'Neg',
  Not: 'LogicalNot',
  Reciprocal: 'Reciprocal',
  Relu: 'Relu',
  Round: 'Round',
  Sigmoid: 'Sigmoid',
  Sign: 'Sign',
  Sin: 'Sin',
  Sinh: 'Sinh',
  Softplus: 'Softplus',
  Sqrt: 'Sqrt',
  Tan: 'Tan',
  Tanh: 'Tanh',
}

/** Ops of two inputs. */
export const BINARY: Readonly<Record<string, string>> = {
  Add: 'Add',
  Sub: 'Sub',
  Mul: 'Multiply',
  Div: 'RealDiv',
  Max: 'Maximum',
  Min: 'Minimum',
  Pow: 'Pow',
  Equal: 'Equal',
  Greater: 'Greater',
  GreaterOrEqual: 'GreaterEqual',
  Less: 'Less',
  LessOrEqual: 'LessEqual',
  And: 'LogicalAnd',
  Or: 'LogicalOr',
  Xor: 'LogicalXor',
}

/** The order in which an op on one value is cheapest: that in which the value is there. */
export function orderOf(writer: ProgramWriter, value: Value): Order {
  return writer.has(value, 'last') ? 'last' : 'plain'
}

export function unary(writer: ProgramWriter, node: Node): void {
  const kernel = UNARY[node.type]!
  pointwise(writer, node, (x) => writer.emit(kernel, [x]))
}

/** Writes an op that computes each element by itself. */
export function pointwise(writer: ProgramWriter, node: Node, compute: (x: Ref) => Ref): void {
  const x = node.inputs[0]!
  const order = orderOf(writer, x)
  writer.give(node.output, compute(writer.in(x, order)), order)
}

/** Ops that are several kernels, or kernels with numbers of their own. */
export const COMPOSED: Readonly<Record<string, (writer: ProgramWriter, x: Ref, node: Node) => Ref>> = {
  LeakyRelu: (writer, x, node) => writer.emit('LeakyRelu', [x], { alpha: node.float('alpha', 0.01) }),
  HardSigmoid: (writer, x, node) => hardSigmoid(writer, x, node.float('alpha', 0.2), node.float('beta', 0.5)),
  HardSwish: (writer, x) => writer.emit('Multiply', [x, hardSigmoid(writer, x, 1 / 6, 0.5)]),
  Elu: (writer, x, node) => {
    const alpha = node.float('alpha', 1)
    if (alpha === 1) return writer.emit('Elu', [x])
    // max(x, 0) + alpha * (elu(min(x, 0))).
    const below = writer.emit('Elu', [writer.emit('ClipByValue', [x], { max: 0 })])
    return writer.emit('Add', [writer.emit('Relu', [x]), writer.emit('Multiply', [below, writer.scalar(alpha)])])
  },
  Gelu: (writer, x, node) => {
    const half = writer.emit('Multiply', [x, writer.scalar(0.5)])
    if (node.string('approximate', 'none') === 'none') {
      const erf = writer.emit('Erf', [writer.emit('Multiply', [x, writer.scalar(Math.SQRT1_2)])])
      return writer.emit('Multiply', [half, writer.emit('Add', [erf, writer.scalar(1)])])
    }
    const cube = writer.emit('Multiply', [writer.emit('Multiply', [writer.emit('Square', [x]), x]), writer.scalar(0.044715)])
    const inner = writer.emit('Multiply', [writer.emit('Add', [x, cube]), writer.scalar(Math.sqrt(2 / Math.PI))])
    return writer.emit('Multiply', [half, writer.emit('Add', [writer.emit('Tanh', [inner]), writer.scalar(1)])])
  },
  Softsign: (writer, x) => writer.emit('RealDiv', [x, writer.emit('Add', [writer.emit('Abs', [x]), writer.scalar(1)])]),
  Mish: (writer, x) => writer.emit('Multiply', [x, writer.emit('Tanh', [writer.emit('Softplus', [x])])]),
}

function hardSigmoid(writer: ProgramWriter, x: Ref, alpha: number, beta: number): Ref {
  const scaled = alpha === 1 ? x : writer.emit('Multiply', [x, writer.scalar(alpha)])
  return writer.emit('ClipByValue', [writer.emit('Add', [scaled, writer.scalar(beta)])], { min: 0, max: 1 })
}

export function composed(writer: ProgramWriter, node: Node): void {
  pointwise(writer, node, (x) => COMPOSED[node.type]!(writer, x, node))
}

export function clip(writer: ProgramWriter, node: Node): void {
  const [min, max] = boundsOf(node)
  if (min === undefined) throw unsupported(`the bounds of ${node.describe()} are not constant`)
  if (memoryType(node.output.elementType) !== 'float32') throw unsupported(`${node.describe()} clips whole numbers`)
  pointwise(writer, node, (x) => {
    if (min === 0 && max === Infinity) return writer.emit('Relu', [x])
    if (min === 0 && max === 6) return writer.emit('Relu6', [x])
    return writer.emit('ClipByValue', [x], { min: Number.isFinite(min) ? min : undefined, max: Number.isFinite(max) ? max : undefined })
  })
}

/** An op of two inputs, or a sum of several. */
export function binary(writer: ProgramWriter, node: Node): void {
  const kernel = BINARY[node.type]!
  const values = node.inputs.map((value) => value!)
  const exact = powerOf(node)
  if (exact) {
    pointwise(writer, node, (x) => exact(writer, x))
    return
  }
  const rank = Math.max(...values.map((value) => writer.rank(value)))
  const order = commonOrder(writer, values, rank)
  if (node.type === 'Div' && memoryType(node.output.elementType) !== 'float32')
    throw unsupported(`${node.describe()} divides whole numbers`)
  const operands = values.map((value) => operand(writer, value, rank, order))
  writer.give(
    node.output,
    operands.reduce((a, b) => writer.emit(kernel, [a, b])),
    order,
  )
}

function powerOf(node: Node): ((writer: ProgramWriter, x: Ref) => Ref) | undefined {
  const exponent = node.type === 'Pow' ? node.inputs[1]?.tensor : undefined
  if (exponent?.size !== 1) return undefined
  switch (exponent.toNumbers()[0]) {
    case 2:
      return (writer, x) => writer.emit('Square', [x])
    case 0.5:
      return (writer, x) => writer.emit('Sqrt', [x])
    case 3:
      return (writer, x) => writer.emit('Multiply', [writer.emit('Square', [x]), x])
    default:
      return undefined
  }
}

/** Channels last where a value of full rank is so, and all others are constants, numbers or of full rank too. */
export function commonOrder(writer: ProgramWriter, values: readonly Value[], rank: number): Order {
  if (rank < 3 || !values.some((value) => !value.tensor && writer.rank(value) === rank && writer.has(value, 'last'))) return 'plain'
  return values.every((value) => value.tensor || writer.rank(value) === rank || writer.rank(value) === 0) ? 'last' : 'plain'
}

/** An operand of an op whose result has `rank` axes. */
export function operand(writer: ProgramWriter, value: Value, rank: number, order: Order): Ref {
  const { tensor } = value
  if (order === 'plain') return writer.plain(value)
  if (!tensor) return writer.rank(value) === 0 ? writer.plain(value) : writer.last(value)
  if (tensor.size === 1) return tensor.dims.length === 0 ? writer.plain(value) : writer.scalarOf(value)
  const dims = [...Array<number>(rank - tensor.dims.length).fill(1), ...tensor.dims]
  return writer.reordered(value, dims, lastOf(rank))
}

export function prelu(writer: ProgramWriter, node: Node): void {
  const [x, slope] = node.inputs as [Value, Value]
  const { tensor } = slope
  const rank = writer.rank(x)
  const channels = x.shape?.[1]
  if (!tensor || rank < 3) throw unsupported(`the slopes of ${node.describe()} are not constant`)
  const dims = [...Array<number>(rank - tensor.dims.length).fill(1), ...tensor.dims]
  if (tensor.size === 1) return pointwise(writer, node, (ref) => writer.emit('LeakyRelu', [ref], { alpha: tensor.toNumbers()[0]! }))
  if (dims[1] !== tensor.size || channels !== tensor.size) throw unsupported(`${node.describe()} has slopes for single elements`)
  const slopes = writer.weight(slope.name, Tensor.float32([tensor.size], tensor.toFloat32()))
  writer.give(node.output, writer.emit('Prelu', [writer.last(x), slopes]), 'last')
}

const CASTS = { float32: 0, int32: 1, bool: 2 }

export function cast(writer: ProgramWriter, node: Node): void {
  const x = node.inputs[0]!
  if (writer.has(x, 'ints') && memoryType(node.output.elementType) === 'int32') return writer.give(node.output, writer.ints(x), 'ints')
  const type = CASTS[memoryType(node.output.elementType)]
  memoryType(x.elementType)
  pointwise(writer, node, (ref) => writer.emit('Cast', [ref], { type }))
}

export function where(writer: ProgramWriter, node: Node): void {
  const values = node.inputs.map((value) => value!)
  const rank = Math.max(...values.map((value) => writer.rank(value)))
  const order = commonOrder(writer, values, rank)
  const operands = values.map((value) => operand(writer, value, rank, order))
  writer.give(node.output, writer.emit('SelectV2', operands), order)
}

/** BatchNormalization that no convolution took in: a product and a sum. */
export function batchNormalization(writer: ProgramWriter, node: Node): void {
  const [x, ...constants] = node.inputs as Value[]
  const [scale, bias, mean, variance] = constants.map((value) => value.tensor?.toFloat32())
  if (!scale || !bias || !mean || !variance) throw unsupported(`the statistics of ${node.describe()} are not constant`)
  const epsilon = node.float('epsilon', 1e-5)
  const factor = scale.map((value, at) => value / Math.sqrt(variance[at]! + epsilon))
  const shift = bias.map((value, at) => value - mean[at]! * factor[at]!)
  const rank = writer.rank(x!)
  const order: Order = rank < 3 ? 'plain' : 'last'
  const name = constants[0]!.name
  const scaled = writer.emit('Multiply', [writer.in(x!, order), writer.weight(`${name}_scale`, Tensor.float32([factor.length], factor))])
  writer.give(node.output, writer.emit('Add', [scaled, writer.weight(`${name}_shift`, Tensor.float32([shift.length], shift))]), order)
}
