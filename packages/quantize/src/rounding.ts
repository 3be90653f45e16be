import {
  type Context,
  DatasetError,
  type Engine,
  type IntegerQuantization,
  type Model,
  type Node,
  type Tensor,
  type Value,
  type Weight,
  rangeOf,
} from '@whittle/ir'
import { type Gram, type Moments, collectGrams, layerMoments, power, replaceRows, roundMantissa, rowsOf } from '@whittle/statistics'
import { adaRound } from './adaround.ts'
import { type Price, type RoundedRow, bitsOf, improveRow, roundRow } from './gptq.ts'

/** Ways to round that look at what a layer is fed with. */
export type DataRounding = 'gptq' | 'adaround'

/**
 * What nodes are fed with on the calibration data.
 * @throws {DatasetError} without calibration data or an engine.
 */
export async function gramsFor(method: DataRounding, model: Model, nodes: readonly Node[], context: Context): Promise<Map<Node, Gram[]>> {
  if (!context.engine || !context.calibration)
    throw new DatasetError(
      'CALIBRATION_MISSING',
      `rounding '${method}' needs calibration data and an engine; give them, or take rounding 'nearest'`,
    )
  return await collectGrams(model, nodes, context)
}

/**
 * Rounds kernels so that what their layers give changes least on the calibration data (see `roundRow` and `adaRound`), one scale for each
 * output channel. What rounding does to the mean of an output goes into the layer's bias where it can have one.
 * @returns the signal to noise ratio of each layer's output, in dB.
 */
export async function roundOnData(
  weights: readonly Weight[],
  grams: ReadonlyMap<Node, readonly Gram[]>,
  bits: ReadonlyMap<Value, number>,
  method: DataRounding,
  context: Context,
): Promise<Map<Weight, number>> {
  const quality = new Map<Weight, number>()
  for (const weight of weights) {
    context.signal?.throwIfAborted()
    quality.set(weight, await roundLayer(weight, grams.get(weight.node)!, bits.get(weight.value)!, method, context.engine!))
    context.onProgress?.({ step: 'rounding weights', done: quality.size, total: weights.length })
  }
  return quality
}

/**
 * What rounding on data does to a layer's error: the squared error of its output with GPTQ, as a share of that with `rounded`, some other
 * rounding to as many bits that leaves the bias alone.
 */
export function gainOnData(weight: Weight, grams: readonly Gram[], rounded: Tensor, bits: number): number {
  const { max } = rangeOf({ bits, signed: true })
  const rows = rowsOf(weight)
  const others = rowsOf({ ...weight, tensor: rounded })
  const { groupOf, hasBias } = layerMoments(weight, grams, rows.length)
  let [own, other] = [0, 0]
  rows.forEach((row, index) => {
    const { moments, gram } = groupOf(index)
    own += roundRow(row, moments, max, (scale) => roundMantissa(scale, bits)).error
    const lost = row.map((item, at) => item - others[index]![at]!)
    const shift = hasBias ? lost.reduce((sum, item, at) => sum + item * gram.mean[at]!, 0) : 0
    other += power(moments, lost) + shift ** 2
  })
  return other > 0 ? own / other : 1
}

/**
 * What a bit is worth, as a share of a weight's part of the layer's error. With r bits a weight the error falls as `2^-2r`, so that at 2 ln 2 a
 * bit less costs as much as a bit more gains. PP-OCRv4 recogniser at 4 bits, brotli bytes: 1.097 MB with 0, 1.076 with 0.5, 1.062 with 1, 1.049 with 1.5,
 * which reads as well.
 */
const RATE = 1.5

async function roundLayer(weight: Weight, grams: readonly Gram[], bits: number, method: DataRounding, engine: Engine): Promise<number> {
  const { value, tensor, outputAxis } = weight
  const { max } = rangeOf({ bits, signed: true })
  const rows = rowsOf(weight)
  const layer = layerMoments(weight, grams, rows.length)
  const { groups, groupOf } = layer
  const toScale = (scale: number): number => roundMantissa(scale, bits)
  const first = rows.map((row, index) => roundRow(row, groupOf(index).moments, max, toScale))
  const improve = (): RoundedRow[] => {
    const rate = (RATE * first.reduce((sum, { error }) => sum + error, 0)) / tensor.size
    const price: Price = { bits: bitsOf(first, max), rate }
    return rows.map((row, index) => improveRow(row, first[index]!, groupOf(index).moments, max, toScale, price))
  }
  const learn = async (): Promise<RoundedRow[]> => {
    const share = rows.length / groups.length
    const learned: RoundedRow[] = []
    for (const [group, { moments }] of groups.entries()) {
      const [from, to] = [group * share, (group + 1) * share]
      learned.push(...(await learnRows(rows.slice(from, to), first.slice(from, to), moments, max, engine)))
    }
    return learned
  }
  const rounded = method === 'adaround' ? await learn() : improve()
  const short = rounded.map(({ integers, scale, error }) => ({ values: Float32Array.from(integers, (item) => item * scale), error }))
  const quality = replaceRows(weight, rows, short, layer)
  value.quantization = gridOf(rounded, bits, outputAxis!)
  return quality
}

/** Learns at the scales of `first` whether weights are rounded up or down. */
async function learnRows(
  rows: readonly Float32Array[],
  first: readonly RoundedRow[],
  moments: Moments,
  max: number,
  engine: Engine,
): Promise<RoundedRow[]> {
  const scales = Float32Array.from(first, ({ scale }) => scale)
  const learned = await adaRound(rows, scales, moments, max, engine)
  return learned.map((integers, index) => {
    const scale = first[index]!.scale
    const error = power(
      moments,
      rows[index]!.map((item, at) => item - integers[at]! * scale),
    )
    return { integers, scale, error }
  })
}

function gridOf(rows: readonly RoundedRow[], bits: number, axis: number): IntegerQuantization {
  return {
    kind: 'integer',
    bits,
    signed: true,
    scale: Float32Array.from(rows, ({ scale }) => scale),
    zeroPoint: new Int32Array(rows.length),
    axis,
  }
}
