import { Tensor, type Value } from '@whittle/ir'
import { activate, clip, leakyRelu } from '../blocks/activation.ts'
import { batchNorm } from '../blocks/normalize.ts'
import { upsample } from '../blocks/resize.ts'
import { toInt } from '../json.ts'
import type { LayerCall, LayerRule } from './call.ts'
import { isChannelsLast } from './conv.ts'
import { productOf } from './merge.ts'

const identity: LayerRule = ({ x }) => x

function dense(call: LayerCall): Value {
  const { e, config, x } = call
  const [kernel, bias] = [call.weight('kernel'), config.bool('use_bias', true) ? call.weight('bias') : undefined]
  const y = e.rank(x) === 2 && bias ? e.node('Gemm', [x, kernel, bias]) : e.node('MatMul', [x, kernel])
  return activate(e, bias && e.rank(x) !== 2 ? e.node('Add', [y, bias]) : y, config.string('activation', 'linear'))
}

function flatten(call: LayerCall): Value {
  const { e, x } = call
  const rank = e.rank(x)
  const last = isChannelsLast(call) || rank < 3 ? x : e.transpose(x, [0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2), 1])
  return e.node('Flatten', [last], { axis: 1 })
}

/** The batch stays; one of the rest may be -1. */
function reshape({ e, config, x }: LayerCall): Value {
  // JSON has no place for -1 in some versions, which write null.
  const target = config.list('target_shape').map((dim) => (dim === null ? -1 : toInt(dim, `'target_shape' of ${config.at}`)))
  const shape = e.shape(x)
  const given = productOf(target.filter((dim) => dim >= 0))!
  const free = target.filter((dim) => dim < 0).length
  if (free > 1) throw e.fail(`a shape of [${target.join()}] leaves more than one dimension open`)
  const size = productOf(shape.slice(1))
  if (size !== undefined && (free === 0 ? size !== given : size % given !== 0))
    throw e.fail(`a tensor of [${shape.slice(1).join()}] cannot be reshaped to [${target.join()}]`)
  if (size === undefined) {
    if (free === 0) return e.reshape(x, [shape[0]!, ...target])
    return e.node('Reshape', [x, e.ints([0, ...target])])
  }
  return e.reshape(x, [shape[0]!, ...target.map((dim) => (dim < 0 ? size / given : dim))])
}

function repeatVector({ e, config, x }: LayerCall): Value {
  if (e.rank(x) !== 2) throw e.fail('RepeatVector repeats vectors')
  const times = config.int('n')
  if (times < 1) throw e.fail(`a vector cannot be repeated ${times} times`)
  return e.node('Tile', [e.unsqueeze(x, [1]), e.ints([1, times, 1])])
}

function embedding({ e, config, x, weight }: LayerCall): Value {
  if (config.raw('mask_zero') === true) throw e.refuse('an Embedding with mask_zero: masks have no form in ONNX; set it to false')
  const indices = e.cast(x, 'int32')
  const length = config.has('input_length') && e.rank(x) > 2
  if (length) throw e.refuse('an Embedding of a fixed input_length with more than one axis')
  return e.node('Gather', [weight('embeddings'), indices], { axis: 0 })
}

function batchNormalization(call: LayerCall): Value {
  const { e, config, x, weight } = call
  const rank = e.rank(x)
  const axis = e.axis(config.raw('axis') instanceof Array ? config.ints('axis')[0]! : config.int('axis', -1), rank)
  if (axis === 0) throw e.refuse('a batch normalization along the batch')
  const moments = {
    scale: config.bool('scale', true) ? weight('gamma') : undefined,
    offset: config.bool('center', true) ? weight('beta') : undefined,
    mean: weight('moving_mean'),
    variance: weight('moving_variance'),
    epsilon: config.number('epsilon', 1e-3),
  }
  if (axis === rank - 1 || axis === 1) return batchNorm(e, x, moments, axis !== 1)
  const swap = Array.from({ length: rank }, (_, index) => (index === 1 ? axis : index === axis ? 1 : index))
  return e.transpose(batchNorm(e, e.transpose(x, swap), moments, false), swap)
}

function layerNormalization({ e, config, x, weight }: LayerCall): Value {
  const rank = e.rank(x)
  const axes = (config.raw('axis') instanceof Array ? config.ints('axis') : [config.int('axis', -1)])
    .map((axis) => e.axis(axis, rank))
    .sort((a, b) => a - b)
  const first = axes[0]!
  if (axes.some((axis, index) => axis !== first + index) || first + axes.length !== rank)
    throw e.refuse(`a layer normalization along axes ${axes.join()}; only the last ones can be read`)
  const dims = axes.map((axis) => e.fixed(x, axis))
  if (productOf(dims)! > 2 ** 24) throw e.refuse(`a layer normalization over [${dims.join()}]`)
  const ones = (): Value => e.derived('ones', `ones ${dims.join()}`, () => Tensor.float32(dims, new Float32Array(productOf(dims)!).fill(1)))
  const scale = config.bool('scale', true) ? weight('gamma') : ones()
  const offset = config.bool('center', true) ? weight('beta') : undefined
  const epsilon = { type: 'float', value: config.number('epsilon', 1e-3) } as const
  return e.node('LayerNormalization', offset ? [x, scale, offset] : [x, scale], { axis: first, epsilon })
}

/** Zeros around height and width. */
function zeroPadding(call: LayerCall): Value {
  const { e, x } = call
  const [top, bottom, left, right] = sides(call, 'padding', [1, 1])
  const at = isChannelsLast(call) ? 1 : 2
  return e.node('Pad', [x, e.ints(around(at, top, left, bottom, right))], { mode: 'constant' })
}

function cropping(call: LayerCall): Value {
  const { e, x } = call
  const [top, bottom, left, right] = sides(call, 'cropping', [0, 0])
  const at = isChannelsLast(call) ? 1 : 2
  const ends = [bottom, right].map((end) => (end === 0 ? 2 ** 31 - 1 : -end))
  return e.node('Slice', [x, e.ints([top, left]), e.ints(ends), e.ints([at, at + 1])])
}

/** `n`, `[h, w]` or `[[top, bottom], [left, right]]`. */
function sides({ e, config }: LayerCall, key: string, fallback: readonly number[]): [number, number, number, number] {
  const raw = config.raw(key) ?? fallback
  const list = Array.isArray(raw) ? (raw as unknown[]) : [raw, raw]
  const pairs = list.map((item) => (Array.isArray(item) ? (item as unknown[]) : [item, item])).flat()
  if (pairs.length !== 4 || pairs.some((item) => !Number.isSafeInteger(item) || (item as number) < 0 || (item as number) > 2 ** 24))
    throw e.fail(`${key} must be one number, two, or two pairs, and is ${JSON.stringify(raw)}`)
  return pairs as [number, number, number, number]
}

function around(at: number, top: number, left: number, bottom: number, right: number): number[] {
  const [before, after] = [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ]
  before[at] = top
  before[at + 1] = left
  after[at] = bottom
  after[at + 1] = right
  return [...before, ...after]
}

function upSampling(call: LayerCall): Value {
  const { config } = call
  const factors = config.ints('size', 2, [2, 2])
  if (factors.length !== 2) throw call.e.fail('the size of an UpSampling2D is not two numbers')
  const method = config.choice('interpolation', ['nearest', 'bilinear'], 'nearest')
  return upsample(call.e, call.x, factors as [number, number], isChannelsLast(call), { method })
}

function rescaling({ e, config, x }: LayerCall): Value {
  const [scale, offset] = [config.number('scale'), config.number('offset', 0)]
  const scaled = e.node('Mul', [e.cast(x, 'float32'), e.scalar(scale)])
  return offset === 0 ? scaled : e.node('Add', [scaled, e.scalar(offset)])
}

function reluLayer({ e, config, x }: LayerCall): Value {
  return config.has('max_value') ? clip(e, x, 0, config.number('max_value')) : e.node('Relu', [x])
}

function eluLayer({ e, config, x }: LayerCall): Value {
  if (config.number('alpha', 1) !== 1) throw e.refuse('an ELU layer with an alpha other than 1, which TensorFlow.js has not either')
  return e.node('Elu', [x])
}

function softmaxLayer({ e, config, x }: LayerCall): Value {
  return e.node('Softmax', [x], { axis: e.axis(config.int('axis', -1), e.rank(x)) })
}

function thresholdedRelu({ e, config, x }: LayerCall): Value {
  return e.node('ThresholdedRelu', [x], { alpha: { type: 'float', value: config.number('theta', 1) } })
}

/** Axes of `Permute` count from 1, after the batch. */
function permute({ e, config, x }: LayerCall): Value {
  return e.transpose(x, [0, ...config.ints('dims')])
}

export const coreLayers: Readonly<Record<string, LayerRule>> = {
  InputLayer: identity,
  Dense: dense,
  Activation: ({ e, config, x }) => activate(e, x, config.string('activation')),
  Flatten: flatten,
  Reshape: reshape,
  Permute: permute,
  RepeatVector: repeatVector,
  Embedding: embedding,
  Dropout: identity,
  SpatialDropout1D: identity,
  GaussianNoise: identity,
  GaussianDropout: identity,
  AlphaDropout: identity,
  Rescaling: rescaling,
}

export const normalizationLayers: Readonly<Record<string, LayerRule>> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
}

export const pictureLayers: Readonly<Record<string, LayerRule>> = {
  ZeroPadding2D: zeroPadding,
  Cropping2D: cropping,
  UpSampling2D: upSampling,
}

export const activationLayers: Readonly<Record<string, LayerRule>> = {
  ReLU: reluLayer,
  LeakyReLU: ({ e, config, x }) => leakyRelu(e, x, config.number('alpha', 0.3)),
  PReLU: ({ e, x, weight }) => e.node('PRelu', [x, weight('alpha')]),
  ELU: eluLayer,
  ThresholdedReLU: thresholdedRelu,
  Softmax: softmaxLayer,
}
