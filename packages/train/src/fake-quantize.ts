import { type IntegerQuantization, type Model, Tensor, type Value, inferShapes, rangeOf, scaleDims, scaleIndices } from '@whittle/ir'
import { Builder } from './builder.ts'
import { valuesOf } from './values.ts'

/** The scales of a grid on which a value is rounded while training. */
export interface FakeScale {
  /** The initializer that holds them, in {@link scaleDims}. */
  readonly value: Value
  /** The name of the value that is rounded. */
  readonly of: string
  readonly quantization: IntegerQuantization
}

/**
 * Puts behind each value with an integer grid its rounding to that grid: `(round(clip(x / scale + zero)) - zero) * scale`. Through the
 * rounding go straight-through gradients (Bengio, Leonard & Courville 2013), and so the gradient of a scale is that of learned step sizes
 * (Esser et al. 2020).
 * @returns the scales, and the values left alone with the reason.
 */
export function fakeQuantize(model: Model): { scales: FakeScale[]; skipped: { at: string; why: string }[] } {
  const { graph } = model
  const scales: FakeScale[] = []
  const skipped: { at: string; why: string }[] = []
  const b = new Builder(graph)
  for (const value of valuesOf(model)) {
    const { quantization } = value
    if (!quantization || value.uses.length === 0) continue
    if (quantization.kind !== 'integer') {
      if (value.tensor) skipped.push({ at: value.name, why: `its grid is of the kind '${quantization.kind}', which is not learned` })
      continue
    }
    if (value.elementType !== undefined && value.elementType !== 'float32') continue
    const dims = value.tensor?.dims ?? value.shape
    if (!dims) {
      skipped.push({ at: value.name, why: 'its rank is not known' })
      continue
    }
    scales.push(round(b, value, quantization, dims))
  }
  graph.sort()
  inferShapes(model)
  return { scales, skipped }
}

function round(b: Builder, value: Value, quantization: IntegerQuantization, dims: readonly (number | string)[]): FakeScale {
  const { graph } = b
  const readers = value.uses.filter(({ node }) => node.graph === graph)
  const { min, max } = rangeOf(quantization)
  const parts = partsOf(quantization, dims)
  const name = `${value.name}_step`
  const scale = graph.addInitializer(name, Tensor.float32(parts, quantization.scale))
  const zeros = quantization.zeroPoint.some((zero) => zero !== 0)
    ? graph.addInitializer(`${value.name}_zero`, Tensor.float32(parts, Float32Array.from(quantization.zeroPoint)))
    : undefined
  const [steps, zero] = [spread(b, scale, quantization, dims), zeros && spread(b, zeros, quantization, dims)]
  const scaled = b.div(value, steps)
  const clipped = b.op('Clip', [zero ? b.add(scaled, zero) : scaled, b.scalar(min), b.scalar(max)])
  const rounded = b.op('Round', [clipped])
  const result = b.mul(zero ? b.sub(rounded, zero) : rounded, steps)
  for (const { node, index } of readers) graph.setInput(node, index, result)
  return { value: scale, of: value.name, quantization }
}

/** The dims of the scales, that broadcast against the value but for blocks. */
function partsOf(quantization: IntegerQuantization, dims: readonly (number | string)[]): number[] {
  // An activation's free dims have one scale.
  return scaleDims(
    dims.map((dim) => (typeof dim === 'number' ? dim : 1)),
    quantization,
  )
}

/** One scale a block becomes one for each index. */
function spread(b: Builder, parts: Value, { block }: IntegerQuantization, dims: readonly (number | string)[]): Value {
  if (!block || block.size === 1) return parts
  const indices = Array.from({ length: dims[block.axis] as number }, (_, index) => Math.floor(index / block.size))
  return b.op('Gather', [parts, b.ints(indices)], { axis: block.axis })
}

/** A weight's elements on the grid that was learned, and that grid. */
export function onGrid(
  tensor: Tensor,
  values: Float32Array,
  old: IntegerQuantization,
  scale: Float32Array,
): { tensor: Tensor; quantization: IntegerQuantization } {
  const { kind, bits, signed, zeroPoint, axis, block } = old
  const grid = { ...(axis === undefined ? {} : { axis }), ...(block === undefined ? {} : { block }) }
  const indices = scaleIndices(tensor.dims, old)
  const { min, max } = rangeOf(old)
  const rounded = values.map((item, at) => {
    const index = indices[at]!
    // As the graph rounds: halves to the even number.
    const level = roundEven(Math.min(max, Math.max(min, Math.fround(item / scale[index]!) + zeroPoint[index]!)))
    return (level - zeroPoint[index]!) * scale[index]!
  })
  return { tensor: Tensor.float32(tensor.dims, rounded), quantization: { kind, bits, signed, zeroPoint, ...grid, scale } }
}

/**
 * The weights that are learned behind a grid: those from before the rounding, each moved into the step that it was rounded to, so that training
 * starts with the rounded model and what was nearly rounded otherwise soon is.
 */
export function latentOf(tensor: Tensor, { latent, scale, ...grid }: IntegerQuantization): Float32Array {
  const rounded = tensor.toFloat32()
  if (!latent) return Float32Array.from(rounded)
  const before = latent.toFloat32()
  const indices = scaleIndices(tensor.dims, grid)
  return Float32Array.from(rounded, (item, at) => {
    const half = NEARLY_HALF * scale[indices[at]!]!
    return Math.min(item + half, Math.max(item - half, before[at]!))
  })
}

const NEARLY_HALF = 0.49

function roundEven(value: number): number {
  const low = Math.floor(value)
  const part = value - low
  if (part !== 0.5) return Math.round(value)
  return low % 2 === 0 ? low : low + 1
}
