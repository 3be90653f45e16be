import { type Model, type Node, type Value, constantOf } from '@whittle/ir'
import { type Side, dropsUnitAxes, inputSide, outputSide } from './channels.ts'
import { clippedNormal, mappedNormal } from './clipped-normal.ts'

/** What a value's channels are expected to be; channels are on axis 1. */
export interface ChannelStatistics {
  readonly mean: Float64Array
  readonly deviation: Float64Array
  /** Between which all but the rarest lie. */
  readonly low: Float64Array
  readonly high: Float64Array
}

/** Standard deviations that a range reaches to each side (Nagel et al. 2019, section 5). */
const REACH = 6

/**
 * What the values of a model's graph are expected to be without running it: BatchNormalization says it of the layers before it (its bias and its
 * scale are mean and deviation, Nagel et al. 2019), and what depends on nothing else follows. Where a layer has no BatchNormalization its
 * inputs count as independent. What depends on an input alone, and what passes other ops, is not known.
 */
export function statisticsOf(model: Model): Map<Value, ChannelStatistics> {
  const known = new Map<Value, ChannelStatistics>()
  for (const node of model.graph.nodes) {
    const [output] = node.outputs
    if (!output) continue
    const statistics = output.distribution
      ? normals(Float64Array.from(output.distribution.mean), Float64Array.from(output.distribution.deviation))
      : derived(node, known)
    if (statistics) known.set(output, statistics)
  }
  return known
}

function derived(node: Node, known: ReadonlyMap<Value, ChannelStatistics>): ChannelStatistics | undefined {
  const [x, y] = node.inputs.map((input) => input && known.get(input))
  const map = x && mapOf(node)
  if (map) return mapped(x, map)
  const bounds = x && boundsOf(node)
  if (bounds) return clipped(x, ...bounds)
  switch (node.type) {
    case 'Identity':
    case 'GlobalAveragePool':
    case 'AveragePool':
    case 'MaxPool':
    case 'GlobalMaxPool':
    case 'Resize':
      return x
    case 'Conv':
    case 'Gemm':
    case 'MatMul':
      return x && behindLayer(node, x)
    case 'Add':
      return x && y && joined(x, y, sumOfTwo, sumOfEnds)
    case 'Mul':
      return x && y && joined(x, y, productOfTwo, productOfEnds)
    case 'Concat':
      return node.int('axis', 0) === 1 ? concatenated(node.inputs.map((input) => input && known.get(input))) : undefined
    case 'Flatten':
    case 'Reshape':
    case 'Squeeze':
      return x && dropsUnitAxes(node, x.mean.length) ? x : undefined
    default:
      return undefined
  }
}

/** An op that is one function of a number. */
function mapOf(node: Node): ((item: number) => number) | undefined {
  switch (node.type) {
    case 'LeakyRelu': {
      const slope = node.float('alpha', 0.01)
      return (item) => (item < 0 ? slope * item : item)
    }
    case 'Sigmoid':
      return (item) => 1 / (1 + Math.exp(-item))
    case 'Tanh':
      return Math.tanh
    case 'HardSwish':
      return (item) => (item * Math.max(0, Math.min(6, item + 3))) / 6
    case 'HardSigmoid': {
      const [slope, shift] = [node.float('alpha', 0.2), node.float('beta', 0.5)]
      return (item) => Math.max(0, Math.min(1, slope * item + shift))
    }
    default:
      return undefined
  }
}

function boundsOf(node: Node): [low: number, high: number] | undefined {
  if (node.type === 'Relu') return [0, Infinity]
  if (node.type !== 'Clip') return undefined
  const bound = (at: number, free: number): number | undefined => (node.inputs[at] ? constantOf(node.inputs[at])?.toNumbers()[0] : free)
  const [low, high] = [bound(1, -Infinity), bound(2, Infinity)]
  return low === undefined || high === undefined ? undefined : [low, high]
}

function normals(mean: Float64Array, deviation: Float64Array): ChannelStatistics {
  return {
    mean,
    deviation,
    low: mean.map((item, channel) => item - REACH * deviation[channel]!),
    high: mean.map((item, channel) => item + REACH * deviation[channel]!),
  }
}

function clipped(x: ChannelStatistics, low: number, high: number): ChannelStatistics {
  const clip = (item: number): number => Math.max(low, Math.min(high, item))
  const each = Array.from(x.mean, (mean, channel) => clippedNormal({ mean, deviation: x.deviation[channel]! }, low, high))
  return { ...columns(each), low: x.low.map(clip), high: x.high.map(clip) }
}

/** Points between the ends at which the function is looked at: none of these functions is monotone by need. */
const POINTS = 256

function mapped(x: ChannelStatistics, map: (item: number) => number): ChannelStatistics {
  const each = Array.from(x.mean, (mean, channel) => mappedNormal({ mean, deviation: x.deviation[channel]! }, map))
  const ends = Array.from(x.low, (low, channel) => {
    const seen = Array.from({ length: POINTS + 1 }, (_, point) => map(low + ((x.high[channel]! - low) * point) / POINTS))
    return [Math.min(...seen), Math.max(...seen)] as const
  })
  return { ...columns(each), low: Float64Array.from(ends, ([low]) => low), high: Float64Array.from(ends, ([, high]) => high) }
}

/**
 * A layer without BatchNormalization. Channels count as independent; the taps of one channel as equal or independent, by what gives more
 * variance. A sum of many channels is near to normal; in one of few a single channel reaches further.
 */
function behindLayer(node: Node, x: ChannelStatistics): ChannelStatistics | undefined {
  if (node.type !== 'Conv' && node.output.shape?.length !== 2) return undefined
  const [output, input] = [outputSide(node), inputSide(node)]
  if (typeof output === 'string' || typeof input === 'string' || input.channels !== x.mean.length) return undefined
  const [alpha, beta] = node.type === 'Gemm' ? [node.float('alpha', 1), node.float('beta', 1)] : [1, 1]
  const bias = constantOf(node.inputs[2])?.toFloat32()
  const sums = Array.from({ length: output.channels }, (_, channel) => ({
    mean: (bias?.[channel] ?? 0) * beta,
    variance: 0,
    down: 0,
    up: 0,
  }))
  for (const [key, { positive, negative, squares }] of tapsOf(input, output, alpha)) {
    const [sum, from] = [sums[Math.floor(key / input.channels)]!, key % input.channels]
    const mean = (positive - negative) * x.mean[from]!
    sum.mean += mean
    sum.variance += Math.max((positive - negative) ** 2, squares) * x.deviation[from]! ** 2
    sum.up = Math.max(sum.up, positive * x.high[from]! - negative * x.low[from]! - mean)
    sum.down = Math.max(sum.down, mean - positive * x.low[from]! + negative * x.high[from]!)
  }
  const deviations = sums.map(({ variance }) => REACH * Math.sqrt(variance))
  return {
    mean: Float64Array.from(sums, ({ mean }) => mean),
    deviation: Float64Array.from(sums, ({ variance }) => Math.sqrt(variance)),
    low: Float64Array.from(sums, ({ mean, down }, channel) => mean - Math.max(down, deviations[channel]!)),
    high: Float64Array.from(sums, ({ mean, up }, channel) => mean + Math.max(up, deviations[channel]!)),
  }
}

/** What connects an output channel (`key / input channels`) with an input channel: sums over its taps. */
function tapsOf(input: Side, output: Side, factor: number): Map<number, { positive: number; negative: number; squares: number }> {
  const taps = new Map<number, { positive: number; negative: number; squares: number }>()
  input.kernel.tensor!.toFloat32().forEach((item, index) => {
    const key = output.channelOf(index) * input.channels + input.channelOf(index)
    let at = taps.get(key)
    if (!at) taps.set(key, (at = { positive: 0, negative: 0, squares: 0 }))
    const weight = item * factor
    if (weight > 0) at.positive += weight
    else at.negative -= weight
    at.squares += weight * weight
  })
  return taps
}

function concatenated(parts: readonly (ChannelStatistics | undefined)[]): ChannelStatistics | undefined {
  if (!parts.every((part) => part !== undefined)) return undefined
  const all = (key: keyof ChannelStatistics): Float64Array => Float64Array.from(parts.flatMap((part) => [...part[key]]))
  return { mean: all('mean'), deviation: all('deviation'), low: all('low'), high: all('high') }
}

interface One {
  readonly mean: number
  readonly deviation: number
  readonly low: number
  readonly high: number
}

/** Two values, channel by channel, one of them perhaps with one for all. */
function joined(
  x: ChannelStatistics,
  y: ChannelStatistics,
  moments: (a: One, b: One) => [mean: number, deviation: number],
  ends: (a: One, b: One) => [low: number, high: number],
): ChannelStatistics | undefined {
  const [m, n] = [x.mean.length, y.mean.length]
  if (m !== n && m !== 1 && n !== 1) return undefined
  const oneOf = ({ mean, deviation, low, high }: ChannelStatistics, channel: number): One => {
    const at = mean.length === 1 ? 0 : channel
    return { mean: mean[at]!, deviation: deviation[at]!, low: low[at]!, high: high[at]! }
  }
  const each = Array.from({ length: Math.max(m, n) }, (_, channel) => {
    const [a, b] = [oneOf(x, channel), oneOf(y, channel)]
    const [mean, deviation] = moments(a, b)
    const [low, high] = ends(a, b)
    return { mean, deviation, low, high }
  })
  return { ...columns(each), low: Float64Array.from(each, ({ low }) => low), high: Float64Array.from(each, ({ high }) => high) }
}

function sumOfTwo(a: One, b: One): [number, number] {
  return [a.mean + b.mean, Math.hypot(a.deviation, b.deviation)]
}

/** A sum is nearer to normal than its parts, and their ends seldom meet. */
function sumOfEnds(a: One, b: One): [number, number] {
  const [mean, deviation] = sumOfTwo(a, b)
  return [Math.max(a.low + b.low, mean - REACH * deviation), Math.min(a.high + b.high, mean + REACH * deviation)]
}

function productOfTwo(a: One, b: One): [number, number] {
  const variance = (a.deviation * b.deviation) ** 2 + (a.deviation * b.mean) ** 2 + (b.deviation * a.mean) ** 2
  return [a.mean * b.mean, Math.sqrt(variance)]
}

function productOfEnds(a: One, b: One): [number, number] {
  const products = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high]
  return [Math.min(...products), Math.max(...products)]
}

function columns(each: readonly { mean: number; deviation: number }[]): Pick<ChannelStatistics, 'mean' | 'deviation'> {
  return { mean: Float64Array.from(each, ({ mean }) => mean), deviation: Float64Array.from(each, ({ deviation }) => deviation) }
}
