import { QualityMeter } from '@whittle/engine'
import { DatasetError, type Engine, type EngineSession, type Sample, type Tensors, TransformError, UnsupportedError } from '@whittle/ir'
import type { Quality } from './types.ts'

/** What the original gives on the samples, computed once for all variants. */
export class Reference {
  readonly samples: readonly Sample[]
  readonly outputs: readonly Tensors[]

  private constructor(samples: readonly Sample[], outputs: readonly Tensors[]) {
    this.samples = samples
    this.outputs = outputs
  }

  static async of(engine: Engine, original: Uint8Array, samples: readonly Sample[], signal?: AbortSignal): Promise<Reference> {
    return new Reference(samples, await runAll(engine, original, samples, signal))
  }

  /**
   * Runs an artefact as it was written, in the browser's own arithmetic, and compares.
   * @throws {TransformError} when its outputs differ in shape, or are not finite where the original's are.
   */
  async compare(engine: Engine, artefact: Uint8Array, signal?: AbortSignal): Promise<Record<string, Quality>> {
    const outputs = await runAll(engine, artefact, this.samples, signal)
    const meter = new QualityMeter()
    outputs.forEach((actual, index) => {
      for (const [name, expected] of Object.entries(this.outputs[index]!)) {
        const given = actual[name]
        if (given?.type !== expected.type || given.dims.join() !== expected.dims.join())
          throw new TransformError(
            'VERIFY_SHAPE',
            `output '${name}' is ${given ? `${given.type}[${given.dims}]` : 'missing'} in the compressed model, and ${expected.type}[${expected.dims}] in the original`,
          )
      }
      meter.add(this.outputs[index]!, actual)
    })
    const result = meter.result()
    for (const [name, { finite }] of Object.entries(result))
      if (finite.reference && !finite.actual)
        throw new TransformError('VERIFY_FINITE', `output '${name}' of the compressed model is NaN or infinite`)
    return Object.fromEntries(Object.entries(result).map(([name, { sqnr, cosine }]) => [name, { sqnr, cosine }]))
  }
}

/**
 * Runs the original.
 * @param made whether the samples were made up.
 * @throws {DatasetError} where they were, and the model does not run on them.
 */
export async function runOriginal(
  engine: Engine,
  original: Uint8Array,
  samples: readonly Sample[],
  { made, signal }: { made: boolean; signal: AbortSignal | undefined },
): Promise<Reference> {
  try {
    return await Reference.of(engine, original, samples, signal)
  } catch (error) {
    if (!made || !(error instanceof UnsupportedError && error.code === 'ENGINE_RUN')) throw error
    const shapes = Object.entries(samples[0]!.inputs).map(([name, { dims }]) => `${name}[${dims.join(', ')}]`)
    throw new DatasetError(
      'INPUTS_UNKNOWN',
      `the model does not run on random inputs of the sizes ${shapes.join(', ')}: give samples with calibrate=, or the sizes with input= (${error.message})`,
      { cause: error },
    )
  }
}

async function runAll(engine: Engine, bytes: Uint8Array, samples: readonly Sample[], signal?: AbortSignal): Promise<Tensors[]> {
  const session: EngineSession = await engine.open(bytes)
  const outputs: Tensors[] = []
  try {
    for (const sample of samples) {
      signal?.throwIfAborted()
      outputs.push(await session.run(sample.inputs))
    }
  } finally {
    await session.dispose()
  }
  return outputs
}
