import { type Context, type Dataset, type Model, Tensor, type Tensors, type Value } from '@whittle/ir'
import { calibrationOf } from './calibrate.ts'

/** Layers are tried on calibration samples of so many elements together, and on so many at least and at most. */
const ELEMENTS = 2e6
const SAMPLES = [2, 8] as const

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
  const outputs = async (): Promise<Tensors[]> => {
    const session = await engine.open(model)
    try {
      const results: Tensors[] = []
      for (const inputs of samples) results.push(await session.run(inputs))
      return results
    } finally {
      await session.dispose()
    }
  }
  const reference = await outputs()
  const shares: number[] = []
  for (const { value, tensor } of trials) {
    context.signal?.throwIfAborted()
    const { quantization } = value
    const own = value.tensor!
    value.graph.setTensor(value, towards(own, tensor))
    try {
      shares.push(noiseShare(reference, await outputs()) * NEARER ** 2)
    } finally {
      value.graph.setTensor(value, own)
      value.quantization = quantization
    }
    context.onProgress?.({ step: 'measuring layers', done: shares.length, total: trials.length })
  }
  return shares
}

async function firstSamples(calibration: Dataset): Promise<Tensors[]> {
  const samples: Tensors[] = []
  let elements = 0
  for await (const { inputs } of calibration.samples()) {
    samples.push(inputs)
    elements += Object.values(inputs).reduce((sum, { size }) => sum + size, 0)
    if (samples.length >= SAMPLES[1] || (samples.length >= SAMPLES[0] && elements >= ELEMENTS)) break
  }
  return samples
}

/** A part of the way from one tensor to another. */
function towards(from: Tensor, to: Tensor): Tensor {
  const goal = to.toFloat32()
  return Tensor.float32(
    from.dims,
    from.toFloat32().map((item, at) => item + (goal[at]! - item) / NEARER),
  )
}

/** The greatest share of noise power in signal power among the outputs. */
export function noiseShare(reference: readonly Tensors[], actual: readonly Tensors[]): number {
  let worst = 0
  for (const name of Object.keys(reference[0] ?? {})) {
    let [signal, noise] = [0, 0]
    reference.forEach((outputs, index) => {
      const expected = outputs[name]!
      if (!/^(bfloat|float|double)/.test(expected.type)) return
      const given = actual[index]![name]!.toFloat32()
      expected.toFloat32().forEach((item, at) => {
        if (!Number.isFinite(item)) return
        const difference = item - given[at]!
        signal += item * item
        noise += Number.isFinite(difference) ? difference * difference : Infinity
      })
    })
    if (signal > 0) worst = Math.max(worst, noise / signal)
  }
  return worst
}
