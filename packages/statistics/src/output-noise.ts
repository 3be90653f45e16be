import type { Dataset, Engine, Model, Tensors } from '@whittle/ir'

/** Outputs are compared on samples of so many elements together, and on so many at least and at most. */
const ELEMENTS = 2e6
const SAMPLES = [2, 8] as const

/** The first samples of a dataset, as many as comparing a model's outputs takes. */
export async function firstSamples(calibration: Dataset): Promise<Tensors[]> {
  const samples: Tensors[] = []
  let elements = 0
  for await (const { inputs } of calibration.samples()) {
    samples.push(inputs)
    elements += Object.values(inputs).reduce((sum, { size }) => sum + size, 0)
    if (samples.length >= SAMPLES[1] || (samples.length >= SAMPLES[0] && elements >= ELEMENTS)) break
  }
  return samples
}

/** What a model gives on samples. */
export async function outputsOn(model: Model, samples: readonly Tensors[], engine: Engine): Promise<Tensors[]> {
  const session = await engine.open(model)
  try {
    const results: Tensors[] = []
    for (const inputs of samples) results.push(await session.run(inputs))
    return results
  } finally {
    await session.dispose()
  }
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
