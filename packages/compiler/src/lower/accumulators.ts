import { type IntegerQuantization, Tensor, type Value, constantOf, kernelOf, type Node } from '@whittle/ir'

/** A product of scales below this is no normal float32, and dividing by it loses what it divides. */
const LEAST_PRODUCT = 2 ** -126
const MOST_INT32 = 2 ** 31 - 1

/**
 * The scales of a weight's channels as a target that computes in integers uses them. A channel of zeros is exact with any scale: it takes the
 * least of the others, since the bias is rounded to steps of the input's scale times it.
 */
export function channelScales(weight: Value, grid: IntegerQuantization): Float32Array {
  const { axis, scale } = grid
  if (axis === undefined) return scale
  const { dims } = weight.tensor!
  const data = weight.tensor!.toFloat32()
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1)
  const used = new Uint8Array(scale.length)
  for (let at = 0; at < data.length; at++) if (data[at] !== 0) used[Math.floor(at / inner) % scale.length] = 1
  const least = scale.reduce((min, item, channel) => (used[channel] ? Math.min(min, item) : min), Infinity)
  return scale.map((item, channel) => (used[channel] || least === Infinity ? item : Math.min(item, least)))
}

/** Why a node's sums or its bias would not fit 32 bits; undefined where they do. */
export function whyNotInInt32(node: Node, input: IntegerQuantization, weight: Value, grid: IntegerQuantization): string | undefined {
  const channels = kernelOf(node)?.tensor.dims[kernelOf(node)!.outputAxis!] ?? 1
  if ((weight.tensor!.size / channels) * 255 * 127 > MOST_INT32) return 'its sums could pass 32 bits'
  const scales = channelScales(weight, grid)
  const products = scales.map((scale) => scale * input.scale[0]!)
  if (products.some((product) => !(product >= LEAST_PRODUCT))) return 'the product of its scales is too small for float32'
  const bias = constantOf(node.inputs[2])?.toFloat32()
  if (!bias) return undefined
  if (bias.length !== channels) return 'its bias is not one number a channel'
  const tooLarge = bias.some((item, channel) => !(Math.abs(item / products[scales.length === 1 ? 0 : channel]!) <= MOST_INT32))
  return tooLarge ? 'its bias does not fit 32 bits in steps of its scales' : undefined
}

/** The bias in steps of the products' scale, and those scales. */
export function biasInSteps(bias: Value, input: IntegerQuantization, weightScales: Float32Array): { integers: Tensor; scales: Tensor } {
  const data = constantOf(bias)!.toFloat32()
  const scales = Float32Array.from(
    { length: data.length },
    (_, channel) => input.scale[0]! * weightScales[weightScales.length === 1 ? 0 : channel]!,
  )
  const integers = Int32Array.from(data, (item, channel) => Math.round(item / scales[channel]!))
  return { integers: Tensor.of('int32', [data.length], integers), scales: Tensor.float32([data.length], scales) }
}
