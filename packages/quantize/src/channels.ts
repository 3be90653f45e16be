import { type ChannelDistribution, type Model, type Node, Tensor, type Value, constantOf, kernelOf } from '@whittle/ir'

/** A kernel seen from one side: which channel of its data, or of its output, each of its elements belongs to. */
export interface Side {
  readonly node: Node
  readonly kernel: Value
  readonly channels: number
  channelOf(index: number): number
}

/** A constant that scales with the channels, and which channel each of its elements belongs to. */
interface Scaled {
  readonly node: Node
  readonly index: number
  channelOf(index: number): number
}

/** Where a factor for each channel can move from what gives the channels to the layers that read them. */
export interface Link {
  /** The layer or normalization that gives the channels. */
  readonly node: Node
  readonly channels: number
  /** What a factor divides: the parameters of the node, and what is added on the way. */
  readonly constants: readonly Scaled[]
  readonly consumers: readonly Side[]
  /** The axis of the channels, from the back where negative. */
  readonly axis: number
  /** Every value on the way, the node's output first. */
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

/** Whether a node multiplies channels with a kernel. */
export function isLayer(node: Node): boolean {
  return CHANNEL_AXES.has(node.type)
}

/** The link behind a layer, or why there is none. */
export function linkBehind(node: Node): Link | string {
  const side = outputSide(node)
  if (typeof side === 'string') return side
  const constants: Scaled[] = [{ node, index: 1, channelOf: side.channelOf }]
  if (node.inputs[2]) constants.push({ node, index: 2, channelOf: same })
  return linkOf(node, side.channels, CHANNEL_AXES.get(node.type)!, constants)
}

/** The link behind what multiplies each channel by a constant of its own: a normalization, or a Mul. Undefined for other nodes. */
export function linkBehindScale(node: Node): Link | string | undefined {
  const isNorm = node.type === 'LayerNormalization' || node.type === 'BatchNormalization'
  if (!isNorm && node.type !== 'Mul') return undefined
  const index = isNorm ? 1 : node.inputs.findIndex((input) => constantOf(input) !== undefined)
  const scale = constantOf(node.inputs[index])
  const shift = isNorm ? constantOf(node.inputs[2]) : undefined
  const channels = scale?.dims.at(-1)
  if (index < 0 || scale?.type !== 'float32' || scale.size !== channels || channels === 1)
    return isNorm ? 'its scale is no constant' : undefined
  if (isNorm && node.inputs[2] && (shift?.type !== 'float32' || shift.size !== channels)) return 'its bias is no constant'
  const axis = node.type === 'BatchNormalization' ? 1 : -1
  const last = (node.inputs[0]?.shape?.length ?? 0) - 1
  if (node.type === 'LayerNormalization' && ![-1, last].includes(node.int('axis', -1))) return 'it normalizes several axes'
  const constants: Scaled[] = [{ node, index, channelOf: same }]
  if (isNorm && node.inputs[2]) constants.push({ node, index: 2, channelOf: same })
  return linkOf(node, channels, axis, constants)
}

function same(index: number): number {
  return index
}

/** A link that is being followed. */
interface Way {
  readonly node: Node
  readonly channels: number
  readonly constants: Scaled[]
  readonly consumers: Side[]
  readonly values: Value[]
}

function linkOf(node: Node, channels: number, axis: number, constants: Scaled[]): Link | string {
  const way: Way = { node, channels, constants, consumers: [], values: [] }
  const why = walk(node.output, axis, way)
  if (why) return why
  return way.consumers.length > 0 ? { ...way, axis } : 'nothing reads it'
}

function walk(value: Value, axis: number, way: Way): string | undefined {
  if (value.isOutput) return 'an output depends on its scale'
  if (value.quantization) return 'what it gives has a grid already'
  way.values.push(value)
  for (const { node, index } of value.uses) {
    const why: string | undefined = pass(node, index, axis, way)
    if (why) return why
  }
  return undefined
}

function pass(node: Node, index: number, axis: number, way: Way): string | undefined {
  const { channels } = way
  if (node.graph !== way.node.graph) return 'a subgraph reads it'
  if (node.outputs.slice(1).some((output) => output && (output.uses.length > 0 || output.isOutput))) return `${node.type} gives two outputs`
  if (CHANNEL_AXES.get(node.type) === axis && index === 0) {
    const side = inputSide(node)
    if (typeof side === 'string') return side
    if (side.channels !== channels) return `${node.describe()} reads other channels`
    way.consumers.push(side)
    return undefined
  }
  if (index === 0 && (HOMOGENEOUS.has(node.type) || (axis === 1 && SPATIAL.has(node.type)) || isRelu(node)))
    return walk(node.output, axis, way)
  if (node.type === 'Add') {
    const shift = constantOf(node.inputs[1 - index])
    const at = shift && axis < 0 ? shift.dims.length - 1 : -1
    if (shift?.type !== 'float32' || shift.size !== channels || shift.dims[at] !== channels) return 'its output is added to something'
    way.constants.push({ node, index: 1 - index, channelOf: same })
    return walk(node.output, axis, way)
  }
  if (index === 0 && axis === 1 && dropsUnitAxes(node, channels)) return walk(node.output, -1, way)
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
  if (!kernel || !isLayer(node)) return 'its kernel is no constant'
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

/**
 * Divides the channels of links by factors and multiplies the layers that read them by the same. What is known of the distribution of values
 * stays known.
 */
export function moveFactors(model: Model, moves: readonly { readonly link: Link; readonly factors: Float64Array }[]): void {
  const known = [...model.nodes()].flatMap((node) => node.outputs.map((value) => ({ value, distribution: value?.distribution })))
  for (const { link, factors } of moves) {
    for (const { node, index, channelOf } of link.constants) replaceConstant(node, index, (item, at) => item / factors[channelOf(at)]!)
    for (const { node, channelOf } of link.consumers) replaceConstant(node, 1, (item, at) => item * factors[channelOf(at)]!)
  }
  for (const { value, distribution } of known) if (value) value.distribution = distribution
  for (const { link, factors } of moves) for (const value of link.values) value.distribution &&= divided(value.distribution, factors)
}

function divided({ mean, deviation }: ChannelDistribution, factors: Float64Array): ChannelDistribution {
  const divide = (items: Float32Array): Float32Array => items.map((item, channel) => item / factors[channel]!)
  return { mean: divide(mean), deviation: divide(deviation) }
}

/** Puts `next` in the place of a constant input's elements, in a new initializer where others read the old one. */
function replaceConstant(node: Node, index: number, next: (item: number, at: number) => number): void {
  const value = node.inputs[index]!
  const tensor = constantOf(value)!
  const replaced = Tensor.float32(tensor.dims, tensor.toFloat32().map(next))
  if (value.tensor && value.uses.length === 1 && !value.isOutput && value.graph === node.graph) node.graph.setTensor(value, replaced)
  else node.graph.setInput(node, index, node.graph.addInitializer(value.name, replaced))
}
