import type { Context, Model } from '@whittle/ir'
import { firstSamples, noiseShare, outputsOn } from '@whittle/statistics'
import type { Coded } from './coded.ts'

/** Layers' errors that are tried. */
const TRIALS = 5

/** What the outputs shall have more than is asked for, since other samples do not give quite the same; and what more would be too much. In dB. */
const [MARGIN, ENOUGH] = [0.5, 1.5]

/**
 * The codebooks of largest error, the same share of each layer's own output, with which the model's outputs on the first calibration samples keep
 * `sqnr` dB. An output follows the layers about dB for dB, so that each trial moves by what the one before was short of or had too much.
 * @param at the codebooks for a layer's error in dB.
 * @param write puts them into a copy of the model.
 * @returns the smallest that were good enough; where none was, the best.
 */
export async function reachOutputs(
  model: Model,
  sqnr: number,
  at: (decibels: number) => Coded[],
  write: (copy: Model, coded: readonly Coded[]) => void,
  context: Context,
): Promise<Coded[]> {
  const engine = context.engine!
  const samples = await firstSamples(context.calibration!)
  const reference = await outputsOn(model, samples, engine)
  let decibels = sqnr
  let good: { coded: Coded[]; decibels: number } | undefined
  let best: { coded: Coded[]; reached: number } | undefined
  for (let trial = 0; trial < TRIALS; trial++) {
    const coded = at(decibels)
    const copy = model.clone()
    write(copy, coded)
    const reached = Math.min(200, -10 * Math.log10(noiseShare(reference, await outputsOn(copy, samples, engine))))
    if (!best || reached > best.reached) best = { coded, reached }
    if (reached >= sqnr + MARGIN && (!good || decibels < good.decibels)) good = { coded, decibels }
    if (reached >= sqnr + MARGIN && reached <= sqnr + ENOUGH) break
    decibels += sqnr + (MARGIN + ENOUGH) / 2 - reached
  }
  return good?.coded ?? best!.coded
}
