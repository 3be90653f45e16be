import { type Context, type Model, type Node, type ScaleGrid, Tensor, type Value, type Weight } from '@whittle/ir'
import type { Gram } from '@whittle/statistics'
import { FLOAT16, allocateBits } from './allocation.ts'
import { roundToGrid } from './grids.ts'
import type { ResolvedOptions } from './options.ts'
import { gainOnData } from './rounding.ts'
import { measureSensitivity } from './sensitivity.ts'

/** A weight that gets fewer bits. */
export interface Wanted {
  readonly weight: Weight
  /** How it is cut into parts that share a scale. */
  readonly grid: ScaleGrid
  /** Why it is rounded to the nearest though rounding on data was asked for. */
  readonly notOnData: string | undefined
}

/** The bits of each weight; {@link FLOAT16} for those that keep float16. */
export interface SharedBits {
  readonly bits: Map<Value, number>
  /** Where it was measured: SQNR of the model's worst output, in dB, when only this weight is rounded to the nearest, to at most two bits more. */
  readonly alone: Map<Value, number>
}

/**
 * Gives every weight the same bits, or those that allocation finds from what each costs at the model's outputs.
 * @param grams of the nodes whose kernels will be rounded on data.
 */
export async function shareBits(
  model: Model,
  wanted: readonly Wanted[],
  grams: ReadonlyMap<Node, readonly Gram[]>,
  options: ResolvedOptions,
  context: Context,
): Promise<SharedBits> {
  const { bits, allocation, sqnr, bytes } = options
  const values = wanted.map(({ weight }) => weight.value)
  if (allocation === 'uniform' || wanted.length === 0) return { bits: new Map(values.map((value) => [value, bits])), alone: new Map() }
  // Tried at more bits than they get, where noise is small and adds up.
  const tried = Math.min(8, bits + 2)
  const trials = wanted.map(({ weight, grid }) => {
    const { value, tensor } = weight
    return { value, tensor: Tensor.float32(tensor.dims, roundToGrid(weight, grid, tried, options).data) }
  })
  const noise = await measureSensitivity(model, trials, context)
  const layers = wanted.map(({ weight, notOnData }, index) => {
    const own = notOnData ? undefined : grams.get(weight.node)
    const gain = own ? gainOnData(weight, own, trials[index]!.tensor, tried) : 1
    return { size: weight.tensor.size, noise: noise[index]! * gain, bits: tried }
  })
  const noiseLimit = sqnr === null ? undefined : 10 ** (-(sqnr + MARGIN) / 10)
  const given = allocateBits(layers, choicesFor(options), { bits, bytes: bytes ?? undefined, noise: noiseLimit })
  return {
    bits: new Map(values.map((value, index) => [value, given[index]!])),
    alone: new Map(values.flatMap((value, index) => (noise[index]! > 0 ? [[value, -10 * Math.log10(noise[index]!)]] : []))),
  }
}

/** What is left for what the sum of single layers does not say, and for activations, in dB. */
const MARGIN = 3

/** Around `bits`, at most two fewer: what noise does there was not measured. All where bytes decide. */
function choicesFor({ bits, bytes }: ResolvedOptions): number[] {
  const least = bytes === null ? Math.max(2, bits - 2) : 2
  return [...Array.from({ length: 9 - least }, (_, index) => least + index), FLOAT16]
}
