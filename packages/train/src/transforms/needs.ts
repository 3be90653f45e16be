import { type Context, type Dataset, type Engine, TransformError } from '@whittle/ir'

/** The engine and the samples of what learns. @throws {TransformError} TRAIN_DATA, TRAIN_ENGINE where there are none. */
export function needs(
  name: string,
  dataset: Dataset | undefined,
  { engine, training, calibration }: Context,
): { engine: Engine; samples: Dataset } {
  const samples = dataset ?? training ?? calibration
  if (!samples)
    throw new TransformError(
      'TRAIN_DATA',
      `${name}: it learns from samples, and none are given; name them with calibrate=, or train= where others are to be learned from`,
    )
  if (!engine) throw new TransformError('TRAIN_ENGINE', `${name}: it needs an engine that runs models`)
  return { engine, samples }
}
