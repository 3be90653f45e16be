import { type Context, type Model, Tensor, type Value } from '@whittle/ir'
import { firstSamples, noiseShare, outputsOn } from '@whittle/statistics'
import { calibrationOf } from './calibrate.ts'

/** Trials are as much nearer to the weights: the outputs then answer in proportion, and noise of several layers adds up. */
const NEARER = 16

/** What a weight would be in fewer bits. */
export interface Trial {
  readonly value: Value
  readonly tensor: Tensor
}

/**
 * What each trial does to the model's outputs when all else stays in float32: noise power as a share of the signal's, of the output that suffers
 * most. Every trial runs the whole model on the first samples of the calibration data; the model is left as it was.
 * @returns in the order of `trials`; 0 where no output has float elements.
 * @throws {DatasetError} without calibration data or an engine.
 */
export async function measureSensitivity(model: Model, trials: readonly Trial[], context: Context): Promise<number[]> {
  const { engine, calibration } = calibrationOf(context)
  const samples = await firstSamples(calibration)
  const reference = await outputsOn(model, samples, engine)
  const shares: number[] = []
  for (const { value, tensor } of trials) {
    context.signal?.throwIfAborted()
    const { quantization } = value
    const own = value.tensor!
    value.graph.setTensor(value, towards(own, tensor))
    try {
      shares.push(noiseShare(reference, await outputsOn(model, samples, engine)) * NEARER ** 2)
    } finally {
      value.graph.setTensor(value, own)
      value.quantization = quantization
    }
    context.onProgress?.({ step: 'measuring layers', done: shares.length, total: trials.length })
  }
  return shares
}

/** A part of the way from one tensor to another. */
function towards(from: Tensor, to: Tensor): Tensor {
  const goal = to.toFloat32()
  return Tensor.float32(
    from.dims,
    from.toFloat32().map((item, at) => item + (goal[at]! - item) / NEARER),
  )
}
