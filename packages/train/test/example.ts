import { nativeEngine } from '@whittle/engine'
import { type Dataset, type Model, compress, createRandom, silentLogger } from '@whittle/ir'
import { quantize } from '@whittle/quantize'
import { qat } from '@whittle/train'

/** A model with weights of 4 bits that was trained to follow the original, on samples that need no labels. */
export async function inFourBits(original: Model, samples: Dataset): Promise<Model> {
  const context = { engine: nativeEngine(), training: samples, logger: silentLogger, random: createRandom('in four bits') }
  const steps = [quantize({ bits: 4, latent: true }), qat({ steps: 100 })]
  const { model, reports } = await compress(original, steps, context)
  for (const { at, what } of reports.flatMap(({ changed }) => changed)) console.log(at, what)
  return model
}
