import { type Node, Tensor, type Value, constantOf, kernelOf } from '@whittle/ir'

/** A kernel seen from one side: which channel of its data, or of its output, each of its elements belongs to. */
export interface Side {
  readonly node: Node
  readonly kernel: Value
  readonly channels: number
  channelOf(index: number): number
}

/** Where a factor for each channel can move from the layer that gives the channels to those that read them. */
export interface Link {
  readonly producer: Side
  readonly consumers: readonly Side[]
  /** Constants that are added on the way, by node and input; a factor scales them. */
  readonly shifts: readonly { readonly node: Node; readonly index: number }[]
  /** Every value on the way, the producer's output first. */
  readonly values: readonly Value[]
}

/** Ops that give `f(s x) = s f(x)` for s > 0, one channel by itself. */
const HOMOGENEOUS: ReadonlySet<string> = new Set(['Relu', 'LeakyRelu', 'PRelu', 'Identity', 'Abs', 'Neg', 'Dropout'])
/** The same for values whose channels are on axis 1, over the axes behind it. */
const SPATIAL: ReadonlySet<string> = new Set(['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool'])

/** The axis of a layer's channels in its data and its output, from the back where negative. */
const CHANNEL_AXES: ReadonlyMap<string, number> = new Map([
  ['Conv', 1],
  ['ConvTranspose', 1],
  ['Gemm', -1],
  ['MatMul', -1],
])

/** The link behind a layer, or why there is none. */
export function linkBehind(node: Node): Link | string {
  const producer = outputSide(node)
  if (typeof producer === 'string') return producer
  const link = { producer, consumers: [] as Side[], shifts: [] as { node: Node; index: number }[], values: [] as Value[] }
  const why = walk(node.output, CHANNEL_AXES.get(node.type)!, link)
  if (why) return why
  return link.consumers.length > 0 ? link : 'nothing reads it'
}

function walk(
  value: Value,
  axis: number,
  link: { producer: Side; consumers: Side[]; shifts: { node: Node; index: number }[]; values: Value[] },
) {
  if (value.isOutput) return 'an output depends on its scale'
  if (value.quantization) return 'what it gives has a grid already'
  link.values.push(value)
  for (const { node, index } of value.uses) {
    const why: string | undefined = pass(node, index, axis, link)
    if (why) return why
  }
  return undefined
}

function pass(node: Node, index: number, axis: number, link: Parameters<typeof walk>[2]): string | undefined {
  const { channels } = link.producer
  if (node.graph !== link.producer.node.graph) return 'a subgraph reads it'
  if (node.outputs.slice(1).some((output) => output && (output.uses.length > 0 || output.isOutput))) return `${node.type} gives two outputs`
  if (CHANNEL_AXES.get(node.type) === axis && index === 0) {
    const side = inputSide(node)
    if (typeof side === 'string') return side
    if (side.channels !== channels) return `${node.describe()} reads other channels`
    link.consumers.push(side)
    return undefined
  }
  if (index === 0 && (HOMOGENEOUS.has(node.type) || (axis === 1 && SPATIAL.has(node.type)) || isRelu(node)))
    return walk(node.output, axis, link)
  if (node.type === 'Add') {
    const shift = constantOf(node.inputs[1 - index])
    const at = shift && axis < 0 ? shift.dims.length - 1 : -1
    if (shift?.type !== 'float32' || shift.size !== channels || shift.dims[at] !== channels) return 'its output is added to something'
    link.shifts.push({ node, index: 1 - index })
    return walk(node.output, axis, link)
  }
  if (index === 0 && axis === 1 && dropsUnitAxes(node, channels)) return walk(node.output, -1, link)
  return `${node.type} reads its output, which a scale cannot pass`
}

/** A Clip at 0 alone is a Relu; any other bound would have to be another one for each channel. */
function isRelu(node: Node): boolean {
  if (node.type !== 'Clip') return false
  const bound = (at: number): number | undefined => {
    const value = node.inputs[at]
    if (!value) return undefined
    const tensor = constantOf(value)
    return tensor?.size === 1 && tensor.type === 'float32' ? tensor.toFloat32()[0] : NaN
  }
  const [least, greatest] = [bound(1) ?? -Infinity, bound(2) ?? Infinity]
  const isFree = (item: number, limit: number): boolean => item === 0 || item === limit
  return isFree(least, -Infinity) && isFree(greatest, Infinity)
}

/** From [N, C, 1, ...] to [N, C]. */
export function dropsUnitAxes(node: Node, channels: number): boolean {
  if (!['Flatten', 'Reshape', 'Squeeze'].includes(node.type)) return false
  const [from, to] = [node.inputs[0]!.shape, node.output.shape]
  return from?.[1] === channels && from.slice(2).every((dim) => dim === 1) && to?.length === 2 && to[1] === channels
}

/** The output channels of a layer; the reason where a scale of each cannot go into its kernel and bias. */
export function outputSide(node: Node): Side | string {
  const kernel = ownKernel(node)
  if (typeof kernel === 'string') return kernel
  const { tensor, outputAxis, value } = kernel
  if (outputAxis === undefined || (node.type === 'ConvTranspose' && node.int('group', 1) !== 1)) return `its ${node.type} has groups`
  const channels = tensor.dims[outputAxis]!
  const bias = constantOf(node.inputs[2])
  if (node.inputs[2] && (bias?.type !== 'float32' || bias.size !== channels || bias.dims.at(-1) !== channels))
    return 'its bias is no constant for each channel'
  return { node, kernel: value, channels, channelOf: axisIndex(tensor.dims, outputAxis) }
}

/** The channels that a layer reads. */
export function inputSide(node: Node): Side | string {
  const kernel = ownKernel(node)
  if (typeof kernel === 'string') return `${node.describe()} reads it: ${kernel}`
  const { tensor, inputAxis, value } = kernel
  const { dims } = tensor
  const group = node.type === 'Gemm' || node.type === 'MatMul' ? 1 : node.int('group', 1)
  if (inputAxis === undefined || node.int('transA', 0) !== 0) return `${node.describe()} reads it with other axes`
  const perGroup = axisIndex(dims, inputAxis)
  if (node.type !== 'Conv' || group === 1) {
    if (group !== 1) return `${node.describe()} has groups`
    return { node, kernel: value, channels: dims[inputAxis]!, channelOf: perGroup }
  }
  const perOutput = dims.slice(1).reduce((a, b) => a * b, 1)
  const outputs = dims[0]! / group
  const channelOf = (index: number): number => Math.floor(Math.floor(index / perOutput) / outputs) * dims[1]! + perGroup(index)
  return { node, kernel: value, channels: dims[1]! * group, channelOf }
}

function ownKernel(node: Node) {
  const kernel = kernelOf(node)
  if (!kernel || !CHANNEL_AXES.has(node.type)) return 'its kernel is no constant'
  const { value, tensor } = kernel
  if (!value.tensor || value.uses.length > 1 || value.isOutput || value.graph !== node.graph) return 'others read its kernel too'
  if (value.quantization) return 'its kernel has a grid already'
  if (tensor.type !== 'float32') return `its kernel is ${tensor.type}`
  if (node.type === 'MatMul' && tensor.dims.length !== 2) return 'its kernel is no matrix'
  return kernel
}

function axisIndex(dims: readonly number[], axis: number): (index: number) => number {
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1)
  const size = dims[axis]!
  return (index) => Math.floor(index / inner) % size
}

/** Puts `next` in the place of a constant input's elements, in a new initializer where others read the old one. */
export function replaceConstant(node: Node, index: number, next: (item: number, at: number) => number): void {
  const value = node.inputs[index]!
  const tensor = constantOf(value)!
  const replaced = Tensor.float32(tensor.dims, tensor.toFloat32().map(next))
  if (value.tensor && value.uses.length === 1 && !value.isOutput && value.graph === node.graph) node.graph.setTensor(value, replaced)
  else node.graph.setInput(node, index, node.graph.addInitializer(value.name, replaced))
}
